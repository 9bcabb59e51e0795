import type { MetricSums } from '../../../storage/queries/measurement-sums.ts';
import type { Group } from '../../../storage/queries/query-definition.ts';
import { type Bounds, type Observation, toLabels } from '../evaluation/observation.ts';
import type { Measure } from '../rules/alert-rule.ts';

/** Types with one value per request, call, statement, or job. Other values are sampled or irregular. */
const DURATION_TYPES: ReadonlySet<Measure['type']> = new Set([
  'API_RESPONSE_TIME',
  'OUTGOING_REQUEST_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_WAIT_TIME',
  'QUEUE_PROCESSING_TIME',
]);

/** The sums that a value is computed from. */
export type SumValues = Omit<MetricSums, 'group'>;

/** Returns the mean without the largest and without the smallest duration. */
export function computeMeanBounds(
  { count, sum, min, max }: SumValues,
  { type }: Pick<Measure, 'type'>,
): Bounds | undefined {
  if (!DURATION_TYPES.has(type) || count === 0 || min === undefined || max === undefined)
    return undefined;
  if (count === 1) return { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };
  return { lower: (sum - max) / (count - 1), upper: (sum - min) / (count - 1) };
}

/** Returns the mean of all measurements, or of the gauge values. */
export function computeMean({ count, sum, valueCount, valueSum }: SumValues): number | undefined {
  if (count > 0) return sum / count;
  return valueCount > 0 ? valueSum / valueCount : undefined;
}

/** Returns the number of measurements, or of gauge values. */
export function getCount({ count, valueCount }: SumValues): number {
  return count > 0 ? count : valueCount;
}

/** Returns the observation of a group. Times are in ms since the epoch. */
export function toObservation(
  { group, newestMs, oldestMs }: { group: Group; newestMs: number; oldestMs?: number },
  value: number | undefined,
  count: number,
): Observation {
  const coveredMs = oldestMs === undefined ? undefined : newestMs - oldestMs;
  return { labels: toLabels(group), value, count, newestMs, coveredMs };
}
