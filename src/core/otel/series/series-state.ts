import type {
  ExponentialHistogramValues,
  HistogramValues,
  Subtract,
  SummaryValues,
} from './cumulative-values.ts';
import type { KnownSince, SeriesGroup } from './series-groups.ts';

/** The values of each kind of series. `delta` is a series whose last point was a delta, so it has no values. */
export interface SeriesValues {
  number: number;
  histogram: HistogramValues;
  exponentialHistogram: ExponentialHistogramValues;
  summary: SummaryValues;
  delta: undefined;
}

/** The last point of a cumulative series, and the delta to which it was converted. Never changes. */
export interface SeriesStateOf<K extends keyof SeriesValues> {
  readonly kind: K;
  readonly key: string;
  readonly group: SeriesGroup;
  /** When the state was changed, in seconds since the epoch. */
  readonly updatedSeconds: number;
  /** Start of the series. 0 if it is unknown. Times are in ms since the epoch. */
  readonly startMs: number;
  readonly timeMs: number;
  readonly value: SeriesValues[K];
  /** Undefined if the point was only the base of later deltas. */
  readonly delta: SeriesValues[K] | undefined;
  /** Start of the interval of `delta`. */
  readonly deltaStartMs: number;
  /** The last point before the series was started again, for points that arrive late. It has no earlier state. */
  readonly previous: SeriesStateOf<K> | undefined;
}

export type SeriesState = { [K in keyof SeriesValues]: SeriesStateOf<K> }[keyof SeriesValues];

/** Time for which a series is stored from its start although it was not known before, in ms. */
const MAX_FIRST_INTERVAL_MS = 600_000;

/** A point of a cumulative series. */
export interface CumulativePoint<K extends keyof SeriesValues> {
  readonly key: string;
  readonly group: SeriesGroup;
  readonly kind: K;
  readonly startMs: number;
  readonly timeMs: number;
  readonly value: SeriesValues[K];
}

/**
 * The state after a point:
 * - `state`: the state of the series. It is the same object if the point was known.
 * - `converted`: the state with the delta of the point. It can be the previous state of the series.
 */
export interface Advanced<K extends keyof SeriesValues> {
  readonly state: SeriesStateOf<K>;
  readonly converted: SeriesStateOf<K>;
}

/**
 * Continues a series with a point. Returns undefined if the increase up to the point is already part of a later delta.
 *
 * @param last the state of the series, if it is known
 * @param updatedSeconds the current time
 */
export function advanceSeries<K extends keyof SeriesValues>(
  last: SeriesStateOf<K> | undefined,
  point: CumulativePoint<K>,
  subtract: Subtract<SeriesValues[K]>,
  known: KnownSince,
  updatedSeconds: number,
): Advanced<K> | undefined {
  const { startMs, timeMs } = point;
  if (!last) return same(createFirst(point, known, updatedSeconds));
  const isRestarted = startMs > 0 && last.startMs > 0 && startMs > last.startMs;
  if (timeMs > last.timeMs || (timeMs === last.timeMs && isRestarted)) {
    if (isRestarted) {
      const previous = last.previous ? { ...last, previous: undefined } : last;
      return same(createState(point, point.value, startMs, previous, updatedSeconds));
    }
    const delta = subtract(point.value, last.value) ?? point.value;
    return same(createState(point, delta, last.timeMs, last.previous, updatedSeconds));
  }
  if (timeMs === last.timeMs) return same(last);
  return advancePrevious(last, point, subtract, known, updatedSeconds);
}

/** Converts a late point from before the series was started again. */
function advancePrevious<K extends keyof SeriesValues>(
  last: SeriesStateOf<K>,
  point: CumulativePoint<K>,
  subtract: Subtract<SeriesValues[K]>,
  known: KnownSince,
  updatedSeconds: number,
): Advanced<K> | undefined {
  const { startMs, timeMs } = point;
  if (startMs === 0 || startMs >= last.startMs || timeMs > last.startMs) return undefined;
  const { previous } = last;
  const isSame = previous?.startMs === startMs;
  const isLater = !previous || (startMs > previous.startMs && timeMs > previous.timeMs);
  if (!isSame && !isLater) return undefined;
  const advanced = isSame
    ? advanceSeries(previous, point, subtract, known, updatedSeconds)
    : same(createFirst(point, known, updatedSeconds));
  if (!advanced) return undefined;
  const { state: converted } = advanced;
  const state = converted === previous ? last : { ...last, previous: converted, updatedSeconds };
  return { state, converted };
}

function same<K extends keyof SeriesValues>(state: SeriesStateOf<K>): Advanced<K> {
  return { state, converted: state };
}

/** The increase since the start is stored, unless a part of it can have been stored before. */
function createFirst<K extends keyof SeriesValues>(
  point: CumulativePoint<K>,
  { sinceMs, forgottenStartMs }: KnownSince,
  updatedSeconds: number,
): SeriesStateOf<K> {
  const { startMs, timeMs, value } = point;
  const isRecent = startMs >= sinceMs || timeMs - startMs <= MAX_FIRST_INTERVAL_MS;
  const isStored = startMs > 0 && startMs > forgottenStartMs && isRecent;
  return createState(point, isStored ? value : undefined, startMs, undefined, updatedSeconds);
}

function createState<K extends keyof SeriesValues>(
  { kind, key, group, startMs, timeMs, value }: CumulativePoint<K>,
  delta: SeriesValues[K] | undefined,
  deltaStartMs: number,
  previous: SeriesStateOf<K> | undefined,
  updatedSeconds: number,
): SeriesStateOf<K> {
  // One literal, because an object that is created by spreading takes more memory.
  return {
    kind,
    key,
    group,
    updatedSeconds,
    startMs,
    timeMs,
    value,
    delta,
    deltaStartMs,
    previous,
  };
}

/** Returns the number of counts of buckets that a state contains. They take most of its memory. */
export function countBuckets({ value, delta, previous }: SeriesState): number {
  return countValues(value) + countValues(delta) + (previous ? countBuckets(previous) : 0);
}

function countValues(values: SeriesState['value']): number {
  if (typeof values !== 'object') return 0;
  if ('bucketCounts' in values) return values.bucketCounts.length;
  if (!('positive' in values)) return 0;
  return values.positive.bucketCounts.length + values.negative.bucketCounts.length;
}

/** Returns the state with the later point. Both are states of the same series. */
export function chooseLater(first: SeriesState | undefined, second: SeriesState): SeriesState {
  if (!first) return second;
  const order =
    second.timeMs - first.timeMs ||
    second.startMs - first.startMs ||
    (second.previous?.timeMs ?? 0) - (first.previous?.timeMs ?? 0);
  return order >= 0 ? second : first;
}
