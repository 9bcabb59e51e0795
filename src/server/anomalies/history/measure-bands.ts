import { setImmediate as nextTurn } from 'node:timers/promises';
import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { ceilTo, floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import { ColumnBuffers } from '../../../storage/questdb/column-rows.ts';
import type { ScanClient } from '../../../storage/questdb/query-client.ts';
import { type BandMeasure, getValueKind, isRate } from '../band-measure.ts';
import { type BandError, measureBandError } from '../model/band-error.ts';
import { type BandModel, fitBand, HISTORY_HOURS } from '../model/fit-band.ts';
import type { WeekCalendar } from '../model/week-hours.ts';
import { fitWindowSpread, type WindowSpread } from '../model/window-spread.ts';
import { type BandValues, readBandValues, type SeriesValues } from './read-band-values.ts';
import { SeriesHistory, StepRing, WINDOW_HISTORY_HOURS } from './series-history.ts';
import { computeWindowDifferences } from './window-differences.ts';

/** What is known about one series. */
export interface SeriesBand {
  readonly history: SeriesHistory;
  readonly calendar: WeekCalendar;
  readonly model: BandModel;
  /** How wrong the band was in the last seven days. Undefined without enough data. */
  readonly error: BandError | undefined;
  /** How values of windows vary, by the length of the windows in ms. */
  readonly windows: ReadonlyMap<number, WindowSpread>;
}

export interface MeasureBandsOptions {
  readonly client: ScanClient;
  /** Returns the calendar with the holidays of an organization. It is the same object until the holidays change. */
  readonly getCalendar: (organization: string | undefined) => WeekCalendar;
  /** Limit on series. The series with the fewest measurements of the last day are left out. */
  readonly maxSeries: number;
}

/** Rows of the hours before the last read can arrive late, for example from a spool. */
const LATE_HOURS = 3;
/** First number of hours per statement. It is doubled while the results are small. */
const FIRST_CHUNK_HOURS = 4;
const MAX_CHUNK_HOURS = 7 * 24;
const SMALL_RESULT_ROWS = 15_000;
const LARGE_RESULT_ROWS = 60_000;
/** At first, the windows of every third hour are enough to learn how they vary. */
const FIRST_WINDOW_HOURS = 3;
/** Fits between two turns of the event loop. A fit takes a few ms. */
const FITS_PER_TURN = 2;
/** The error is computed again once a day, at a different hour for each series. */
const ERROR_HOURS = 24;

/** The bands of all series of a measure, and the values that they were learned from. Call one method at a time. */
export class MeasureBands {
  readonly measure: BandMeasure;
  readonly #options: MeasureBandsOptions;
  readonly #bands = new Map<string, SeriesBand>();
  readonly #histories = new Map<string, SeriesHistory>();
  /** Whether any series of the measure had values, by hour. Otherwise nothing was measured. */
  readonly #activeHours: StepRing;
  /** Lengths of the windows that are learned, and until which hour. */
  readonly #windowEnds = new Map<number, number>();
  readonly #leftOut = new Set<string>();
  #endHour = 0;
  #isLoaded = false;
  /** Memory for the rows of one refresh. */
  #buffers = new ColumnBuffers();

  constructor(measure: BandMeasure, options: MeasureBandsOptions) {
    this.measure = measure;
    this.#options = options;
    this.#activeHours = new StepRing(HISTORY_HOURS, 0);
  }

  /** Whether the history was read. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** The hour after the last learned hour, in hours since the epoch. */
  get endHour(): number {
    return this.#endHour;
  }

  get bands(): ReadonlyMap<string, SeriesBand> {
    return this.#bands;
  }

  /** Number of series that were left out because of the limit. At most 10,000 are counted. */
  get leftOutCount(): number {
    return this.#leftOut.size;
  }

  isLeftOut(key: string): boolean {
    return this.#leftOut.has(key);
  }

  /** The shortest window whose values are learned. */
  get shortestWindowMs(): number | undefined {
    const steps = [...this.#windowEnds.keys()];
    return steps.length === 0 ? undefined : Math.min(...steps);
  }

  hasWindow(windowMs: number): boolean {
    return windowMs >= HOUR_MS || this.#windowEnds.has(toWindowStep(windowMs));
  }

  /**
   * Reads the hours since the last call, and learns the bands again. The first call reads 28 days.
   *
   * @param endHour the hour after the last complete hour
   * @param windowsMs lengths of the windows whose values will be compared with the bands
   * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG, PS_REQUEST_TOO_LARGE
   */
  async refresh(endHour: number, windowsMs: readonly number[]): Promise<void> {
    const oldest = endHour - HISTORY_HOURS;
    const fromHour = this.#isLoaded ? Math.max(oldest, this.#endHour - LATE_HOURS) : oldest;
    this.#advance(endHour);
    try {
      // The statements of a single series are short, so a chart doesn't wait for one after the other.
      const first = this.#isSingle
        ? windowsMs.map((each) => this.#startWindows(each, endHour))
        : [];
      await this.#readHours(fromHour, endHour);
      for (const [i, windowMs] of windowsMs.entries())
        await this.#readWindows(windowMs, endHour, await first[i]);
    } finally {
      this.#buffers = new ColumnBuffers();
    }
    this.#endHour = endHour;
    await this.#fit(windowsMs);
    this.#isLoaded = true;
  }

  #advance(endHour: number): void {
    this.#activeHours.advance(endHour);
    for (const { hours } of this.#histories.values()) hours.advance(endHour);
  }

  /** Reads hours in parts, newest first, so that the limit on series keeps the busiest current series. */
  async #readHours(fromHour: number, toHour: number): Promise<void> {
    let chunkHours = this.#isSingle ? HISTORY_HOURS : FIRST_CHUNK_HOURS;
    for (let end = toHour; end > fromHour; ) {
      const start = Math.max(fromHour, end - chunkHours);
      const { series, rows } = await this.#read(start * HOUR_MS, end * HOUR_MS, HOUR_MS);
      for (const each of this.#limit(series)) {
        const { hours } = this.#getHistory(each, toHour);
        for (let i = 0; i < each.values.length; i++) {
          hours.set(start + i, each.values[i]!);
          if (Number.isFinite(each.values[i]!)) this.#activeHours.set(start + i, 1);
        }
      }
      end = start;
      if (rows < SMALL_RESULT_ROWS) chunkHours = Math.min(MAX_CHUNK_HOURS, 2 * chunkHours);
      else if (rows > LARGE_RESULT_ROWS) chunkHours = Math.max(1, Math.floor(chunkHours / 2));
      await nextTurn();
    }
  }

  #read(fromMs: number, toMs: number, stepMs: number): Promise<BandValues> {
    const range = { fromMs, toMs };
    return readBandValues(this.#options.client, this.measure, range, stepMs, this.#buffers);
  }

  /** Returns the known series and, up to the limit, new ones with the most measurements. */
  #limit(series: readonly SeriesValues[]): readonly SeriesValues[] {
    const free = this.#options.maxSeries - this.#histories.size;
    const isNew = ({ key }: SeriesValues) => !this.#histories.has(key);
    const created = series.filter(isNew).sort((a, b) => b.count - a.count);
    const left = created.slice(Math.max(0, free));
    for (const { key } of left) if (this.#leftOut.size < 10_000) this.#leftOut.add(key);
    const omitted = new Set(left);
    return left.length === 0 ? series : series.filter((each) => !omitted.has(each));
  }

  #getHistory({ key, group }: SeriesValues, endHour: number): SeriesHistory {
    const known = this.#histories.get(key);
    if (known) return known;
    const created = new SeriesHistory(key, group, endHour);
    this.#histories.set(key, created);
    return created;
  }

  /** Whether the measure has one series. */
  get #isSingle(): boolean {
    return this.measure.groupBy.length === 0;
  }

  /** Reads the windows of the last day of a single series. */
  #startWindows(windowMs: number, endHour: number): Promise<BandValues> | undefined {
    if (windowMs >= HOUR_MS) return undefined;
    const stepMs = toWindowStep(windowMs);
    const { fromMs, toMs } = getWindowRange(endHour, stepMs);
    const read = this.#read(fromMs, toMs, stepMs);
    // A failure is reported when the result is needed.
    read.catch(() => {});
    return read;
  }

  /** Reads how values of windows vary, for the hours since the last call. */
  async #readWindows(windowMs: number, endHour: number, started?: BandValues): Promise<void> {
    if (windowMs >= HOUR_MS) return;
    const stepMs = toWindowStep(windowMs);
    const known = this.#windowEnds.get(stepMs);
    const oldest = endHour - WINDOW_HISTORY_HOURS;
    const fromHour = known === undefined ? oldest : Math.max(oldest, known - 1);
    const strideHours = known === undefined ? FIRST_WINDOW_HOURS : 1;
    if (started) {
      this.#storeWindows(started, getWindowRange(endHour, stepMs).fromMs, stepMs, endHour);
    }
    for (let hour = endHour - 1; !started && hour >= fromHour; hour -= strideHours) {
      // Windows that don't divide an hour start in the hour and end in the next one.
      const fromMs = floorTo(hour * HOUR_MS, stepMs);
      const toMs = floorTo((hour + 1) * HOUR_MS, stepMs);
      this.#storeWindows(await this.#read(fromMs, toMs, stepMs), fromMs, stepMs, endHour);
      await nextTurn();
    }
    for (const history of this.#histories.values()) {
      history.windows.get(stepMs)?.advance(Math.floor((endHour * HOUR_MS) / stepMs));
    }
    this.#windowEnds.set(stepMs, endHour);
  }

  #storeWindows({ series }: BandValues, fromMs: number, stepMs: number, endHour: number): void {
    const first = Math.floor(fromMs / stepMs);
    for (const { key, values } of series) {
      const history = this.#histories.get(key);
      if (!history) continue;
      const ring = getRing(history, stepMs, endHour);
      for (let i = 0; i < values.length; i++) ring.set(first + i, values[i]!);
    }
  }

  async #fit(windowsMs: readonly number[]): Promise<void> {
    const { getCalendar } = this.#options;
    const kind = getValueKind(this.measure);
    const steps = [...new Set(windowsMs.map(toWindowStep))];
    let fits = 0;
    for (const history of this.#histories.values()) {
      const { hours, key } = history;
      const values = this.#toValues(hours);
      if (!values.some((value) => Number.isFinite(value))) {
        this.#histories.delete(key);
        this.#bands.delete(key);
        continue;
      }
      const calendar = getCalendar(history.group.organization ?? this.#getOwnOrganization());
      const input = { kind, values, endHour: this.#endHour };
      const model = fitBand(input, calendar);
      const before = this.#bands.get(key);
      const isDue = (fits + this.#endHour) % ERROR_HOURS === 0 || before?.error === undefined;
      const error = isDue && !model.problem ? measureBandError(input, calendar) : before?.error;
      const windows = fitWindows(history, steps, model);
      this.#bands.set(key, { history, calendar, model, error, windows });
      fits += 1;
      if (fits % FITS_PER_TURN === 0) await nextTurn();
    }
  }

  /** The organization whose rows the measure contains, if there is only one. */
  #getOwnOrganization(): string | undefined {
    const { organizations } = this.measure.scope;
    return organizations !== 'all' && organizations.length === 1 ? organizations[0] : undefined;
  }

  /** Returns the values of the hours. Without rows, a rate is 0 if other series had rows. */
  #toValues(hours: StepRing): Float64Array {
    const values = hours.toArray();
    if (!isRate(this.measure.aggregate)) return values;
    const first = values.findIndex((value) => Number.isFinite(value));
    const startHour = hours.end - values.length;
    for (let i = Math.max(0, first); i < values.length; i++) {
      const isActive = this.#activeHours.get(startHour + i) === 1;
      if (Number.isNaN(values[i]!) && isActive) values[i] = 0;
    }
    return values;
  }
}

/** Returns the length of the windows whose values are read, in whole minutes. */
export function toWindowStep(windowMs: number): number {
  return Math.max(MINUTE_MS, ceilTo(windowMs, MINUTE_MS));
}

/** Returns the range of whole windows in the last day. */
function getWindowRange(endHour: number, stepMs: number): TimeRange {
  const toMs = floorTo(endHour * HOUR_MS, stepMs);
  return { fromMs: floorTo(toMs - WINDOW_HISTORY_HOURS * HOUR_MS, stepMs), toMs };
}

function getRing(history: SeriesHistory, stepMs: number, endHour: number): StepRing {
  const end = Math.floor((endHour * HOUR_MS) / stepMs);
  const known = history.windows.get(stepMs);
  if (known) {
    known.advance(end);
    return known;
  }
  const created = new StepRing(Math.ceil((WINDOW_HISTORY_HOURS * HOUR_MS) / stepMs), end);
  history.windows.set(stepMs, created);
  return created;
}

function fitWindows(
  { windows, hours }: SeriesHistory,
  steps: readonly number[],
  { scale }: BandModel,
): Map<number, WindowSpread> {
  const spreads = new Map<number, WindowSpread>();
  for (const stepMs of steps) {
    const ring = windows.get(stepMs);
    if (!ring) continue;
    const spread = fitWindowSpread(computeWindowDifferences(ring, stepMs, hours, scale));
    if (spread) spreads.set(stepMs, spread);
  }
  return spreads;
}
