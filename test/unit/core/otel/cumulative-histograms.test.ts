import fc from 'fast-check';
import { expect, it } from 'vitest';
import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelSummaryPoint,
} from '../../../../src/core/otel/metric-data.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import type {
  ConvertedPoint,
  SeriesTransaction,
} from '../../../../src/core/otel/series/cumulative-to-delta.ts';

const NOW_MS = 1_000_000;
const STEP_MS = 10;

/** A series that can be restarted from its encoded states, like a server after a crash. */
class RestartableSeries {
  #series = new CumulativeSeries({ sinceMs: 0 });
  readonly #records: Buffer[] = [];

  convert<P>(convert: (transaction: SeriesTransaction) => ConvertedPoint<P>): ConvertedPoint<P> {
    const transaction = this.#series.begin(NOW_MS);
    const converted = convert(transaction);
    const state = transaction.encode();
    if (state) this.#records.push(state);
    transaction.commit();
    return converted;
  }

  /**
   * Converts a point. Expects the same result if it is sent again, also after a restart.
   *
   * @param normalize returns what must be the same. Default: everything
   */
  convertRepeatedly<P>(
    convert: (transaction: SeriesTransaction) => ConvertedPoint<P>,
    normalize: (converted: ConvertedPoint<P>) => unknown = (converted) => converted,
  ): ConvertedPoint<P> {
    const converted = this.convert(convert);
    expect(normalize(this.convert(convert))).toEqual(normalize(converted));
    this.#series = new CumulativeSeries({ sinceMs: 0 });
    // Their order in the spool is not known.
    for (const record of this.#records.toReversed()) this.#series.states.merge(record);
    expect(normalize(this.convert(convert))).toEqual(normalize(converted));
    return converted;
  }
}

/** The part of a test that depends on the interval: new values, and whether the sender starts again before them. */
interface Interval<T> {
  readonly values: readonly T[];
  readonly restarts: boolean;
}

/** Calls `check` for each interval with all values since the start, the earlier ones of them, and the new ones. */
function forEachInterval<T, I extends Interval<T>>(
  intervals: readonly I[],
  check: (step: {
    interval: I;
    all: readonly T[];
    earlier: readonly T[];
    startTimeMs: number;
    timeMs: number;
    deltaStartMs: number;
  }) => void,
): void {
  let all: readonly T[] = [];
  let startTimeMs = STEP_MS;
  let deltaStartMs = startTimeMs;
  intervals.forEach((interval, i) => {
    if (interval.restarts && i > 0) {
      all = [];
      startTimeMs = deltaStartMs + 1;
      deltaStartMs = startTimeMs;
    }
    const earlier = all;
    all = [...all, ...interval.values];
    const timeMs = (i + 2) * STEP_MS;
    check({ interval, all, earlier, startTimeMs, timeMs, deltaStartMs });
    deltaStartMs = timeMs;
  });
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const countIn = (values: readonly number[], isInBucket: (value: number) => boolean) =>
  values.filter(isInBucket).length;

/** Sums, minimum, and maximum. The extremes of an interval are known only if they are new extremes of the series. */
function getTotals(values: readonly number[]) {
  const count = values.length;
  if (count === 0) return { count, sum: 0, min: undefined, max: undefined };
  return { count, sum: sumOf(values), min: Math.min(...values), max: Math.max(...values) };
}

function getExpectedTotals(
  all: readonly number[],
  earlier: readonly number[],
  isFirst: boolean,
): object {
  const totals = getTotals(all);
  if (isFirst) return totals;
  const before = getTotals(earlier);
  const hasNewMin = before.count > 0 && totals.min! < before.min!;
  const hasNewMax = before.count > 0 && totals.max! > before.max!;
  return {
    count: totals.count - before.count,
    sum: totals.sum - before.sum,
    min: hasNewMin ? totals.min : undefined,
    max: hasNewMax ? totals.max : undefined,
  };
}

const BOUNDS = [10, 20, 50];

function countBuckets(values: readonly number[]): number[] {
  return [...BOUNDS, Number.POSITIVE_INFINITY].map((upper, i) =>
    countIn(values, (value) => value <= upper && value > (BOUNDS[i - 1] ?? -1)),
  );
}

it('converts explicit histograms to the histograms of each interval', () => {
  const intervals = fc.array(
    fc.record({ values: fc.array(fc.nat(80), { maxLength: 8 }), restarts: fc.boolean() }),
    { minLength: 1, maxLength: 10 },
  );
  fc.assert(
    fc.property(intervals, (each) => {
      const series = new RestartableSeries();
      forEachInterval<number, Interval<number>>(each, (step) => {
        const { all, earlier, startTimeMs, timeMs, deltaStartMs, interval } = step;
        const point: OtelHistogramPoint = {
          ...{ attributes: {}, startTimeMs, timeMs, ...getTotals(all) },
          ...{ bounds: BOUNDS, bucketCounts: countBuckets(all) },
        };
        const converted = series.convertRepeatedly((transaction) =>
          // A decoder creates new lists for each request.
          transaction.convertHistogram('a', { ...point, bounds: [...point.bounds] }),
        );
        expect(converted).toEqual({
          kind: 'delta',
          startTimeMs: deltaStartMs,
          point: {
            ...point,
            ...getExpectedTotals(all, earlier, deltaStartMs === startTimeMs),
            startTimeMs: deltaStartMs,
            bucketCounts: countBuckets(interval.values),
          },
        });
      });
    }),
  );
});

/** Scale of the indexes that stand for values. */
const VALUE_SCALE = 6;
/** Scale to which deltas are limited. */
const MAX_SCALE = 3;

/** A value as its bucket of scale 6, its sign, or zero. */
interface ExponentialValue {
  readonly index: number;
  readonly sign: -1 | 0 | 1;
}

const toIndex = (index: number, scale: number) => Math.floor(index / 2 ** (VALUE_SCALE - scale));
const toNumber = ({ index, sign }: ExponentialValue) => sign * Math.round(index + 300);

/** The values below a threshold of 2^n count as zero. */
const isZero = ({ index, sign }: ExponentialValue, zeroExponent: number | undefined) =>
  sign === 0 || (zeroExponent !== undefined && index < zeroExponent * 2 ** VALUE_SCALE);

/** Returns the count of each bucket that is not empty. */
function countIndexes(
  values: readonly ExponentialValue[],
  sign: -1 | 1,
  scale: number,
  zeroExponent: number | undefined,
): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const value of values) {
    if (value.sign !== sign || isZero(value, zeroExponent)) continue;
    const index = toIndex(value.index, scale);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

/** @param padding number of empty buckets before and after the others, as in some SDKs */
function toRange(counts: Record<number, number>, padding: number) {
  const indexes = Object.keys(counts).map(Number);
  if (indexes.length === 0) return { offset: 0, bucketCounts: [] };
  const offset = Math.min(...indexes) - padding;
  const length = Math.max(...indexes) + padding - offset + 1;
  return { offset, bucketCounts: Array.from({ length }, (_, i) => counts[offset + i] ?? 0) };
}

function fromRange({ offset, bucketCounts }: OtelExponentialHistogramPoint['positive']) {
  return Object.fromEntries(
    bucketCounts.map((count, i) => [offset + i, count] as const).filter(([, count]) => count > 0),
  );
}

/** The offset of a range without buckets means nothing. */
function normalizeRanges(converted: ConvertedPoint<OtelExponentialHistogramPoint>): unknown {
  if (converted.kind !== 'delta') return converted;
  const { positive, negative, ...rest } = converted.point;
  return { ...rest, positive: fromRange(positive), negative: fromRange(negative) };
}

const EXPONENTIAL_VALUES = fc.array(
  fc.record({
    index: fc.integer({ min: -300, max: 300 }),
    sign: fc.constantFrom<-1 | 0 | 1>(-1, 0, 1),
  }),
  { maxLength: 8 },
);

interface ExponentialInterval extends Interval<ExponentialValue> {
  readonly scale: number;
  readonly padding: number;
  readonly zeroExponent: number | undefined;
}

function checkExponential(intervals: readonly ExponentialInterval[]): void {
  const series = new RestartableSeries();
  let lastScale = VALUE_SCALE;
  let lastZeroExponent: number | undefined;
  forEachInterval<ExponentialValue, ExponentialInterval>(intervals, (step) => {
    const { all, earlier, startTimeMs, timeMs, deltaStartMs, interval } = step;
    const { scale, padding, zeroExponent } = interval;
    const isFirst = deltaStartMs === startTimeMs;
    const point: OtelExponentialHistogramPoint = {
      ...{ attributes: {}, startTimeMs, timeMs, ...getTotals(all.map(toNumber)), scale },
      zeroCount: all.filter((value) => isZero(value, zeroExponent)).length,
      zeroThreshold: zeroExponent === undefined ? 0 : 2 ** zeroExponent,
      positive: toRange(countIndexes(all, 1, scale, zeroExponent), padding),
      negative: toRange(countIndexes(all, -1, scale, zeroExponent), padding),
    };
    const converted = series.convertRepeatedly(
      (transaction) => transaction.convertExponentialHistogram('a', point),
      normalizeRanges,
    );
    const deltaScale = Math.min(scale, MAX_SCALE, isFirst ? scale : lastScale);
    const exponents = isFirst ? [zeroExponent] : [zeroExponent, lastZeroExponent];
    const known = exponents.filter((each) => each !== undefined);
    const deltaZeroExponent = known.length > 0 ? Math.max(...known) : undefined;
    lastScale = scale;
    lastZeroExponent = zeroExponent;
    if (converted.kind !== 'delta') throw new Error(converted.reason);
    const { positive, negative, ...rest } = converted.point;
    expect(rest).toMatchObject({
      ...getExpectedTotals(all.map(toNumber), earlier.map(toNumber), isFirst),
      startTimeMs: deltaStartMs,
      scale: deltaScale,
      zeroCount: interval.values.filter((value) => isZero(value, deltaZeroExponent)).length,
    });
    const count = (sign: -1 | 1) =>
      countIndexes(interval.values, sign, deltaScale, deltaZeroExponent);
    expect(fromRange(positive)).toEqual(count(1));
    expect(fromRange(negative)).toEqual(count(-1));
  });
}

it('converts exponential histograms of any scales to the histograms of each interval', () => {
  const interval = fc.record({
    values: EXPONENTIAL_VALUES,
    restarts: fc.boolean(),
    scale: fc.integer({ min: -4, max: VALUE_SCALE }),
    padding: fc.nat(3),
    zeroExponent: fc.constant(undefined),
  });
  fc.assert(fc.property(fc.array(interval, { minLength: 1, maxLength: 8 }), checkExponential));
});

it('converts exponential histograms whose zero buckets have different sizes', () => {
  const interval = fc.record({
    values: EXPONENTIAL_VALUES,
    restarts: fc.boolean(),
    scale: fc.integer({ min: 0, max: VALUE_SCALE }),
    padding: fc.nat(3),
    zeroExponent: fc.option(fc.integer({ min: -4, max: 4 }), { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(interval, { minLength: 1, maxLength: 8 }), checkExponential));
});

it('converts the count and the sum of summaries, and keeps the quantiles', () => {
  const intervals = fc.array(
    fc.record({ values: fc.array(fc.nat(80), { maxLength: 8 }), restarts: fc.boolean() }),
    { minLength: 1, maxLength: 10 },
  );
  fc.assert(
    fc.property(intervals, (each) => {
      const series = new RestartableSeries();
      forEachInterval<number, Interval<number>>(each, (step) => {
        const { all, startTimeMs, timeMs, deltaStartMs, interval } = step;
        const quantiles = [{ quantile: 0.5, value: timeMs }];
        const point: OtelSummaryPoint = {
          ...{ attributes: {}, startTimeMs, timeMs, quantiles },
          ...{ count: all.length, sum: sumOf(all) },
        };
        const { values } = interval;
        expect(series.convertRepeatedly((tx) => tx.convertSummary('a', point))).toEqual({
          kind: 'delta',
          startTimeMs: deltaStartMs,
          point: { ...point, startTimeMs: deltaStartMs, count: values.length, sum: sumOf(values) },
        });
      });
    }),
  );
});

it('counts a histogram from zero if its bounds change or its counts decrease with the same start', () => {
  const series = new RestartableSeries();
  const send = (timeMs: number, bounds: number[], bucketCounts: number[]) =>
    series.convertRepeatedly((transaction) =>
      transaction.convertHistogram('a', {
        ...{ attributes: {}, startTimeMs: 1, timeMs, bounds, bucketCounts },
        ...{ count: sumOf(bucketCounts), sum: 1 },
      }),
    );
  const expectCounts = (converted: ConvertedPoint<OtelHistogramPoint>, counts: number[]) =>
    expect(converted).toMatchObject({ kind: 'delta', point: { bucketCounts: counts } });
  expectCounts(send(10, [5], [3, 1]), [3, 1]);
  expectCounts(send(20, [6], [4, 2]), [4, 2]);
  expectCounts(send(30, [6], [4, 5]), [0, 3]);
  // The total increases, but one bucket decreases.
  expectCounts(send(40, [6], [3, 9]), [3, 9]);
  expectCounts(send(50, [6], [1, 0]), [1, 0]);
});
