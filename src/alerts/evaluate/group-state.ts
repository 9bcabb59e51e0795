import type { AlertSeverity } from '../../schema/metric-type.ts';
import type { Labels } from '../rules/rule.ts';
import { type Latch, shifted } from './latch.ts';
import type { Transition } from './transition.ts';

export type Latches = Readonly<Partial<Record<AlertSeverity, Latch>>>;

/**
 * What is known of one group of a rule. `alert` is what the table `alerts` knows too; the rest are
 * clocks, which a restart sets anew.
 */
export interface GroupState {
  readonly labels: Labels;
  /** The last transition of the alert that goes on; undefined: all is well. */
  readonly alert: Transition | undefined;
  /** The newest value that was judged. */
  readonly value: number | undefined;
  readonly levels: Latches;
  /** Whether missing data are an alert now (`noData: alert`). */
  readonly missing: boolean;
  /** Data up to this time have been judged. The latches live on this clock, not on the wall's. */
  readonly clockMs: number;
  /** Measurements of the last observation. */
  readonly count: number;
  readonly absentSinceMs: number | undefined;
  /** When the group was last evaluated; undefined after a restart. */
  readonly evaluatedMs: number | undefined;
  /** Whether the last evaluation was passed over because the clock had jumped. */
  readonly jumped: boolean;
  /** When the latest alert of the group began, so that the next one gets an id of its own. */
  readonly startedMs: number;
}

export function newGroup(labels: Labels): GroupState {
  return {
    labels,
    alert: undefined,
    value: undefined,
    levels: {},
    missing: false,
    clockMs: Number.NEGATIVE_INFINITY,
    count: 0,
    absentSinceMs: undefined,
    evaluatedMs: undefined,
    jumped: false,
    startedMs: Number.NEGATIVE_INFINITY,
  };
}

/** Whether data of the group have been seen since the process started, or are known from before. */
export function hasReported({ clockMs }: GroupState): boolean {
  return Number.isFinite(clockMs);
}

/** The same state after a time of `byMs` that does not count. */
export function postponed(state: GroupState, byMs: number): GroupState {
  const levels = Object.entries(state.levels).map(([s, latch]) => [s, shifted(latch, byMs)]);
  return { ...state, levels: Object.fromEntries(levels), clockMs: state.clockMs + byMs };
}
