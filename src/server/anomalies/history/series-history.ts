import type { Group } from '../../../storage/queries/query-definition.ts';
import { HISTORY_HOURS } from '../model/fit-band.ts';

/** Windows of this many hours are kept, to learn how values of a window vary. */
export const WINDOW_HISTORY_HOURS = 24;

/** Numbers by step, for the newest steps. A Float32Array takes a tenth of the memory of an array of objects. */
export class StepRing {
  readonly #values: Float32Array;
  /** Number of the step after the newest one. */
  #end: number;

  constructor(size: number, end: number) {
    this.#values = new Float32Array(size).fill(Number.NaN);
    this.#end = end;
  }

  get end(): number {
    return this.#end;
  }

  get size(): number {
    return this.#values.length;
  }

  /** Moves the end forward. The new steps have no value. */
  advance(end: number): void {
    const { length } = this.#values;
    for (let step = Math.max(this.#end, end - length); step < end; step++)
      this.#values[step % length] = Number.NaN;
    this.#end = Math.max(this.#end, end);
  }

  /** Sets the value of a step. Steps that are too old or not yet there are ignored. */
  set(step: number, value: number): void {
    const { length } = this.#values;
    if (step >= this.#end || step < this.#end - length || step < 0) return;
    this.#values[step % length] = value;
  }

  get(step: number): number {
    const { length } = this.#values;
    if (step >= this.#end || step < this.#end - length || step < 0) return Number.NaN;
    return this.#values[step % length]!;
  }

  /** Copies the values, oldest first. */
  toArray(): Float64Array {
    const { length } = this.#values;
    const values = new Float64Array(length);
    for (let i = 0; i < length; i++) values[i] = this.get(this.#end - length + i);
    return values;
  }
}

/** The stored values of one series. */
export class SeriesHistory {
  readonly key: string;
  readonly group: Group;
  readonly hours: StepRing;
  /** Values of windows, by their length in ms. */
  readonly windows = new Map<number, StepRing>();

  constructor(key: string, group: Group, endHour: number) {
    this.key = key;
    this.group = group;
    this.hours = new StepRing(HISTORY_HOURS, endHour);
  }
}
