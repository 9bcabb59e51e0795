import { MINUTE_MS } from '../../../core/duration.ts';
import { isRate } from '../../anomalies/band-measure.ts';
import type { AlertRule } from '../rules/alert-rule.ts';
import { getObservationWindowMs } from '../rules/alert-rule.ts';

const MIN_GRACE_MS = MINUTE_MS;
const MAX_GRACE_MS = 5 * MINUTE_MS;

/** Tracks whether QuestDB contains all rows that services have sent. */
export interface DataCompleteness {
  /** Whether QuestDB responds. */
  readonly isReachable: boolean;
  /** Last time at which rows couldn't be stored or read, in ms since the epoch. Undefined: never. */
  readonly lastDegradedMs: number | undefined;
}

/**
 * Returns whether a rule can conclude anything from missing rows at `now`. After a problem with the
 * storage, services first send the rows of their spools. This lasts for the rule's window, but at
 * least 1 min and at most 5 min.
 */
export function isDataComplete(
  { lastDegradedMs }: Pick<DataCompleteness, 'lastDegradedMs'>,
  rule: AlertRule,
  now: number,
): boolean {
  if (lastDegradedMs === undefined) return true;
  const windowMs = getObservationWindowMs(rule);
  const graceMs = Math.min(Math.max(windowMs, MIN_GRACE_MS), MAX_GRACE_MS);
  return now - lastDegradedMs >= graceMs || now < lastDegradedMs;
}

/** Returns whether the value of a rule falls, and an alert can fire, because rows are missing. */
export function firesOnMissingRows({ source, direction }: AlertRule): boolean {
  // The objective might be an uptime.
  if (source.kind === 'burnRate') return true;
  if (source.kind !== 'measure') return false;
  const { anomaly } = source;
  if (anomaly) return anomaly.direction !== 'above' && isRate(anomaly.of);
  if (direction !== 'below') return false;
  return (
    source.aggregate === 'uptime' || source.aggregate === 'count' || source.aggregate === 'rate'
  );
}
