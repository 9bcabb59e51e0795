import type { Labels } from '../../../core/alerts/alert.ts';
import type { Observation } from '../../alerts/evaluation/observation.ts';

/**
 * Computes the observations of one rule at times that only move forward. Live evaluation would see the same
 * observations if all rows had arrived in time.
 */
export interface ReplaySource {
  /**
   * Returns the observations of the window that ends at `now`, in ms since the epoch. A group should always
   * have the same labels object, because a lookup by object is faster than by text.
   */
  observe(now: number): readonly Observation[] | Promise<readonly Observation[]>;
  /**
   * Calls `skip` with the window of each group. If it returns true, `observe` omits the group until the next call of
   * this method. Undefined if groups can't be skipped.
   */
  readonly skipGroups?: (skip: (window: ReplayWindow) => boolean) => void;
  /** How the observations differ from the observations of live evaluation. Empty if they are the same. */
  readonly precision: readonly string[];
}

/** What the observations of one group at several times contain. Without rows in the window, `newestMs` is `NaN`. */
export class WindowValues {
  readonly size: number;
  /** `NaN` for an undefined value. */
  readonly values: Float64Array;
  readonly counts: Float64Array;
  readonly newestMs: Float64Array;
  readonly coveredMs: Float64Array;

  /** @param size maximum number of times */
  constructor(size: number) {
    this.size = size;
    this.values = new Float64Array(size);
    this.counts = new Float64Array(size);
    this.newestMs = new Float64Array(size);
    this.coveredMs = new Float64Array(size);
  }
}

/** Limits of the value of a group at several times. */
export interface ValueLimits {
  readonly lower: number;
  readonly upper: number;
  /** Oldest time in the first window. */
  readonly oldestMs: number;
}

/** The window of one group. A replay can move it without creating observations. */
export interface ReplayWindow {
  /** Always the same object. */
  readonly labels: Labels;
  /** Moves the window to each of the times, and writes the observations to `output`. */
  advanceAll(times: readonly number[], output: WindowValues): void;
  /**
   * Returns limits of the value at all times from `firstMs` to `lastMs`. Returns undefined if they aren't known, or if
   * there can be no value at one of the times. Missing if the window can't know limits.
   */
  findLimits?(firstMs: number, lastMs: number): ValueLimits | undefined;
  /** Moves the window to `now` without visiting the times between. Windows with `findLimits` have it. */
  jump?(now: number): void;
  /** Remembers the position of the window. */
  save(): void;
  /** Moves the window back to the remembered position. */
  restore(): void;
}
