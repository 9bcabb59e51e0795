import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelNumberPoint,
  OtelSummaryPoint,
} from '../metric-data.ts';

/** Maximum scale of exponential histograms. Buckets are stored with this scale, so a finer one needs only memory. */
const MAX_SCALE = 3;

/** Counts since the start of a series, or changes of them. */
export interface HistogramValues {
  readonly count: number;
  readonly sum: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly bounds: readonly number[];
  readonly bucketCounts: readonly number[];
}

export interface BucketRange {
  readonly offset: number;
  readonly bucketCounts: readonly number[];
}

export interface ExponentialHistogramValues {
  readonly count: number;
  readonly sum: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly scale: number;
  readonly zeroCount: number;
  readonly zeroThreshold: number;
  readonly positive: BucketRange;
  readonly negative: BucketRange;
}

export interface SummaryValues {
  readonly count: number;
  readonly sum: number;
}

/** Returns the increase since an earlier value of the same series. Returns undefined if the series was reset. */
export type Subtract<V> = (newer: V, older: V) => V | undefined;

export function subtractNumbers(newer: number, older: number): number | undefined {
  return newer >= older ? newer - older : undefined;
}

export function subtractSummaries(
  newer: SummaryValues,
  older: SummaryValues,
): SummaryValues | undefined {
  if (newer.count < older.count) return undefined;
  return { count: newer.count - older.count, sum: newer.sum - older.sum };
}

export function subtractHistograms(
  newer: HistogramValues,
  older: HistogramValues,
): HistogramValues | undefined {
  if (newer.count < older.count || !areEqual(newer.bounds, older.bounds)) return undefined;
  const bucketCounts = subtractCounts(newer.bucketCounts, older.bucketCounts);
  if (!bucketCounts) return undefined;
  return { ...subtractTotals(newer, older), bounds: newer.bounds, bucketCounts };
}

export function subtractExponentialHistograms(
  newer: ExponentialHistogramValues,
  older: ExponentialHistogramValues,
): ExponentialHistogramValues | undefined {
  if (newer.count < older.count) return undefined;
  const scale = Math.min(newer.scale, older.scale);
  const zeroThreshold = Math.max(newer.zeroThreshold, older.zeroThreshold);
  const last = widenZeroBucket(reduceScale(newer, scale), zeroThreshold);
  const first = widenZeroBucket(reduceScale(older, scale), zeroThreshold);
  const positive = subtractRanges(last.positive, first.positive);
  const negative = subtractRanges(last.negative, first.negative);
  if (!positive || !negative || last.zeroCount < first.zeroCount) return undefined;
  const zeroCount = last.zeroCount - first.zeroCount;
  return { ...subtractTotals(newer, older), scale, zeroCount, zeroThreshold, positive, negative };
}

/** Returns the values of a point, with a scale of at most {@link MAX_SCALE}. */
export function toExponentialHistogramValues({
  count,
  sum,
  min,
  max,
  scale,
  zeroCount,
  zeroThreshold = 0,
  positive,
  negative,
}: OtelExponentialHistogramPoint): ExponentialHistogramValues {
  const values = { count, sum, min, max, scale, zeroCount, zeroThreshold };
  return reduceScale({ ...values, positive, negative }, Math.min(scale, MAX_SCALE));
}

/** @param bounds the bounds of the point, if they exist already, to save memory */
export function toHistogramValues(
  { count, sum, min, max, bucketCounts }: OtelHistogramPoint,
  bounds: readonly number[],
): HistogramValues {
  return { count, sum, min, max, bounds, bucketCounts };
}

export function areEqual(first: readonly number[], second: readonly number[]): boolean {
  if (first === second) return true;
  if (first.length !== second.length) return false;
  for (let i = 0; i < first.length; i++) if (first[i] !== second[i]) return false;
  return true;
}

/** An interval's minimum and maximum are known only if they changed the minimum and the maximum since the start. */
function subtractTotals(
  newer: Pick<HistogramValues, 'count' | 'sum' | 'min' | 'max'>,
  older: Pick<HistogramValues, 'count' | 'sum' | 'min' | 'max'>,
): Pick<HistogramValues, 'count' | 'sum' | 'min' | 'max'> {
  const { count, sum, min, max } = newer;
  const hasSum = sum !== undefined && older.sum !== undefined;
  return {
    count: count - older.count,
    sum: hasSum ? sum - older.sum : undefined,
    min: min !== undefined && older.min !== undefined && min < older.min ? min : undefined,
    max: max !== undefined && older.max !== undefined && max > older.max ? max : undefined,
  };
}

function subtractCounts(newer: readonly number[], older: readonly number[]): number[] | undefined {
  if (newer.length !== older.length) return undefined;
  const counts = new Array<number>(newer.length);
  for (let i = 0; i < newer.length; i++) {
    const count = newer[i]! - older[i]!;
    if (count < 0) return undefined;
    counts[i] = count;
  }
  return counts;
}

/** Buckets outside of a range are empty. */
function subtractRanges(newer: BucketRange, older: BucketRange): BucketRange | undefined {
  const shift = newer.offset - older.offset;
  for (let i = 0; i < older.bucketCounts.length; i++) {
    const count = older.bucketCounts[i]!;
    if (count > (newer.bucketCounts[i - shift] ?? 0)) return undefined;
  }
  const bucketCounts = newer.bucketCounts.map(
    (count, i) => count - (older.bucketCounts[i + shift] ?? 0),
  );
  return { offset: newer.offset, bucketCounts };
}

function reduceScale(
  values: ExponentialHistogramValues,
  scale: number,
): ExponentialHistogramValues {
  const bits = values.scale - scale;
  if (bits <= 0) return values;
  const positive = mergeBuckets(values.positive, bits);
  const negative = mergeBuckets(values.negative, bits);
  return { ...values, scale, positive, negative };
}

/** Merges each 2^bits buckets. */
function mergeBuckets({ offset, bucketCounts }: BucketRange, bits: number): BucketRange {
  if (bucketCounts.length === 0) return { offset: 0, bucketCounts };
  // An index has 32 bits, and a shift by 32 would change nothing.
  const toMerged = (index: number) => index >> Math.min(bits, 31);
  const first = toMerged(offset);
  const length = toMerged(offset + bucketCounts.length - 1) - first + 1;
  const merged = new Array<number>(length).fill(0);
  for (let i = 0; i < bucketCounts.length; i++) {
    const index = toMerged(offset + i) - first;
    merged[index] = merged[index]! + bucketCounts[i]!;
  }
  return { offset: first, bucketCounts: merged };
}

/** Moves the buckets that start below a threshold to the count of zeros. */
function widenZeroBucket(
  values: ExponentialHistogramValues,
  threshold: number,
): ExponentialHistogramValues {
  if (threshold <= values.zeroThreshold) return values;
  const first = Math.ceil(Math.log2(threshold) * 2 ** values.scale - 1e-9);
  const positive = removeBuckets(values.positive, first);
  const negative = removeBuckets(values.negative, first);
  const zeroCount = values.zeroCount + positive.removed + negative.removed;
  return { ...values, zeroThreshold: threshold, zeroCount, positive, negative };
}

/** Removes the buckets before an index. */
function removeBuckets(
  { offset, bucketCounts }: BucketRange,
  first: number,
): BucketRange & { removed: number } {
  const removedBuckets = Math.min(Math.max(0, first - offset), bucketCounts.length);
  if (removedBuckets === 0) return { offset, bucketCounts, removed: 0 };
  const removed = bucketCounts.slice(0, removedBuckets).reduce((sum, count) => sum + count, 0);
  return {
    offset: offset + removedBuckets,
    bucketCounts: bucketCounts.slice(removedBuckets),
    removed,
  };
}

/** Returns a point with the values of a delta. */
export function toNumberPoint(
  point: OtelNumberPoint,
  value: number,
  startTimeMs: number,
): OtelNumberPoint {
  return { ...point, startTimeMs, value };
}

/** Same as `toNumberPoint`. */
export function toHistogramPoint(
  point: OtelHistogramPoint,
  values: HistogramValues,
  startTimeMs: number,
): OtelHistogramPoint {
  return { ...point, ...values, startTimeMs };
}

/** Same as `toNumberPoint`. */
export function toExponentialPoint(
  point: OtelExponentialHistogramPoint,
  values: ExponentialHistogramValues,
  startTimeMs: number,
): OtelExponentialHistogramPoint {
  return { ...point, ...values, startTimeMs };
}

/** Same as `toNumberPoint`. */
export function toSummaryPoint(
  point: OtelSummaryPoint,
  { count, sum }: { count: number; sum: number },
  startTimeMs: number,
): OtelSummaryPoint {
  return { ...point, count, sum, startTimeMs };
}
