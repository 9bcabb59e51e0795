import type { Labels } from '../../../core/alerts/alert.ts';
import type { Group } from '../../../storage/queries/query-definition.ts';
import type { EventHistory } from './event-history.ts';

/** One group of an objective, such as a service, with its events. */
export interface ObjectiveGroup {
  readonly labels: Labels;
  readonly history: EventHistory;
  /** The events that can raise alerts, if some failures don't. Planned restarts use the budget of an uptime objective. */
  readonly alertHistory?: EventHistory | undefined;
}

/** Returns the labels of a group, without dimensions that have no value. */
export function toGroupLabels(group: Group): Labels {
  return Object.fromEntries(
    Object.entries(group).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
}
