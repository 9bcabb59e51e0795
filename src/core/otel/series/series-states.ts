import { type DropReport, toTarget } from './fair-shares.ts';
import { ProcessFacts } from './process-facts.ts';
import { type SeriesGroup, SeriesGroups, type SeriesSource } from './series-groups.ts';
import { chooseLater, countBuckets, type SeriesState } from './series-state.ts';
import {
  decodeEntry,
  encodeFact,
  encodeGroup,
  encodeSpanRow,
  encodeStates,
  type GroupEntry,
} from './series-state-codec.ts';
import { type SpanRow, SpanRowMemory } from './span-row-memory.ts';
import { StateReader, StateWriter } from './state-bytes.ts';

const VERSION = 2;
/** Series and facts without changes are forgotten after this time. */
const MAX_AGE_SECONDS = 86_400;
const MAX_SERIES = 200_000;
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
  /** Maximum number of facts. Default: 200,000. */
  readonly maxFacts?: number;
}

/**
 * The states of cumulative series, in the order in which they were changed, facts, and rows of spans. If there are too
 * many, the oldest ones of the services with the most are forgotten, so that a sender doesn't affect others.
 */
export class SeriesStates {
  readonly owner: string;
  /** Rows that are blanked if the process also sends the metric. */
  readonly spanRows = new SpanRowMemory();
  readonly #maxSeries: number;
  readonly #maxCounts: number;
  readonly #groups: SeriesGroups;
  readonly #facts: ProcessFacts;
  #series = new Map<string, SeriesState>();
  #sharedBounds: (readonly number[])[] = [];
  #droppedSeries = 0;
  /** No series was changed before this time. */
  #oldestSeconds = 0;
  /** Number of counts of all series. */
  #counts = 0;

  constructor({
    owner = '',
    sinceMs,
    maxSeries = MAX_SERIES,
    maxCounts = MAX_COUNTS,
    maxFacts,
  }: SeriesStatesOptions) {
    this.owner = owner;
    this.#maxSeries = maxSeries;
    this.#maxCounts = maxCounts;
    this.#groups = new SeriesGroups(sinceMs);
    this.#facts = new ProcessFacts(maxFacts);
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

  /** Number of facts that were forgotten because there were too many. */
  get droppedFacts(): number {
    return this.#facts.dropped;
  }

  /** See `KnownSince`. Set it to continue the states of an earlier process. */
  get sinceMs(): number {
    return this.#groups.sinceMs;
  }

  set sinceMs(sinceMs: number) {
    this.#groups.sinceMs = sinceMs;
  }

  /** Describes the series that were forgotten since the last call because there were too many. */
  takeSeriesReport(): DropReport | undefined {
    return this.#groups.takeReport();
  }

  /** Same as `takeSeriesReport`, for facts. */
  takeFactReport(): DropReport | undefined {
    return this.#facts.takeReport();
  }

  /** Returns the group of a series that has no state yet. */
  getGroup(source: SeriesSource | undefined): SeriesGroup {
    const group = this.#groups.get(source);
    const isCrowded = this.#series.size > this.#maxSeries / 2 || this.#counts > this.#maxCounts / 2;
    if (source && isCrowded) this.#groups.noteNew(group, source.name);
    return group;
  }

  get(key: string): SeriesState | undefined {
    return this.#series.get(key);
  }

  set(state: SeriesState): void {
    const { key } = state;
    const known = this.#series.get(key);
    if (known) this.#delete(known);
    this.#series.set(key, state);
    const counts = countBuckets(state);
    state.group.series++;
    state.group.counts += counts;
    this.#counts += counts;
    if (state.updatedSeconds < this.#oldestSeconds) this.#oldestSeconds = state.updatedSeconds;
    if (this.#series.size > this.#maxSeries) this.#drop('series', this.#maxSeries);
    if (this.#counts > this.#maxCounts) this.#drop('counts', this.#maxCounts);
  }

  getFactSeconds(fact: string): number | undefined {
    return this.#facts.get(fact);
  }

  setFact(fact: string, seconds: number): void {
    this.#facts.set(fact, seconds);
    this.spanRows.removeUntil(fact, seconds);
  }

  /** Forgets series and facts that were not changed for 24 h. */
  removeExpired(nowSeconds: number): void {
    const before = nowSeconds - MAX_AGE_SECONDS;
    this.#facts.removeBefore(before);
    this.spanRows.removeExpired(before);
    this.#groups.removeEmpty(nowSeconds);
    // Usually there are none, and iterating over a map takes long after many changes.
    if (this.#oldestSeconds >= before) return;
    this.#oldestSeconds = nowSeconds;
    for (const state of this.#series.values()) {
      this.#oldestSeconds = state.updatedSeconds;
      if (state.updatedSeconds >= before) break;
      this.#forget(state);
    }
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
    let group = this.#groups.get(undefined);
    while (!reader.isAtEnd) {
      const entry = decodeEntry(reader, group);
      if (entry.kind === 'group') {
        group = this.#mergeGroup(entry);
        continue;
      }
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
    this.#facts.sort();
  }

  /**
   * Returns all states as chunks that `merge` accepts. They are the states at the time of the call, and are encoded
   * when the next chunk is requested.
   */
  encodeAll(): Iterable<Uint8Array> {
    const series = [...this.#series.values()];
    return this.#encodeChunks(series, this.#facts.list(), this.spanRows.all);
  }

  *#encodeChunks(
    series: readonly SeriesState[],
    facts: readonly (readonly [string, number])[],
    spanRows: readonly SpanRow[],
  ): Generator<Uint8Array> {
    const writer = new StateWriter();
    const groups = [...this.#groups.list()].filter(({ forgottenStartMs }) => forgottenStartMs > 0);
    if (groups.length > 0) {
      this.encodeHeader(writer);
      for (const group of groups) encodeGroup(writer, group);
      yield writer.take();
    }
    for (let i = 0; i < series.length; i += MAX_CHUNK_STATES) {
      this.encodeHeader(writer);
      const byGroup = Map.groupBy(series.slice(i, i + MAX_CHUNK_STATES), ({ group }) => group);
      for (const states of byGroup.values()) encodeStates(writer, states);
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
    const counts = countBuckets(state);
    this.#series.delete(state.key);
    state.group.series--;
    state.group.counts -= counts;
    this.#counts -= counts;
  }

  /** If a forgotten series returns, a part of its values was stored before. */
  #forget(state: SeriesState): void {
    const { group } = state;
    this.#delete(state);
    group.forgottenStartMs = Math.max(group.forgottenStartMs, state.startMs);
  }

  /** Forgets the oldest series of the groups with the most series, or with the most counts of buckets. */
  #drop(usage: 'series' | 'counts', limit: number): void {
    const target = toTarget(limit);
    this.#groups.divide(usage, target);
    for (const state of this.#series.values()) {
      if ((usage === 'series' ? this.#series.size : this.#counts) <= target) break;
      const { group } = state;
      if (group[usage] <= group.share || (usage === 'counts' && countBuckets(state) === 0))
        continue;
      this.#forget(state);
      group.dropped++;
      this.#droppedSeries++;
    }
  }

  #mergeGroup(entry: GroupEntry): SeriesGroup {
    const { organization, service, groupKind, forgottenStartMs } = entry;
    const group = this.#groups.getByName(organization, service, groupKind);
    group.forgottenStartMs = Math.max(group.forgottenStartMs, forgottenStartMs);
    return group;
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
