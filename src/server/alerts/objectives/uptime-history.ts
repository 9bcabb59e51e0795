import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import { findReportGaps, type ReportGap } from '../../../storage/queries/uptime.ts';
import type { TimedCounts } from './event-counts.ts';

/** Downtime ends after this time. A service that is still missing was probably removed. */
const MAX_DOWNTIME_MS = DAY_MS;

/** The health reports of one group over time. */
export class UptimeHistory {
  readonly #intervalMs: number;
  /** 1 for each interval with a report, by the start of the day. */
  readonly #days = new Map<number, Uint8Array>();
  readonly #stops = new Set<number>();

  /** @param intervalMs reporting interval in ms, a whole number of minutes */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Replaces the reports of a range. Times are starts of intervals, in ms since the epoch. */
  replaceReports({ fromMs, toMs }: TimeRange, reportedMs: readonly number[]): void {
    for (const [dayMs, cells] of this.#days) {
      const from = Math.max(0, Math.ceil((fromMs - dayMs) / this.#intervalMs));
      const to = Math.ceil((toMs - dayMs) / this.#intervalMs);
      if (to > from) cells.fill(0, from, Math.min(cells.length, to));
    }
    for (const ms of reportedMs) {
      if (ms < fromMs || ms >= toMs) continue;
      const dayMs = floorTo(ms, DAY_MS);
      const cells = this.#days.get(dayMs) ?? new Uint8Array(Math.ceil(DAY_MS / this.#intervalMs));
      this.#days.set(dayMs, cells);
      cells[Math.floor((ms - dayMs) / this.#intervalMs)] = 1;
    }
  }

  /** Adds times at which a process of the group ended normally. */
  addStops(stoppedMs: readonly number[]): void {
    for (const ms of stoppedMs) this.#stops.add(ms);
  }

  /** Removes days and stops before `fromMs`. */
  trim(fromMs: number): void {
    for (const ms of this.#days.keys()) if (ms + DAY_MS <= fromMs) this.#days.delete(ms);
    for (const ms of this.#stops) if (ms < fromMs) this.#stops.delete(ms);
  }

  /** Whether the group sent a report. */
  get hasReports(): boolean {
    return this.#days.size > 0;
  }

  /**
   * Counts the expected minutes, and the minutes in which the group was running.
   *
   * @param untilMs end of the counted time, in ms since the epoch
   * @param known reports of all groups, to count only failures: planned restarts, and times in which no group reported,
   *   aren't downtime. If undefined, they are.
   * @returns one entry for each minute or each hour, in order of time
   */
  countMinutes(
    fromMs: number,
    untilMs: number,
    unitMs: number,
    known?: UptimeHistory,
  ): TimedCounts[] {
    const toMs = floorTo(untilMs, this.#intervalMs);
    const reportedMs = this.#listReports().filter((ms) => ms < toMs);
    const [first] = reportedMs;
    if (first === undefined) return [];
    const range = { fromMs: first, toMs };
    const reports = { reportedMs, stoppedMs: [...this.#stops], wasRunning: false };
    const { startMs, gaps: allGaps } = findReportGaps(reports, range, this.#intervalMs);
    const gaps = known ? allGaps.flatMap((gap) => this.#keepFailures(gap, known)) : allGaps;
    const counts = new Map<number, { good: number; total: number }>();
    for (let ms = floorTo(Math.max(startMs, fromMs), unitMs); ms < toMs; ms += unitMs) {
      const total = (Math.min(ms + unitMs, toMs) - Math.max(ms, startMs)) / MINUTE_MS;
      if (total > 0) counts.set(ms, { good: total, total });
    }
    for (const gap of gaps) {
      const downEndMs =
        gap.kind !== 'excluded' ? Math.min(gap.toMs, gap.fromMs + MAX_DOWNTIME_MS) : 0;
      for (let ms = floorTo(gap.fromMs, unitMs); ms < gap.toMs; ms += unitMs) {
        const cell = counts.get(ms);
        if (!cell) continue;
        const missing = overlapMinutes(ms, unitMs, gap.fromMs, gap.toMs);
        const down = overlapMinutes(ms, unitMs, gap.fromMs, downEndMs);
        cell.good -= missing;
        cell.total -= missing - down;
      }
    }
    return [...counts].map(([atMs, cell]) => ({ atMs, ...cell }));
  }

  /** Returns the parts of a gap that aren't expected, and the parts in which only this group didn't report. */
  #keepFailures(gap: ReportGap, known: UptimeHistory): ReportGap[] {
    if (gap.kind === 'excluded') return [gap];
    if (gap.kind === 'planned') return [];
    const parts: ReportGap[] = [];
    for (let ms = gap.fromMs; ms < gap.toMs; ms += this.#intervalMs) {
      const toMs = Math.min(ms + this.#intervalMs, gap.toMs);
      if (known.#hasReport(ms)) parts.push({ kind: 'down', fromMs: ms, toMs });
    }
    return parts;
  }

  #hasReport(ms: number): boolean {
    const dayMs = floorTo(ms, DAY_MS);
    return this.#days.get(dayMs)?.[Math.floor((ms - dayMs) / this.#intervalMs)] === 1;
  }

  #listReports(): number[] {
    const reports: number[] = [];
    for (const dayMs of [...this.#days.keys()].sort((a, b) => a - b)) {
      for (const [i, cell] of this.#days.get(dayMs)!.entries())
        if (cell === 1) reports.push(dayMs + i * this.#intervalMs);
    }
    return reports;
  }
}

function overlapMinutes(ms: number, unitMs: number, fromMs: number, toMs: number): number {
  return Math.max(0, Math.min(ms + unitMs, toMs) - Math.max(ms, fromMs)) / MINUTE_MS;
}
