import type { Labels } from '../../../core/alerts/alert.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { type Group, toGroupKey } from '../../../storage/queries/query-definition.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { toLabels } from '../evaluation/observation.ts';
import type { ObjectiveGroup } from './event-history.ts';
import { EventHistory } from './event-history.ts';
import { countsReports, getLoadStepMs, loadEventCounts, loadReports } from './event-loader.ts';
import { getStepMs, type Objective, STEPS_KEPT_MS } from './objective.ts';
import { getPeriodRange } from './objective-status.ts';
import type { GroupCounts } from './query-event-counts.ts';
import { UptimeHistory } from './uptime-history.ts';

/** Limit on groups of an objective. Memory per group is about 20 kB for 30 days. */
export const MAX_OBJECTIVE_GROUPS = 500;

/** The newest steps are read again each minute, because rows arrive late. */
const LATE_ROWS_MS = 5 * MINUTE_MS;
/** All steps are read again in this interval. */
const STEPS_REFRESH_MS = 10 * MINUTE_MS;
/** Hours of the last two days are read again in this interval, and older hours in the next one. */
const RECENT_DAY_REFRESH_MS = HOUR_MS;
const OLD_DAY_REFRESH_MS = 6 * HOUR_MS;
const RECENT_DAYS_MS = 2 * DAY_MS;

/** Limit on the omitted groups that are counted. */
const MAX_OMITTED_GROUPS = 10_000;
/** All days of the period are read again in a shorter time. */
const OMITTED_GROUP_EXPIRY_MS = DAY_MS;

interface OmittedGroup {
  readonly labels: Labels;
  /** Time at which events of the group were last read. */
  readonly seenMs: number;
}

interface TrackedGroup extends ObjectiveGroup {
  /** Only for uptime objectives. */
  readonly uptime: UptimeHistory | undefined;
}

/** An objective with the events of its groups. Reads the events from QuestDB in small parts. */
export class TrackedObjective {
  readonly objective: Objective;
  readonly #queryClient: QueryClient;
  readonly #healthIntervalMs: number;
  readonly #groups = new Map<string, TrackedGroup>();
  /** Time at which each day was read, by the start of the day. */
  readonly #daysReadMs = new Map<number, number>();
  /** End of the steps that were read. */
  #stepsToMs: number | undefined;
  /** Time of the current refresh. */
  #nowMs = Number.NEGATIVE_INFINITY;
  #stepsReadMs = Number.NEGATIVE_INFINITY;
  readonly #omitted = new Map<string, OmittedGroup>();
  /** Reports of all groups. In other intervals, the host was suspended, or all rows are missing. */
  readonly #allReports: UptimeHistory;

  /** @param healthIntervalMs interval of health reports in ms, a whole number of minutes */
  constructor(objective: Objective, queryClient: QueryClient, healthIntervalMs: number) {
    this.objective = objective;
    this.#queryClient = queryClient;
    this.#healthIntervalMs = healthIntervalMs;
    this.#allReports = new UptimeHistory(healthIntervalMs);
  }

  get groups(): Iterable<ObjectiveGroup> {
    return this.#groups.values();
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  /** Labels of the groups over the limit, which have no error budget. */
  get omittedGroups(): readonly Labels[] {
    return [...this.#omitted.values()].map(({ labels }) => labels);
  }

  /**
   * Reads the newest steps, unless they have been read in this minute.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  async refreshSteps(now: number): Promise<void> {
    this.#nowMs = now;
    const toMs = floorTo(now, getStepMs(this.objective));
    const startMs = this.#getStepsStart(now);
    const knownToMs = this.#stepsToMs;
    const isUsable = knownToMs !== undefined && knownToMs <= toMs && knownToMs > startMs + HOUR_MS;
    if (!isUsable) this.#forget();
    else if (knownToMs === toMs) return;
    const isDue = !isUsable || now - this.#stepsReadMs >= STEPS_REFRESH_MS;
    const step = getStepMs(this.objective);
    const lateMs = Math.max(LATE_ROWS_MS, 2 * step);
    const fromMs = isDue ? startMs : Math.max(startMs, floorTo(knownToMs - lateMs, step));
    await this.#read({ fromMs, toMs }, step, true);
    if (isDue) this.#stepsReadMs = now;
    this.#stepsToMs = toMs;
    this.#trim(now);
  }

  /**
   * Reads one of the days that must be read, newest first.
   *
   * @returns whether a day was read
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  async refreshDay(now: number): Promise<boolean> {
    const dayMs = this.#listDays(now).find((ms) => this.#isDayDue(ms, now));
    if (dayMs === undefined || this.#stepsToMs === undefined) return false;
    const { fromMs } = getPeriodRange(this.objective, now);
    const range = {
      fromMs: Math.max(dayMs, fromMs),
      toMs: Math.min(dayMs + DAY_MS, this.#getStepsStart(now)),
    };
    if (range.fromMs < range.toMs) await this.#read(range, getLoadStepMs(this.objective), false);
    this.#daysReadMs.set(dayMs, now);
    return true;
  }

  /** Returns the start of the time that has been read without gaps, or `undefined` if there is none. */
  getLoadedFromMs(now: number): number | undefined {
    if (this.#stepsToMs === undefined) return undefined;
    const { fromMs } = getPeriodRange(this.objective, now);
    let loadedMs = this.#getStepsStart(now);
    for (const dayMs of this.#listDays(now)) {
      if (!this.#daysReadMs.has(dayMs)) return loadedMs;
      loadedMs = dayMs;
    }
    return Math.min(loadedMs, fromMs);
  }

  #getStepsStart(now: number): number {
    return floorTo(now - STEPS_KEPT_MS, HOUR_MS);
  }

  /** Returns the starts of the days before the steps, newest first. */
  #listDays(now: number): number[] {
    const days: number[] = [];
    const firstMs = floorTo(getPeriodRange(this.objective, now).fromMs, DAY_MS);
    for (let ms = floorTo(this.#getStepsStart(now) - 1, DAY_MS); ms >= firstMs; ms -= DAY_MS)
      days.push(ms);
    return days;
  }

  #isDayDue(dayMs: number, now: number): boolean {
    const readMs = this.#daysReadMs.get(dayMs);
    const isRecent = now - dayMs < RECENT_DAYS_MS;
    const intervalMs = isRecent ? RECENT_DAY_REFRESH_MS : OLD_DAY_REFRESH_MS;
    return readMs === undefined || now - readMs >= intervalMs;
  }

  async #read(range: TimeRange, stepMs: number, isSteps: boolean): Promise<void> {
    if (range.fromMs >= range.toMs) return;
    if (countsReports(this.objective)) await this.#readReports(range);
    else {
      const found = await loadEventCounts(this.#queryClient, this.objective, range, stepMs);
      this.#replace(found, range, isSteps);
    }
  }

  #replace(found: readonly GroupCounts[], range: TimeRange, isSteps: boolean): void {
    const countsByKey = new Map<string, GroupCounts['counts']>();
    for (const { group, counts } of found) {
      const key = toGroupKey(group);
      if (!this.#getGroup(key, group)) continue;
      const known = countsByKey.get(key);
      if (known) known.push(...counts);
      else countsByKey.set(key, counts);
    }
    for (const [key, { history }] of this.#groups) {
      const counts = countsByKey.get(key) ?? [];
      if (isSteps) history.replaceSteps(range, counts);
      else history.replaceHours(range, counts);
    }
  }

  async #readReports(range: TimeRange): Promise<void> {
    const interval = this.#healthIntervalMs;
    const whole = { fromMs: floorTo(range.fromMs, interval), toMs: floorTo(range.toMs, interval) };
    const found = await loadReports(this.#queryClient, this.objective, whole, interval);
    const byKey = Map.groupBy(found, ({ group }) => toGroupKey(group));
    for (const [key, [{ group } = { group: {} }]] of byKey) this.#getGroup(key, group);
    this.#allReports.replaceReports(
      whole,
      found.flatMap(({ reportedMs }) => reportedMs),
    );
    for (const [key, { uptime }] of this.#groups) {
      const parts = byKey.get(key) ?? [];
      uptime?.replaceReports(
        whole,
        parts.flatMap(({ reportedMs }) => reportedMs),
      );
      uptime?.addStops(parts.flatMap(({ stoppedMs }) => stoppedMs));
    }
  }

  #getGroup(key: string, group: Group): TrackedGroup | undefined {
    const known = this.#groups.get(key);
    if (known) return known;
    if (this.#groups.size >= MAX_OBJECTIVE_GROUPS) {
      if (this.#omitted.has(key) || this.#omitted.size < MAX_OMITTED_GROUPS)
        this.#omitted.set(key, { labels: toLabels(group), seenMs: this.#nowMs });
      return undefined;
    }
    this.#omitted.delete(key);
    const isUptime = countsReports(this.objective);
    const stepMs = getStepMs(this.objective);
    const created = {
      labels: toLabels(group),
      history: new EventHistory(stepMs),
      alertHistory: isUptime ? new EventHistory(stepMs) : undefined,
      uptime: isUptime ? new UptimeHistory(this.#healthIntervalMs) : undefined,
    };
    this.#groups.set(key, created);
    return created;
  }

  /** Counts the minutes of all services again, because a gap can end at any time. */
  updateUptimes(now: number): void {
    const range = getPeriodRange(this.objective, now);
    const stepsFromMs = this.#getStepsStart(now);
    const replace = (history: EventHistory, uptime: UptimeHistory, known?: UptimeHistory) => {
      const hours = uptime.countMinutes(range.fromMs, range.toMs, HOUR_MS, known);
      history.replaceHours({ fromMs: range.fromMs, toMs: stepsFromMs }, hours);
      const steps = uptime.countMinutes(stepsFromMs, range.toMs, MINUTE_MS, known);
      history.replaceSteps({ fromMs: stepsFromMs, toMs: range.toMs }, steps);
    };
    for (const { uptime, history, alertHistory } of this.#groups.values()) {
      if (!uptime) continue;
      replace(history, uptime);
      if (alertHistory) replace(alertHistory, uptime, this.#allReports);
    }
  }

  #trim(now: number): void {
    const { fromMs } = getPeriodRange(this.objective, now);
    this.#allReports.trim(fromMs - DAY_MS);
    const firstDayMs = floorTo(fromMs, DAY_MS);
    for (const ms of this.#daysReadMs.keys()) if (ms < firstDayMs) this.#daysReadMs.delete(ms);
    for (const [key, { seenMs }] of this.#omitted)
      if (now - seenMs >= OMITTED_GROUP_EXPIRY_MS) this.#omitted.delete(key);
    for (const [key, { history, alertHistory, uptime }] of this.#groups) {
      history.trim(this.#getStepsStart(now), fromMs);
      alertHistory?.trim(this.#getStepsStart(now), fromMs);
      uptime?.trim(fromMs - DAY_MS);
      const isEmpty = uptime ? !uptime.hasReports : history.findFirstMs() === undefined;
      if (isEmpty) this.#groups.delete(key);
    }
  }

  /** Starts again, for example after a clock jump or a long pause. */
  #forget(): void {
    this.#groups.clear();
    this.#daysReadMs.clear();
    this.#stepsToMs = undefined;
    this.#stepsReadMs = Number.NEGATIVE_INFINITY;
    this.#omitted.clear();
  }
}
