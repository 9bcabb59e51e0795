import {
  areEqual,
  type ExponentialHistogramValues,
  type HistogramValues,
  type Subtract,
  subtractExponentialHistograms,
  subtractHistograms,
  subtractNumbers,
  subtractSummaries,
  toExponentialHistogramValues,
  toHistogramValues,
} from './cumulative-values.ts';
import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelNumberPoint,
  OtelSummaryPoint,
} from './metric-data.ts';
import {
  advanceSeries,
  type CumulativePoint,
  type KnownSince,
  type SeriesState,
  type SeriesStateOf,
  type SeriesValues,
} from './series-state.ts';
import { encodeFact, encodeSpanRow, encodeState } from './series-state-codec.ts';
import type { SeriesStates } from './series-states.ts';
import type { SpanRow } from './span-row-memory.ts';
import { StateWriter } from './state-bytes.ts';

/**
 * Why a point of a cumulative series has no row:
 * - `duplicate`: the point was received before, and had no row.
 * - `superseded`: a later point was received before, so its delta contains the increase up to this point.
 * - `baseline`: the first point of a series. Later points are compared with it.
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

/** A fact is noted again after this time, in seconds, so that it does not expire. */
const FACT_INTERVAL_SECONDS = 3600;

/**
 * Converts the points of one request, and collects the changed states. Only one transaction can be open at a time,
 * because the next one continues with its states.
 */
export class SeriesTransaction {
  readonly #states: SeriesStates;
  readonly #known: KnownSince;
  readonly #nowSeconds: number;
  readonly #onEnd: () => void;
  readonly #changed = new Map<string, SeriesState>();
  readonly #facts = new Map<string, number>();
  readonly #spanRows: SpanRow[] = [];
  #isEnded = false;

  /** See `CumulativeSeries.begin`. */
  constructor(states: SeriesStates, nowMs: number, onEnd: () => void) {
    this.#states = states;
    this.#known = states.known;
    this.#nowSeconds = Math.floor(nowMs / 1000);
    this.#onEnd = onEnd;
  }

  /**
   * Converts a point of a cumulative sum.
   *
   * @param key identifies the series. Must be different for each kind of metric.
   */
  convertNumber(key: string, point: OtelNumberPoint): ConvertedPoint<OtelNumberPoint> {
    if (point.hasNoValue) return NO_VALUE;
    return this.#convert(point, 'number', key, point.value, subtractNumbers, toNumberPoint);
  }

  /** Same as `convertNumber`, for a histogram with explicit bounds. */
  convertHistogram(key: string, point: OtelHistogramPoint): ConvertedPoint<OtelHistogramPoint> {
    if (point.hasNoValue) return NO_VALUE;
    const last = this.#get(key, 'histogram')?.value.bounds;
    const isSame = last !== undefined && areEqual(last, point.bounds);
    const bounds = isSame ? last : this.#states.shareBounds(point.bounds);
    const values = toHistogramValues(point, bounds);
    return this.#convert(point, 'histogram', key, values, subtractHistograms, toHistogramPoint);
  }

  /** Same as `convertNumber`, for an exponential histogram. The delta has a scale of at most 3. */
  convertExponentialHistogram(
    key: string,
    point: OtelExponentialHistogramPoint,
  ): ConvertedPoint<OtelExponentialHistogramPoint> {
    if (point.hasNoValue) return NO_VALUE;
    const values = toExponentialHistogramValues(point);
    const subtract = subtractExponentialHistograms;
    return this.#convert(point, 'exponentialHistogram', key, values, subtract, toExponentialPoint);
  }

  /** Same as `convertNumber`, for the count and the sum of a summary. The quantiles stay the same. */
  convertSummary(key: string, point: OtelSummaryPoint): ConvertedPoint<OtelSummaryPoint> {
    if (point.hasNoValue) return NO_VALUE;
    const values = { count: point.count, sum: point.sum };
    return this.#convert(point, 'summary', key, values, subtractSummaries, toSummaryPoint);
  }

  /**
   * Call it for each delta point. A series can have both temporalities, for example after a change of the sender's
   * settings. Then each increase is counted once.
   *
   * @returns whether the point is stored. Otherwise, a cumulative point already contains its increase.
   */
  acceptDelta(key: string, startTimeMs: number, timeMs: number): boolean {
    const last = this.#getAny(key);
    // Series with only delta points have no state.
    if (!last) return true;
    if (last.kind !== 'delta' && startTimeMs < last.timeMs) return false;
    if (timeMs <= last.timeMs) return true;
    this.#changed.set(key, {
      ...{ kind: 'delta', key, updatedSeconds: this.#nowSeconds, startMs: startTimeMs, timeMs },
      ...{ value: undefined, delta: undefined, deltaStartMs: startTimeMs, previous: undefined },
    });
    return true;
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
    for (const state of this.#changed.values()) encodeState(writer, state);
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

  #convert<K extends keyof SeriesValues, P extends { startTimeMs: number; timeMs: number }>(
    point: P,
    kind: K,
    key: string,
    value: SeriesValues[K],
    subtract: Subtract<SeriesValues[K]>,
    toPoint: (point: P, delta: NonNullable<SeriesValues[K]>, startTimeMs: number) => P,
  ): ConvertedPoint<P> {
    const { startTimeMs, timeMs } = point;
    const startMs = startTimeMs > timeMs ? 0 : startTimeMs;
    const last = this.#getAny(key);
    if (last?.kind === 'delta' && timeMs <= last.timeMs) return SUPERSEDED;
    const cumulative: CumulativePoint<K> = { key, kind, startMs, timeMs, value };
    const known = last?.kind === 'delta' ? getKnownAfterDelta(last.timeMs, startMs) : this.#known;
    const sameKind = last?.kind === kind ? (last as unknown as SeriesStateOf<K>) : undefined;
    const advanced = advanceSeries(sameKind, cumulative, subtract, known, this.#nowSeconds);
    if (!advanced) return SUPERSEDED;
    const { state, converted } = advanced;
    const isKnown = state === (sameKind as unknown);
    if (!isKnown) this.#changed.set(key, state as unknown as SeriesState);
    const { delta, deltaStartMs } = converted;
    if (delta === undefined) return isKnown ? DUPLICATE : BASELINE;
    const deltaPoint = toPoint(point, delta as NonNullable<SeriesValues[K]>, deltaStartMs);
    return { kind: 'delta', point: deltaPoint, startTimeMs: deltaStartMs };
  }

  #get<K extends keyof SeriesValues>(key: string, kind: K): SeriesStateOf<K> | undefined {
    const state = this.#getAny(key);
    return state?.kind === kind ? (state as unknown as SeriesStateOf<K>) : undefined;
  }

  #getAny(key: string): SeriesState | undefined {
    return this.#changed.get(key) ?? this.#states.get(key);
  }
}

/** After delta points, a cumulative series is stored from its start only if it started later. */
function getKnownAfterDelta(deltaTimeMs: number, startMs: number): KnownSince {
  return { sinceMs: 0, forgottenStartMs: startMs >= deltaTimeMs ? 0 : Number.POSITIVE_INFINITY };
}

function toNumberPoint(
  point: OtelNumberPoint,
  value: number,
  startTimeMs: number,
): OtelNumberPoint {
  return { ...point, startTimeMs, value };
}

function toHistogramPoint(
  point: OtelHistogramPoint,
  values: HistogramValues,
  startTimeMs: number,
): OtelHistogramPoint {
  return { ...point, ...values, startTimeMs };
}

function toExponentialPoint(
  point: OtelExponentialHistogramPoint,
  values: ExponentialHistogramValues,
  startTimeMs: number,
): OtelExponentialHistogramPoint {
  return { ...point, ...values, startTimeMs };
}

function toSummaryPoint(
  point: OtelSummaryPoint,
  { count, sum }: { count: number; sum: number },
  startTimeMs: number,
): OtelSummaryPoint {
  return { ...point, count, sum, startTimeMs };
}
