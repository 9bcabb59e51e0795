import type { Labels } from '../../../core/alerts/alert.ts';
import { DAY_MS, HOUR_MS } from '../../../core/duration.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import { type EventCounts, mergeEventCounts, NO_EVENTS, type TimedCounts } from './event-counts.ts';

/** One group of an objective, such as a service, with its events. */
export interface ObjectiveGroup {
  readonly labels: Labels;
  readonly history: EventHistory;
  /** The events that can raise alerts, if some failures don't. Planned restarts use the budget of an uptime objective. */
  readonly alertHistory?: EventHistory | undefined;
}

/**
 * Events of one group over time: by step for the last hours, and by hour before. Time without events takes
 * no memory.
 */
export class EventHistory {
  readonly #stepMs: number;
  /** Pairs of good and total events of each step, by the start of the hour. */
  readonly #steps = new Map<number, Uint32Array>();
  /** Pairs of good and total events of each hour, by the start of the day. */
  readonly #hours = new Map<number, Uint32Array>();

  /** @param stepMs length of a step in ms. An hour must be a whole number of steps. */
  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  /**
   * Replaces the steps of a range, and updates the sums of its hours.
   *
   * @param range whole steps. The other steps of its first and last hour must already be known.
   * @param counts steps with events
   */
  replaceSteps(range: TimeRange, counts: readonly TimedCounts[]): void {
    const stepMs = this.#stepMs;
    for (let ms = floorTo(range.fromMs, HOUR_MS); ms < range.toMs; ms += HOUR_MS) {
      const cells = this.#steps.get(ms);
      if (!cells) continue;
      const fromIndex = Math.max(0, (range.fromMs - ms) / stepMs);
      const toIndex = Math.min(HOUR_MS / stepMs, (range.toMs - ms) / stepMs);
      cells.fill(0, 2 * fromIndex, 2 * toIndex);
    }
    for (const { atMs, good, total } of counts) {
      if (total <= 0 || atMs < range.fromMs || atMs >= range.toMs) continue;
      const hourMs = floorTo(atMs, HOUR_MS);
      const cells = this.#steps.get(hourMs) ?? new Uint32Array((2 * HOUR_MS) / stepMs);
      this.#steps.set(hourMs, cells);
      add(cells, Math.floor((atMs - hourMs) / stepMs), good, total);
    }
    for (let ms = floorTo(range.fromMs, HOUR_MS); ms < range.toMs; ms += HOUR_MS) {
      this.#setHour(ms, sumCells(this.#steps.get(ms)));
    }
  }

  /**
   * Replaces the hours of a range.
   *
   * @param range whole hours
   * @param counts hours with events. Several counts of the same hour are added.
   */
  replaceHours(range: TimeRange, counts: readonly TimedCounts[]): void {
    for (let ms = floorTo(range.fromMs, HOUR_MS); ms < range.toMs; ms += HOUR_MS)
      this.#setHour(ms, NO_EVENTS);
    for (const { atMs, good, total } of counts) {
      if (total <= 0 || atMs < range.fromMs || atMs >= range.toMs) continue;
      const hourMs = floorTo(atMs, HOUR_MS);
      this.#setHour(hourMs, mergeEventCounts(this.#getHour(hourMs), { good, total }));
    }
  }

  /**
   * Returns the events of a range. If the first or last hour is only partly in the range and its steps aren't
   * known, includes the whole hour.
   */
  sum({ fromMs, toMs }: TimeRange): EventCounts {
    let sum = NO_EVENTS;
    for (let ms = floorTo(fromMs, HOUR_MS); ms < toMs; ms += HOUR_MS) {
      const isWhole = ms >= fromMs && ms + HOUR_MS <= toMs;
      const cells = isWhole ? undefined : this.#steps.get(ms);
      const counts = cells
        ? sumCells(cells, (fromMs - ms) / this.#stepMs, (toMs - ms) / this.#stepMs)
        : this.#getHour(ms);
      if (counts.total > 0) sum = mergeEventCounts(sum, counts);
    }
    return sum;
  }

  /** Returns all hours that overlap a range, in order of time. Includes hours without events. */
  listHours({ fromMs, toMs }: TimeRange): TimedCounts[] {
    const hours: TimedCounts[] = [];
    for (let ms = floorTo(fromMs, HOUR_MS); ms < toMs; ms += HOUR_MS)
      hours.push({ atMs: ms, ...this.#getHour(ms) });
    return hours;
  }

  /** Returns the start of the first step or hour with events, or undefined without events. */
  findFirstMs(): number | undefined {
    for (const dayMs of [...this.#hours.keys()].sort((a, b) => a - b)) {
      const cells = this.#hours.get(dayMs)!;
      for (let i = 0; i < cells.length / 2; i++) {
        if (cells[2 * i + 1]! > 0) return this.#findFirstStepMs(dayMs + i * HOUR_MS);
      }
    }
    return undefined;
  }

  #findFirstStepMs(hourMs: number): number {
    const cells = this.#steps.get(hourMs) ?? new Uint32Array();
    for (let i = 0; i < cells.length / 2; i++)
      if (cells[2 * i + 1]! > 0) return hourMs + i * this.#stepMs;
    return hourMs;
  }

  /** Removes steps before `stepsFromMs`, and days before `hoursFromMs`. */
  trim(stepsFromMs: number, hoursFromMs: number): void {
    for (const ms of this.#steps.keys()) if (ms + HOUR_MS <= stepsFromMs) this.#steps.delete(ms);
    for (const [ms, cells] of this.#hours) {
      if (ms + DAY_MS <= hoursFromMs || cells.every((count) => count === 0)) this.#hours.delete(ms);
    }
  }

  #getHour(hourMs: number): EventCounts {
    const dayMs = floorTo(hourMs, DAY_MS);
    const cells = this.#hours.get(dayMs);
    if (!cells) return NO_EVENTS;
    const i = (2 * (hourMs - dayMs)) / HOUR_MS;
    return { good: cells[i]!, total: cells[i + 1]! };
  }

  #setHour(hourMs: number, { good, total }: EventCounts): void {
    const dayMs = floorTo(hourMs, DAY_MS);
    const known = this.#hours.get(dayMs);
    if (!known && total === 0) return;
    const cells = known ?? new Uint32Array((2 * DAY_MS) / HOUR_MS);
    if (!known) this.#hours.set(dayMs, cells);
    const i = (2 * (hourMs - dayMs)) / HOUR_MS;
    cells[i] = good;
    cells[i + 1] = total;
  }
}

function add(cells: Uint32Array, index: number, good: number, total: number): void {
  cells[2 * index]! += good;
  cells[2 * index + 1]! += total;
}

function sumCells(cells: Uint32Array | undefined, from = 0, to = Number.POSITIVE_INFINITY) {
  let [good, total] = [0, 0];
  if (!cells) return NO_EVENTS;
  const end = Math.min(cells.length / 2, Math.ceil(to));
  for (let i = Math.max(0, Math.floor(from)); i < end; i++) {
    good += cells[2 * i]!;
    total += cells[2 * i + 1]!;
  }
  return { good, total };
}
