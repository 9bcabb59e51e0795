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
   * this method, and `skip` has moved the window to the last of these times. Undefined if groups can't be skipped.
   */
  readonly skipGroups?: (skip: (window: ReplayWindow) => boolean) => void;
  /** How the observations differ from the observations of live evaluation. Empty if they are the same. */
  readonly precision: readonly string[];
}

/** The window of one group. A replay can move it without creating observations. */
export interface ReplayWindow {
  /** Always the same object. */
  readonly labels: Labels;
  /** Whether the window contains measurements. */
  readonly hasMeasurements: boolean;
  /** The same as in the observation. */
  readonly value: number | undefined;
  readonly count: number;
  readonly newestMs: number;
  readonly coveredMs: number;
  /** Moves the window to `now`. Time moves back only by `restore`. */
  advance(now: number): void;
  /** Remembers the position of the window. */
  save(): void;
  /** Moves the window back to the remembered position. */
  restore(): void;
}
