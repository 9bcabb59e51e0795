import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { DAY_MS, MINUTE_MS } from '../../core/duration.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { floorTo } from '../../storage/queries/time-range.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import type { BacktestMemo } from './compute-forecast.ts';
import type { Forecast } from './forecast.ts';
import {
  FORECAST_KINDS,
  type ForecastKind,
  type ForecastSubject,
  KIND_DEFINITIONS,
} from './forecast-subject.ts';
import type { QueueLimits } from './read-limits.ts';
import type { SubjectReader } from './read-subjects.ts';
import { GridSeries, LocalClock } from './series-grid.ts';

/** The newest forecast for a subject. */
export interface SubjectForecast {
  readonly subject: ForecastSubject;
  readonly forecast: Forecast;
  /** How the limit was found, or why it is unknown. */
  readonly limitReason: string | undefined;
  /** Time at which the forecast was computed, in ms since the epoch. */
  readonly computedMs: number;
}

export interface ForecastMonitorOptions {
  readonly queryClient: ScanClient;
  readonly log: Logger;
  /** Time zone of daily and weekly patterns. Default: UTC. */
  readonly timeZone?: string | undefined;
  readonly getQueueLimits: () => QueueLimits;
  /** Called with the new forecasts after each refresh. */
  readonly onRefreshed?: (forecasts: readonly SubjectForecast[], now: number) => void;
}

/** Forecasts aren't refreshed more often. */
const REFRESH_INTERVAL_MS = 5 * MINUTE_MS;
/** An interval is read when its rows have normally arrived. */
const ROW_DELAY_MS = 2 * MINUTE_MS;
/** The newest intervals are read again, because rows can arrive late. */
const REPEATED_INTERVALS = 2;
/** Number of intervals that one query reads. With 1,000 series, the result has 72,000 values. */
const INTERVALS_PER_QUERY = 72;
/** Subjects without values for this time have no forecast. */
const FORGET_MS = DAY_MS;
/** Subjects over the limit of a kind have no forecast. */
const MAX_SUBJECTS = 2000;

interface TrackedSubject {
  readonly subject: ForecastSubject;
  readonly values: GridSeries;
  readonly memo: BacktestMemo;
}

interface ReaderState {
  readonly reader: SubjectReader;
  readonly subjects: Map<string, TrackedSubject>;
  /** Start of the first interval that hasn't been read. */
  readUntilMs: number | undefined;
}

/**
 * Keeps the series of all subjects in memory, and forecasts each of them once per interval. Reads nothing before the
 * first call of `refresh`.
 */
export class ForecastMonitor {
  readonly #options: ForecastMonitorOptions;
  #states: ReaderState[] | undefined;
  #clock: LocalClock | undefined;
  readonly #forecasts = new Map<string, SubjectForecast>();
  #refreshing: Promise<void> | undefined;
  #attemptedMs = Number.NEGATIVE_INFINITY;
  #refreshedMs: number | undefined;
  #error: string | undefined;
  #warned = new Set<string>();

  constructor(options: ForecastMonitorOptions) {
    this.#options = options;
  }

  /** Time of the last successful refresh, in ms since the epoch. Undefined before the first. */
  get refreshedMs(): number | undefined {
    return this.#refreshedMs;
  }

  /** Why the last refresh failed. Undefined if it succeeded. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Number of series in memory. */
  get seriesCount(): number {
    return (this.#states ?? []).reduce((sum, { subjects }) => sum + subjects.size, 0);
  }

  /**
   * Reads new values and updates the forecasts, unless this happened in the last five minutes. Calls at the same time
   * share one refresh. Never rejects.
   */
  refresh(now: number): Promise<void> {
    const isRecent = now >= this.#attemptedMs && now - this.#attemptedMs < REFRESH_INTERVAL_MS;
    if (this.#refreshing) return this.#refreshing;
    if (isRecent) return Promise.resolve();
    this.#attemptedMs = now;
    this.#refreshing = this.#refreshAll(now).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Returns the forecasts of one kind, or of all kinds. */
  list(kind?: ForecastKind): SubjectForecast[] {
    const all = [...this.#forecasts.values()];
    return kind === undefined ? all : all.filter(({ subject }) => subject.kind === kind);
  }

  find(id: string): SubjectForecast | undefined {
    return this.#forecasts.get(id);
  }

  async #refreshAll(now: number): Promise<void> {
    const { log, onRefreshed } = this.#options;
    try {
      const updated: SubjectForecast[] = [];
      for (const kind of FORECAST_KINDS) updated.push(...(await this.#refreshKind(kind, now)));
      this.#refreshedMs = now;
      this.#error = undefined;
      if (updated.length > 0) onRefreshed?.(updated, now);
    } catch (error) {
      const message = errorMessage(error);
      if (message !== this.#error) log.warn(`Failed to refresh the forecasts: ${message}`);
      this.#error = message;
    }
  }

  /** Reads the intervals of a kind that have ended, and forecasts their series. */
  async #refreshKind(kind: ForecastKind, now: number): Promise<SubjectForecast[]> {
    const { grid } = KIND_DEFINITIONS[kind];
    const toMs = floorTo(now - ROW_DELAY_MS, grid.stepMs);
    const due: ReaderState[] = [];
    for (const state of await this.#getStates(kind)) {
      if (state.readUntilMs !== undefined && state.readUntilMs >= toMs) continue;
      await this.#readIntervals(state, toMs, now);
      if (state.subjects.size > 0) due.push(state);
    }
    if (due.length === 0) return [];
    const { readLimits } = await import('./read-limits.ts');
    const { queryClient, getQueueLimits } = this.#options;
    const getLimit = await readLimits(queryClient, kind, now, getQueueLimits());
    const updated: SubjectForecast[] = [];
    for (const { subjects } of due) {
      for (const { subject, values, memo } of subjects.values()) {
        // The host or the service probably no longer exists.
        if (toMs - this.#clock!.toTime(values.newestMs) > FORGET_MS) {
          this.#forecasts.delete(subject.id);
          continue;
        }
        const { limit, reason } = getLimit(subject);
        const forecast = await this.#forecast({ subject, values, memo }, limit, reason, now);
        const entry = { subject, forecast, limitReason: reason, computedMs: now };
        this.#forecasts.set(subject.id, entry);
        updated.push(entry);
        await yieldToEvents();
      }
    }
    return updated;
  }

  async #forecast(
    { subject: { kind }, values, memo }: TrackedSubject,
    limit: number | undefined,
    limitReason: string | undefined,
    now: number,
  ): Promise<Forecast> {
    const { grid, accumulates } = KIND_DEFINITIONS[kind];
    const { computeForecast } = await import('./compute-forecast.ts');
    const { loadAugursModels } = await import('./augurs-models.ts');
    const clock = this.#clock!;
    const { stepMs } = grid;
    return computeForecast(values.toSeries(), {
      limit,
      limitReason,
      accumulates,
      periods: grid.periodsMs.map((ms) => ms / stepMs),
      horizons: grid.horizonsMs.map((ms) => ms / stepMs),
      minValues: grid.minHistoryMs / stepMs,
      nowMs: now,
      toTime: (gridMs) => clock.toTime(gridMs),
      models: loadAugursModels,
      memo,
      pause: () => yieldToEvents(),
    });
  }

  async #getStates(kind: ForecastKind): Promise<ReaderState[]> {
    if (!this.#states) {
      const { MEASUREMENT_READERS } = await import('./read-subjects.ts');
      const { ERROR_BUDGET_READER } = await import('./read-error-budgets.ts');
      this.#states = [...MEASUREMENT_READERS, ERROR_BUDGET_READER].map((reader) => ({
        reader,
        subjects: new Map(),
        readUntilMs: undefined,
      }));
    }
    return this.#states.filter(({ reader }) => reader.kind === kind);
  }

  async #readIntervals(state: ReaderState, toMs: number, now: number): Promise<void> {
    const { queryClient, timeZone = 'utc' } = this.#options;
    const { reader, subjects } = state;
    const { stepMs, historyMs } = KIND_DEFINITIONS[reader.kind].grid;
    this.#clock ??= new LocalClock(timeZone, toMs - historyMs);
    const clock = this.#clock;
    const oldestMs = toMs - historyMs;
    const { readUntilMs = oldestMs } = state;
    const startMs = Math.max(oldestMs, readUntilMs - REPEATED_INTERVALS * stepMs);
    for (const { values } of subjects.values()) values.clearFrom(clock.toGrid(startMs));
    for (let fromMs = startMs; fromMs < toMs; fromMs += INTERVALS_PER_QUERY * stepMs) {
      const range = { fromMs, toMs: Math.min(toMs, fromMs + INTERVALS_PER_QUERY * stepMs) };
      await reader.read(queryClient, range, stepMs, ({ subject, atMs, value }) => {
        // Rows with a time in the future are errors of a clock.
        if (atMs > now) return;
        const known = subjects.get(subject.id);
        if (!known && subjects.size >= MAX_SUBJECTS) {
          this.#warnAboutSubjects(reader.name);
          return;
        }
        const tracked = known ?? { subject, values: new GridSeries(stepMs), memo: {} };
        subjects.set(subject.id, tracked);
        tracked.values.add(clock.toGrid(atMs), value, reader.combine);
      });
    }
    state.readUntilMs = toMs;
    for (const [id, { values }] of subjects) {
      values.clearBefore(clock.toGrid(oldestMs));
      if (!values.isEmpty) continue;
      subjects.delete(id);
      this.#forecasts.delete(id);
    }
  }

  #warnAboutSubjects(name: string): void {
    if (this.#warned.has(name)) return;
    this.#warned.add(name);
    this.#options.log.warn(
      `Forecasts of ${name} exist only for the first ${MAX_SUBJECTS} series. There are more.`,
    );
  }
}
