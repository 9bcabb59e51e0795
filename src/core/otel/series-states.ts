import { chooseLater, countBuckets, type KnownSince, type SeriesState } from './series-state.ts';
import { decodeEntry, encodeFact, encodeSpanRow, encodeState } from './series-state-codec.ts';
import { type SpanRow, SpanRowMemory } from './span-row-memory.ts';
import { StateReader, StateWriter } from './state-bytes.ts';

const VERSION = 1;
/** Series and facts without changes are forgotten after this time. */
const MAX_AGE_SECONDS = 86_400;
const MAX_SERIES = 200_000;
const MAX_FACTS = 200_000;
/** A count takes 8 bytes. 200,000 series with the default bounds of SDKs have fewer. */
const MAX_COUNTS = 10_000_000;
/** Number of lists of bounds that are shared. Most histograms have the same ones. */
const MAX_SHARED_BOUNDS = 64;
const MAX_CHUNK_STATES = 2000;

export interface SeriesStatesOptions {
  /** Text that identifies the server in encoded states. Default: empty. */
  readonly owner?: string;
  /** Since when the states are kept, in ms since the epoch. */
  readonly sinceMs: number;
  /** Maximum number of series. Default: 200,000. */
  readonly maxSeries?: number;
  /** Maximum number of counts of buckets of all series. Default: 10,000,000. */
  readonly maxCounts?: number;
}

/** The states of cumulative series, in the order in which they were changed, facts, and rows of spans. */
export class SeriesStates {
  readonly owner: string;
  /** Rows that are blanked if the process also sends the metric. */
  readonly spanRows = new SpanRowMemory();
  readonly #maxSeries: number;
  readonly #maxCounts: number;
  #known: KnownSince;
  #series = new Map<string, SeriesState>();
  #facts = new Map<string, number>();
  #sharedBounds: (readonly number[])[] = [];
  #droppedSeries = 0;
  /** Number of counts of all series. */
  #counts = 0;

  constructor({
    owner = '',
    sinceMs,
    maxSeries = MAX_SERIES,
    maxCounts = MAX_COUNTS,
  }: SeriesStatesOptions) {
    this.owner = owner;
    this.#maxSeries = maxSeries;
    this.#maxCounts = maxCounts;
    this.#known = { sinceMs, forgottenStartMs: 0 };
  }

  get size(): number {
    return this.#series.size;
  }

  get isEmpty(): boolean {
    return this.#series.size === 0 && this.#facts.size === 0 && this.spanRows.size === 0;
  }

  /** Number of series that were forgotten because there were too many. */
  get droppedSeries(): number {
    return this.#droppedSeries;
  }

  get known(): KnownSince {
    return this.#known;
  }

  /** Continues the states of an earlier process. */
  restoreKnown(known: KnownSince): void {
    this.#known = known;
  }

  get(key: string): SeriesState | undefined {
    return this.#series.get(key);
  }

  set(state: SeriesState): void {
    const { key } = state;
    const known = this.#series.get(key);
    if (known) this.#delete(known);
    this.#series.set(key, state);
    this.#counts += countBuckets(state);
    while (this.#series.size > this.#maxSeries || this.#counts > this.#maxCounts) {
      this.#droppedSeries++;
      this.#forgetOldest();
    }
  }

  getFactSeconds(fact: string): number | undefined {
    return this.#facts.get(fact);
  }

  setFact(fact: string, seconds: number): void {
    this.#facts.delete(fact);
    this.#facts.set(fact, seconds);
    this.spanRows.removeUntil(fact, seconds);
    if (this.#facts.size > MAX_FACTS) this.#facts.delete(getFirst(this.#facts.keys())!);
  }

  /** Forgets series and facts that were not changed for 24 h. */
  removeExpired(nowSeconds: number): void {
    const before = nowSeconds - MAX_AGE_SECONDS;
    for (const { updatedSeconds } of this.#series.values()) {
      if (updatedSeconds >= before) break;
      this.#forgetOldest();
    }
    for (const [fact, seconds] of this.#facts) {
      if (seconds >= before) break;
      this.#facts.delete(fact);
    }
    this.spanRows.removeExpired(before);
  }

  /** Returns a known list with the same bounds, to save memory. */
  shareBounds(bounds: readonly number[]): readonly number[] {
    const shared = this.#sharedBounds.find(
      (each) => each.length === bounds.length && each.every((bound, i) => bound === bounds[i]),
    );
    if (shared) return shared;
    if (this.#sharedBounds.length >= MAX_SHARED_BOUNDS) this.#sharedBounds.shift();
    this.#sharedBounds.push(bounds);
    return bounds;
  }

  encodeHeader(writer: StateWriter): void {
    writer.addByte(VERSION);
    writer.addText(this.owner);
  }

  /**
   * Merges encoded states. The order of calls doesn't matter, because the later point of a series is kept.
   *
   * @throws RangeError if the data is invalid
   */
  merge(data: Uint8Array): void {
    const reader = new StateReader(data);
    readHeader(reader);
    while (!reader.isAtEnd) {
      const entry = decodeEntry(reader);
      if (entry.kind === 'fact') {
        const seconds = Math.max(entry.seconds, this.#facts.get(entry.text) ?? 0);
        this.setFact(entry.text, seconds);
        continue;
      }
      if (entry.kind === 'spanRow') {
        this.#restoreSpanRow(entry);
        continue;
      }
      const state = entry.kind === 'histogram' ? this.#shareBoundsOf(entry) : entry;
      const known = this.#series.get(state.key);
      const later = chooseLater(known, state);
      if (later !== known) this.set(later);
    }
  }

  /** Sorts the states by the time of their change. Call it after several calls of `merge`. */
  sort(): void {
    const series = [...this.#series.values()];
    series.sort((first, second) => first.updatedSeconds - second.updatedSeconds);
    this.#series = new Map(series.map((state) => [state.key, state]));
    const facts = [...this.#facts].sort(([, first], [, second]) => first - second);
    this.#facts = new Map(facts);
  }

  /**
   * Returns all states as chunks that `merge` accepts. They are the states at the time of the call, and are encoded
   * when the next chunk is requested.
   */
  encodeAll(): Iterable<Uint8Array> {
    return this.#encodeChunks([...this.#series.values()], [...this.#facts], this.spanRows.all);
  }

  *#encodeChunks(
    series: readonly SeriesState[],
    facts: readonly (readonly [string, number])[],
    spanRows: readonly SpanRow[],
  ): Generator<Uint8Array> {
    const writer = new StateWriter();
    for (let i = 0; i < series.length; i += MAX_CHUNK_STATES) {
      this.encodeHeader(writer);
      for (const state of series.slice(i, i + MAX_CHUNK_STATES)) encodeState(writer, state);
      yield writer.take();
    }
    for (let i = 0; i < facts.length; i += MAX_CHUNK_STATES) {
      this.encodeHeader(writer);
      for (const fact of facts.slice(i, i + MAX_CHUNK_STATES)) encodeFact(writer, ...fact);
      yield writer.take();
    }
    for (let i = 0; i < spanRows.length; i += MAX_CHUNK_STATES) {
      this.encodeHeader(writer);
      for (const row of spanRows.slice(i, i + MAX_CHUNK_STATES)) encodeSpanRow(writer, row);
      yield writer.take();
    }
  }

  /** The metric can have arrived after the spans. */
  #restoreSpanRow(row: SpanRow): void {
    const metricSeconds = this.#facts.get(row.fact) ?? 0;
    if (row.seconds > metricSeconds) this.spanRows.restore(row);
  }

  #shareBoundsOf(state: SeriesState & { kind: 'histogram' }): SeriesState {
    const bounds = this.shareBounds(state.value.bounds);
    const delta = state.delta && { ...state.delta, bounds: this.shareBounds(state.delta.bounds) };
    return { ...state, value: { ...state.value, bounds }, delta };
  }

  #delete(state: SeriesState): void {
    this.#series.delete(state.key);
    this.#counts -= countBuckets(state);
  }

  /** If a forgotten series returns, a part of its values was stored before. */
  #forgetOldest(): void {
    const oldest = getFirst(this.#series.values());
    if (!oldest) return;
    this.#delete(oldest);
    const forgottenStartMs = Math.max(this.#known.forgottenStartMs, oldest.startMs);
    this.#known = { ...this.#known, forgottenStartMs };
  }
}

/** Returns the owner of encoded states. @throws RangeError if the data is invalid or has an unknown version */
export function readStateOwner(data: Uint8Array): string {
  return readHeader(new StateReader(data));
}

function readHeader(reader: StateReader): string {
  const version = reader.readByte();
  if (version !== VERSION) throw new RangeError(`unknown version ${version}`);
  return reader.readText();
}

function getFirst<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
