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
  /** How the observations differ from the observations of live evaluation. Empty if they are the same. */
  readonly precision: readonly string[];
}
