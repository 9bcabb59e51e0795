import { MAX_NAME_LENGTH } from '../../schema/table-definition.ts';
import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelMetric,
  OtelNumberPoint,
  OtelSummaryPoint,
} from '../metric-data.ts';

/** Why a point can't be stored. */
export type RejectReason =
  | 'invalid_timestamp'
  | 'too_old'
  | 'future_timestamp'
  | 'not_finite'
  | 'negative_count'
  | 'invalid_buckets'
  | 'invalid_quantile'
  | 'unspecified_temporality'
  | 'empty_name'
  | 'name_too_long'
  | 'no_data';

/** The range of times that can be stored, in ms since the epoch. */
export interface ValidTimes {
  readonly oldestMs: number;
  readonly newestMs: number;
}

const MAX_FUTURE_MS = 600_000;
/** Larger numbers can't be added up without becoming infinite. */
const MAX_VALUE = 1e300;
/** QuestDB stores counts as 64-bit integers, and larger numbers aren't exact in JavaScript. */
const MAX_COUNT = Number.MAX_SAFE_INTEGER;

/** Returns the times that can be stored. Older rows would expire immediately. */
export function getValidTimes(nowMs: number, retentionMs: number): ValidTimes {
  return { oldestMs: nowMs - retentionMs, newestMs: nowMs + MAX_FUTURE_MS };
}

/** Returns why none of a metric's points can be stored. Undefined if they can. */
export function findMetricProblem(metric: OtelMetric): RejectReason | undefined {
  if (metric.name === '') return 'empty_name';
  // Each row contains the name and the unit.
  if (Math.max(metric.name.length, metric.unit.length) > MAX_NAME_LENGTH) return 'name_too_long';
  if ('temporality' in metric && metric.temporality === 'unspecified') {
    return 'unspecified_temporality';
  }
  return undefined;
}

/** Returns why a point has no valid time. Undefined if its time is valid. */
export function findTimeProblem(
  { startTimeMs, timeMs }: Pick<OtelNumberPoint, 'startTimeMs' | 'timeMs'>,
  { oldestMs, newestMs }: ValidTimes,
): RejectReason | undefined {
  if (!(timeMs > 0) || !(startTimeMs >= 0)) return 'invalid_timestamp';
  if (timeMs > newestMs) return 'future_timestamp';
  return timeMs < oldestMs ? 'too_old' : undefined;
}

export function findNumberProblem({ value }: OtelNumberPoint): RejectReason | undefined {
  return isValue(value) ? undefined : 'not_finite';
}

export function findHistogramProblem(point: OtelHistogramPoint): RejectReason | undefined {
  const { bounds, bucketCounts, count } = point;
  const problem = findSummaryProblem(point);
  if (problem) return problem;
  if (!bucketCounts.every(isCount)) return 'negative_count';
  for (let i = 0; i < bounds.length; i++) {
    if (!isValue(bounds[i]!)) return 'not_finite';
    if (i > 0 && bounds[i]! <= bounds[i - 1]!) return 'invalid_buckets';
  }
  if (bucketCounts.length === 0) return bounds.length === 0 ? undefined : 'invalid_buckets';
  if (bucketCounts.length !== bounds.length + 1) return 'invalid_buckets';
  return addUp(bucketCounts) === count ? undefined : 'invalid_buckets';
}

export function findExponentialHistogramProblem(
  point: OtelExponentialHistogramPoint,
): RejectReason | undefined {
  const { count, zeroCount, positive, negative, scale, zeroThreshold = 0 } = point;
  const problem = findSummaryProblem(point);
  if (problem) return problem;
  if (!isCount(zeroCount)) return 'negative_count';
  if (![...positive.bucketCounts, ...negative.bucketCounts].every(isCount)) return 'negative_count';
  // The scales of the specification. Others would have bounds that aren't finite.
  if (!Number.isInteger(scale) || scale < -10 || scale > 20) return 'invalid_buckets';
  if (!isValue(zeroThreshold)) return 'not_finite';
  for (const { offset, bucketCounts } of [positive, negative]) {
    if (bucketCounts.length > 0 && !hasFiniteBounds(offset, bucketCounts.length, scale)) {
      return 'invalid_buckets';
    }
  }
  const sum = zeroCount + addUp(positive.bucketCounts) + addUp(negative.bucketCounts);
  return sum === count ? undefined : 'invalid_buckets';
}

/** The exponents of double-precision numbers are between -1074 and 1023. */
function hasFiniteBounds(offset: number, length: number, scale: number): boolean {
  const perOctave = 2 ** scale;
  return offset >= -1074 * perOctave && (offset + length) / perOctave <= 1000;
}

export function findSummaryPointProblem(point: OtelSummaryPoint): RejectReason | undefined {
  const problem = findSummaryProblem(point);
  if (problem) return problem;
  const isValid = point.quantiles.every(({ quantile }) => quantile >= 0 && quantile <= 1);
  return isValid ? undefined : 'invalid_quantile';
}

function findSummaryProblem({
  count,
  sum = 0,
  min = 0,
  max = 0,
}: {
  count: number;
  sum?: number | undefined;
  min?: number | undefined;
  max?: number | undefined;
}): RejectReason | undefined {
  if (!isCount(count)) return 'negative_count';
  return [sum, min, max].every(isValue) ? undefined : 'not_finite';
}

function isValue(value: number): boolean {
  return Math.abs(value) <= MAX_VALUE;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
}

function addUp(counts: readonly number[]): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
