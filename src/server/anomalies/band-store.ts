import { SerialQueue } from '../../core/concurrency.ts';
import { HOUR_MS, MINUTE_MS } from '../../core/duration.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import { type BandMeasure, toMeasureKey } from './band-measure.ts';
import { MeasureBands } from './history/measure-bands.ts';
import type { WeekCalendar } from './model/week-hours.ts';

export interface BandStoreOptions {
  readonly client: ScanClient;
  readonly getCalendar: (organization: string | undefined) => WeekCalendar;
  readonly log: Logger;
  /** Time after the start of the server from which rules load their bands, in ms. Default: one minute. */
  readonly startDelayMs?: number;
  /** Limit on series of one measure. Default: 2000. */
  readonly maxSeriesPerMeasure?: number;
  /** Limit on series of all measures. Default: 5000, about 50 MB. */
  readonly maxSeries?: number;
  /** Called after the bands of a measure that a rule watches were learned. */
  readonly onRefreshed?: (bands: MeasureBands, now: number) => void;
  readonly now?: () => number;
}

/** Rows of an hour are complete a few minutes after its end. */
const SETTLE_MS = 3 * MINUTE_MS;
/** After a failed read, the next attempt is at the first request after this time. */
const RETRY_MS = MINUTE_MS;
/** Bands that no rule and no request needed for this long are removed. */
const UNUSED_MS = 2 * HOUR_MS;
/** Limit on measures that are in memory because of requests. */
const MAX_MEASURES = 300;

interface Entry {
  readonly bands: MeasureBands;
  /** Whether a rule needs the bands. */
  isWatched: boolean;
  readonly windowsMs: Set<number>;
  usedMs: number;
  failedMs: number;
  error: unknown;
  /** The refresh that runs or waits. */
  refresh: Promise<void> | undefined;
}

/**
 * The bands of all measures that rules and requests need. Bands are loaded when they are first needed, and then
 * refreshed once an hour. Nothing happens while nothing needs a band.
 */
export class BandStore {
  readonly #options: BandStoreOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: SerialQueue;
  readonly #now: () => number;
  readonly #startedMs: number;
  #calendarRevision = 0;

  constructor(options: BandStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#startedMs = this.#now();
    this.#queue = new SerialQueue((error) => {
      options.log.error(`Failed to learn normal values: ${errorMessage(error)}`);
    });
  }

  /** Number of series in memory. */
  get seriesCount(): number {
    return [...this.#entries.values()].reduce((sum, { bands }) => sum + bands.bands.size, 0);
  }

  /**
   * Returns the bands of a measure for a rule, in the state in which they are. If they are missing or old, they are
   * read in the background.
   */
  watch(measure: BandMeasure, windowMs: number, now: number): MeasureBands {
    const entry = this.#use(measure, windowMs, now);
    entry.isWatched = true;
    const { startDelayMs = MINUTE_MS } = this.#options;
    const ageMs = this.#now() - this.#startedMs;
    // A clock that was set back must not delay the bands.
    if (ageMs >= startDelayMs || ageMs < 0)
      startTask('learning normal values', () => this.#refresh(entry, now));
    return entry.bands;
  }

  /**
   * Returns the bands of a measure after they were read.
   *
   * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG, PS_REQUEST_TOO_LARGE
   */
  async load(measure: BandMeasure, windowMs: number, now: number): Promise<MeasureBands> {
    const entry = this.#use(measure, windowMs, now);
    if (!entry.bands.isLoaded) entry.failedMs = Number.NEGATIVE_INFINITY;
    await this.#refresh(entry, now);
    if (!entry.bands.isLoaded && entry.error !== undefined) throw entry.error;
    return entry.bands;
  }

  /** Learns all bands again at their next use, because the holidays have changed. */
  resetCalendars(): void {
    this.#calendarRevision += 1;
    this.#entries.clear();
  }

  /** Resolves when no refresh is running. */
  get whenIdle(): Promise<void> {
    return this.#queue.whenIdle;
  }

  #use(measure: BandMeasure, windowMs: number, now: number): Entry {
    const key = toMeasureKey(measure);
    const entry = this.#entries.get(key) ?? this.#create(key, measure, now);
    entry.usedMs = now;
    entry.windowsMs.add(windowMs);
    return entry;
  }

  #create(key: string, measure: BandMeasure, now: number): Entry {
    this.#removeUnused(now);
    const { client, getCalendar, maxSeries = 5000, maxSeriesPerMeasure = 2000 } = this.#options;
    const free = Math.max(0, maxSeries - this.seriesCount);
    const entry: Entry = {
      bands: new MeasureBands(measure, {
        client,
        getCalendar,
        maxSeries: Math.min(free, maxSeriesPerMeasure),
      }),
      isWatched: false,
      windowsMs: new Set(),
      usedMs: now,
      failedMs: Number.NEGATIVE_INFINITY,
      error: undefined,
      refresh: undefined,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #removeUnused(now: number): void {
    const requested = [...this.#entries].filter(([, { isWatched }]) => !isWatched);
    const oldest = requested.sort(([, a], [, b]) => a.usedMs - b.usedMs);
    for (const [key] of oldest.slice(0, Math.max(0, oldest.length - MAX_MEASURES + 1)))
      this.#entries.delete(key);
    for (const [key, { usedMs }] of this.#entries)
      if (now - usedMs > UNUSED_MS) this.#entries.delete(key);
  }

  #isDue({ bands, windowsMs, failedMs }: Entry, now: number): boolean {
    if (now - failedMs < RETRY_MS) return false;
    const isNew = !bands.isLoaded || bands.endHour < getEndHour(now);
    return isNew || [...windowsMs].some((windowMs) => !bands.hasWindow(windowMs));
  }

  /** Refreshes an entry. Series with groups wait for the refreshes that were requested before. */
  async #refresh(entry: Entry, now: number): Promise<void> {
    if (!this.#isDue(entry, now)) return;
    const isSmall = entry.bands.measure.groupBy.length === 0;
    const run = () => this.#run(entry, now);
    entry.refresh ??= (isSmall ? run() : this.#queue.enqueue(run)).finally(() => {
      entry.refresh = undefined;
    });
    await entry.refresh;
  }

  async #run(entry: Entry, now: number): Promise<void> {
    const { log, onRefreshed } = this.#options;
    const revision = this.#calendarRevision;
    try {
      await entry.bands.refresh(getEndHour(now), [...entry.windowsMs]);
      entry.error = undefined;
      if (entry.isWatched && revision === this.#calendarRevision) onRefreshed?.(entry.bands, now);
    } catch (error) {
      const text = errorMessage(error);
      if (entry.error === undefined || errorMessage(entry.error) !== text)
        log.warn(`Failed to read the history of normal values: ${text}`);
      entry.failedMs = now;
      entry.error = error;
    }
  }
}

/** Returns the hour after the last hour whose rows are stored. */
function getEndHour(now: number): number {
  return Math.floor((now - SETTLE_MS) / HOUR_MS);
}
