import type { CounterOrigin } from '../mapping/counter-origin.ts';
import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelNumberPoint,
  OtelSummaryPoint,
} from '../metric-data.ts';
import {
  areEqual,
  type Subtract,
  subtractExponentialHistograms,
  subtractHistograms,
  subtractNumbers,
  subtractSummaries,
  toExponentialHistogramValues,
  toExponentialPoint,
  toHistogramPoint,
  toHistogramValues,
  toNumberPoint,
  toSummaryPoint,
} from './cumulative-values.ts';
import type { KnownSince, SeriesGroup, SeriesSource } from './series-groups.ts';
import {
  advanceSeries,
  type CumulativePoint,
  type SeriesState,
  type SeriesStateOf,
  type SeriesValues,
} from './series-state.ts';
import { encodeFact, encodeSpanRow, encodeStates } from './series-state-codec.ts';
import type { SeriesStates } from './series-states.ts';
import type { SpanRow } from './span-row-memory.ts';
import { StateWriter } from './state-bytes.ts';

/**
 * Why a point of a cumulative series has no row:
 * - `duplicate`: the point was received before, and had no row.
 * - `superseded`: a later point was received before, so its delta contains the increase up to this point.
 * - `baseline`: the first point of a series. Later points are compared with it. Also the first delta of a counter that
 *   started before its sender.
 * - `no_value`: the sender marked the series as ended.
 */
export type CumulativeIgnoreReason = 'duplicate' | 'superseded' | 'baseline' | 'no_value';

/** `point` is a delta since `startTimeMs`, in ms since the epoch. Its `startTimeMs` is the same. */
export type ConvertedPoint<P> =
  | { readonly kind: 'delta'; readonly point: P; readonly startTimeMs: number }
  | { readonly kind: 'ignored'; readonly reason: CumulativeIgnoreReason };

const DUPLICATE = { kind: 'ignored', reason: 'duplicate' } as const;
const SUPERSEDED = { kind: 'ignored', reason: 'superseded' } as const;
const BASELINE = { kind: 'ignored', reason: 'baseline' } as const;
const NO_VALUE = { kind: 'ignored', reason: 'no_value' } as const;

/** How points of one kind are converted. */
interface PointKind<K extends keyof SeriesValues, P> {
  readonly kind: K;
  readonly subtract: Subtract<SeriesValues[K]>;
  readonly toPoint: (point: P, delta: NonNullable<SeriesValues[K]>, startTimeMs: number) => P;
}

const NUMBERS: PointKind<'number', OtelNumberPoint> = {
  kind: 'number',
  subtract: subtractNumbers,
  toPoint: toNumberPoint,
};
const HISTOGRAMS: PointKind<'histogram', OtelHistogramPoint> = {
  kind: 'histogram',
  subtract: subtractHistograms,
  toPoint: toHistogramPoint,
};
const EXPONENTIAL_HISTOGRAMS: PointKind<'exponentialHistogram', OtelExponentialHistogramPoint> = {
  kind: 'exponentialHistogram',
  subtract: subtractExponentialHistograms,
  toPoint: toExponentialPoint,
};
const SUMMARIES: PointKind<'summary', OtelSummaryPoint> = {
  kind: 'summary',
  subtract: subtractSummaries,
  toPoint: toSummaryPoint,
};

/** A fact is noted again after this time, in seconds, so that it does not expire. */
const FACT_INTERVAL_SECONDS = 3600;
/** Points of one export have nearly the same time, in ms. */
const MAX_EXPORT_DURATION_MS = 1000;

/**
 * Converts the points of one request, and collects the changed states. Only one transaction can be open at a time,
 * because the next one continues with its states.
 */
export class SeriesTransaction {
  readonly #states: SeriesStates;
  readonly #nowSeconds: number;
  readonly #onEnd: () => void;
  readonly #changed = new Map<string, SeriesState>();
  readonly #facts = new Map<string, number>();
  readonly #spanRows: SpanRow[] = [];
  #isEnded = false;

  /** See `CumulativeSeries.begin`. */
  constructor(states: SeriesStates, nowMs: number, onEnd: () => void) {
    this.#states = states;
    this.#nowSeconds = Math.floor(nowMs / 1000);
    this.#onEnd = onEnd;
  }

  /**
   * Converts a point of a cumulative sum.
   *
   * @param key identifies the series. Must be different for each kind of metric.
   * @param origin see `getCounterOrigin`. Default: the sender counts from 0.
   * @param source who sends the series. Series of one service share limits. Default: unknown.
   */
  convertNumber(
    key: string,
    point: OtelNumberPoint,
    origin?: CounterOrigin,
    source?: SeriesSource,
  ): ConvertedPoint<OtelNumberPoint> {
    if (point.hasNoValue) return NO_VALUE;
    return this.#convert(NUMBERS, key, point, point.value, origin, source);
  }

  /** Same as `convertNumber`, for a histogram with explicit bounds. */
  convertHistogram(
    key: string,
    point: OtelHistogramPoint,
    origin?: CounterOrigin,
    source?: SeriesSource,
  ): ConvertedPoint<OtelHistogramPoint> {
    if (point.hasNoValue) return NO_VALUE;
    const last = asKind(this.#get(key), 'histogram')?.value.bounds;
    const isSame = last !== undefined && areEqual(last, point.bounds);
    const bounds = isSame ? last : this.#states.shareBounds(point.bounds);
    const values = toHistogramValues(point, bounds);
    return this.#convert(HISTOGRAMS, key, point, values, origin, source);
  }

  /** Same as `convertNumber`, for an exponential histogram. The delta has a scale of at most 3. */
  convertExponentialHistogram(
    key: string,
    point: OtelExponentialHistogramPoint,
    origin?: CounterOrigin,
    source?: SeriesSource,
  ): ConvertedPoint<OtelExponentialHistogramPoint> {
    if (point.hasNoValue) return NO_VALUE;
    const values = toExponentialHistogramValues(point);
    return this.#convert(EXPONENTIAL_HISTOGRAMS, key, point, values, origin, source);
  }

  /** Same as `convertNumber`, for the count and the sum of a summary. The quantiles stay the same. */
  convertSummary(
    key: string,
    point: OtelSummaryPoint,
    origin?: CounterOrigin,
    source?: SeriesSource,
  ): ConvertedPoint<OtelSummaryPoint> {
    if (point.hasNoValue) return NO_VALUE;
    const values = { count: point.count, sum: point.sum };
    return this.#convert(SUMMARIES, key, point, values, origin, source);
  }

  /**
   * Call it for each delta point. A series can have both temporalities, for example after a change of the sender's
   * settings. Then each increase is counted once.
   *
   * @param origin see `getCounterOrigin`. Default: the sender counts from 0.
   * @param source see `convertNumber`.
   * @returns why the point isn't stored. `superseded` means that a cumulative point already contains its increase.
   *   Undefined if it is stored.
   */
  checkDelta(
    key: string,
    { startTimeMs, timeMs }: PointTimes,
    origin?: CounterOrigin,
    source?: SeriesSource,
  ): 'superseded' | 'baseline' | undefined {
    if (origin) {
      // SDKs for JavaScript read the first value at the start of its interval.
      const isFirst = timeMs <= this.#getFirstMs(origin, timeMs, source) || startTimeMs === timeMs;
      if (isFirst) return 'baseline';
    }
    const last = this.#get(key);
    // Series with only delta points have no state.
    if (!last) return undefined;
    if (last.kind !== 'delta' && startTimeMs < last.timeMs) return 'superseded';
    if (timeMs > last.timeMs) this.#setDelta(key, startTimeMs, timeMs, last.group);
    return undefined;
  }

  #setDelta(key: string, startMs: number, timeMs: number, group: SeriesGroup): void {
    this.#changed.set(key, {
      ...{ kind: 'delta', key, group, updatedSeconds: this.#nowSeconds, startMs, timeMs },
      ...{ value: undefined, delta: undefined, deltaStartMs: startMs, previous: undefined },
    });
  }

  /** Returns the time of the first point of a metric, and keeps it. */
  #getFirstMs({ object }: CounterOrigin, timeMs: number, source: SeriesSource | undefined): number {
    const first = this.#get(object);
    if (!first) {
      this.#setDelta(object, timeMs, timeMs, this.#states.getGroup(source));
      return timeMs;
    }
    if (this.#nowSeconds - first.updatedSeconds >= FACT_INTERVAL_SECONDS) {
      this.#setDelta(object, first.startMs, Math.max(first.timeMs, timeMs), first.group);
    }
    return first.startMs;
  }

  /** Returns the start of a series, and the starts with which a new series is stored from its start. */
  #getStart(
    { startTimeMs, timeMs }: PointTimes,
    last: SeriesState | undefined,
    group: SeriesGroup,
    origin: CounterOrigin | undefined,
    source: SeriesSource | undefined,
  ): { startMs: number; known: KnownSince } {
    const startMs = startTimeMs > timeMs ? 0 : startTimeMs;
    const known = last?.kind === 'delta' ? getKnownAfterDelta(last.timeMs, startMs) : group;
    if (!origin) return { startMs, known };
    const firstMs = this.#getFirstMs(origin, timeMs, source);
    const isObserved = timeMs > firstMs + MAX_EXPORT_DURATION_MS;
    // Of a system that was unknown before, only what was counted recently is stored.
    if (origin.hasStart) return { startMs, known: isObserved ? known : KNOWN_NEVER };
    // A new series of a known system was 0 before.
    return { startMs: isObserved && !last ? firstMs : 0, known };
  }

  /** Stores a fact, such as "this instance sends this metric". Facts are forgotten 24 h after the last call. */
  noteFact(fact: string): void {
    const known = this.#facts.get(fact) ?? this.#states.getFactSeconds(fact);
    if (known !== undefined && this.#nowSeconds - known < FACT_INTERVAL_SECONDS) return;
    this.#facts.set(fact, this.#nowSeconds);
  }

  hasFact(fact: string): boolean {
    return this.#facts.has(fact) || this.#states.getFactSeconds(fact) !== undefined;
  }

  /** Remembers the row of spans, until the process sends the metric that `fact` describes. */
  noteSpanRow(row: Omit<SpanRow, 'kind' | 'seconds'>): void {
    this.#spanRows.push({ kind: 'spanRow', ...row, seconds: this.#nowSeconds });
  }

  /** Returns the rows of spans that earlier transactions have noted. */
  getSpanRows(fact: string): Iterable<SpanRow> {
    return this.#states.spanRows.get(fact);
  }

  /** Returns the changed states for the spool record of the rows. Returns undefined if there are none. */
  encode(): Buffer | undefined {
    const { spanRows } = this.#states;
    const kept = this.#spanRows.filter((row) => spanRows.accepts(row));
    if (this.#changed.size === 0 && this.#facts.size === 0 && kept.length === 0) return undefined;
    const writer = new StateWriter();
    this.#states.encodeHeader(writer);
    encodeStates(writer, this.#changed.values());
    for (const [fact, seconds] of this.#facts) encodeFact(writer, fact, seconds);
    for (const row of kept) encodeSpanRow(writer, row);
    const { buffer } = writer.take();
    return Buffer.from(buffer);
  }

  /** Keeps the changes. Call it after the record is in the spool. */
  commit(): void {
    if (this.#isEnded) throw new Error('the transaction has ended');
    for (const state of this.#changed.values()) this.#states.set(state);
    for (const [fact, seconds] of this.#facts) this.#states.setFact(fact, seconds);
    for (const row of this.#spanRows) this.#states.spanRows.add(row);
    this.#states.removeExpired(this.#nowSeconds);
    this.#end();
  }

  /** Discards the changes. Does nothing after `commit`. */
  rollback(): void {
    if (!this.#isEnded) this.#end();
  }

  #end(): void {
    this.#isEnded = true;
    this.#onEnd();
  }

  #convert<K extends keyof SeriesValues, P extends PointTimes>(
    { kind, subtract, toPoint }: PointKind<K, P>,
    key: string,
    point: P,
    value: SeriesValues[K],
    origin: CounterOrigin | undefined,
    source: SeriesSource | undefined,
  ): ConvertedPoint<P> {
    const { timeMs } = point;
    const last = this.#get(key);
    if (last?.kind === 'delta' && timeMs <= last.timeMs) return SUPERSEDED;
    const group = last?.group ?? this.#states.getGroup(source);
    const { startMs, known } = this.#getStart(point, last, group, origin, source);
    const cumulative: CumulativePoint<K> = { key, group, kind, startMs, timeMs, value };
    const sameKind = asKind(last, kind);
    const isOtherHost =
      origin?.hasResets === false &&
      sameKind !== undefined &&
      timeMs > sameKind.timeMs &&
      subtract(value, sameKind.value) === undefined;
    const base = isOtherHost ? undefined : sameKind;
    const advanced = advanceSeries(base, cumulative, subtract, known, this.#nowSeconds);
    if (!advanced) return SUPERSEDED;
    const { state, converted } = advanced;
    const isKnown = state === (sameKind as unknown);
    if (!isKnown) this.#changed.set(key, state as unknown as SeriesState);
    const { delta, deltaStartMs } = converted;
    if (delta === undefined) return isKnown ? DUPLICATE : BASELINE;
    const deltaPoint = toPoint(point, delta as NonNullable<SeriesValues[K]>, deltaStartMs);
    return { kind: 'delta', point: deltaPoint, startTimeMs: deltaStartMs };
  }

  #get(key: string): SeriesState | undefined {
    return this.#changed.get(key) ?? this.#states.get(key);
  }
}

/** Returns a state with its exact type. Undefined if it is of another kind. */
function asKind<K extends keyof SeriesValues>(
  state: SeriesState | undefined,
  kind: K,
): SeriesStateOf<K> | undefined {
  return state?.kind === kind ? (state as unknown as SeriesStateOf<K>) : undefined;
}

interface PointTimes {
  readonly startTimeMs: number;
  readonly timeMs: number;
}

const KNOWN_NEVER: KnownSince = { sinceMs: Number.POSITIVE_INFINITY, forgottenStartMs: 0 };

/** After delta points, a cumulative series is stored from its start only if it started later. */
function getKnownAfterDelta(deltaTimeMs: number, startMs: number): KnownSince {
  return { sinceMs: 0, forgottenStartMs: startMs >= deltaTimeMs ? 0 : Number.POSITIVE_INFINITY };
}
