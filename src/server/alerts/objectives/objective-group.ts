import type { Labels } from '../../../core/alerts/alert.ts';
import type { EventHistory } from './event-history.ts';

/** One group of an objective, such as a service, with its events. */
export interface ObjectiveGroup {
  readonly labels: Labels;
  readonly history: EventHistory;
  /** The events that can raise alerts, if some failures don't. Planned restarts use the budget of an uptime objective. */
  readonly alertHistory?: EventHistory | undefined;
}
