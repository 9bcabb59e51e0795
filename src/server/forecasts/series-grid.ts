import { getZoneOffsetMs } from '../../core/time-zone.ts';
import type { RegularSeries } from './regular-series.ts';

/**
 * Converts times to a grid in which each day has 24 hours of local time. Otherwise, daily patterns would move by an hour
 * when daylight saving time changes.
 */
export class LocalClock {
  readonly #zone: string;
  readonly #baseMs: number;
  readonly #offsets = new Map<number, number>();

  /** @param anchorMs time at which grid time and UTC are equal */
  constructor(zone: string, anchorMs: number) {
    this.#zone = zone;
    this.#baseMs = getZoneOffsetMs(anchorMs, zone);
  }

  toGrid(ms: number): number {
    return ms + this.#getShiftMs(ms);
  }

  /** Converts grid time to ms since the epoch. In an hour that is repeated, returns one of both times. */
  toTime(gridMs: number): number {
    const ms = gridMs - this.#getShiftMs(gridMs);
    return gridMs - this.#getShiftMs(ms);
  }

  /** Offset changes are at whole quarters of an hour. Looking up a zone is slow. */
  #getShiftMs(ms: number): number {
    const quarter = Math.floor(ms / 900_000);
    const known = this.#offsets.get(quarter);
    if (known !== undefined) return known;
    if (this.#offsets.size > 20_000) this.#offsets.clear();
    const shift = getZoneOffsetMs(quarter * 900_000, this.#zone) - this.#baseMs;
    this.#offsets.set(quarter, shift);
    return shift;
  }
}

/** The values of one series by interval. Intervals without a value are `NaN`. */
export class GridSeries {
  readonly #stepMs: number;
  #first = 0;
  #values: number[] = [];

  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  get isEmpty(): boolean {
    return this.#values.length === 0;
  }

  /** Grid time of the newest value. `-Infinity` without values. */
  get newestMs(): number {
    const last = this.#values.findLastIndex((value) => !Number.isNaN(value));
    return last < 0 ? Number.NEGATIVE_INFINITY : (this.#first + last) * this.#stepMs;
  }

  /** Sets the value of an interval, or combines it with the known value. */
  add(gridMs: number, value: number, combine: (a: number, b: number) => number): void {
    if (!Number.isFinite(value)) return;
    const index = Math.floor(gridMs / this.#stepMs);
    if (this.#values.length === 0) this.#first = index;
    while (index < this.#first) {
      this.#values.unshift(Number.NaN);
      this.#first -= 1;
    }
    while (this.#values.length <= index - this.#first) this.#values.push(Number.NaN);
    const known = this.#values[index - this.#first]!;
    this.#values[index - this.#first] = Number.isNaN(known) ? value : combine(known, value);
  }

  /** Removes the values from `gridMs` on, because they are read again. */
  clearFrom(gridMs: number): void {
    const keep = Math.max(0, Math.floor(gridMs / this.#stepMs) - this.#first);
    if (keep < this.#values.length) this.#values.length = keep;
  }

  /** Removes the values before `gridMs`. */
  clearBefore(gridMs: number): void {
    const remove = Math.min(
      this.#values.length,
      Math.max(0, Math.floor(gridMs / this.#stepMs) - this.#first),
    );
    this.#values.splice(0, remove);
    this.#first += remove;
  }

  toSeries(): RegularSeries {
    return {
      startMs: this.#first * this.#stepMs,
      stepMs: this.#stepMs,
      values: Float64Array.from(this.#values),
    };
  }
}
