import type { GroupState } from '../../alerts/evaluation/group-state.ts';
import type { RuleThresholds } from '../../alerts/rules/alert-rule.ts';

/** A longer time between two evaluations counts as a clock jump, as in `evaluateRule`. */
export const MAX_PAUSE_INTERVALS = 4;

/** A group without an alert and without a breach. Most groups are quiet most of the time. */
export interface QuietGroup {
  readonly key: string;
  readonly thresholds: RuleThresholds;
  state: GroupState;
  /** Number of the last evaluation. */
  step: number;
  // The fields of the state that change while the group is quiet.
  value: number | undefined;
  clockMs: number;
  sinceMs: number;
  count: number;
  evaluatedMs: number;
  /** Whether the next evaluations were already done by `skip`. */
  isSkipped: boolean;
}

/** Returns whether the next evaluation of a state depends only on the fields of `QuietGroup`. */
export function isQuiet(state: GroupState, { enabled }: RuleThresholds): boolean {
  return (
    enabled &&
    state.alert === undefined &&
    !state.missing &&
    !state.jumped &&
    state.absentSinceMs === undefined &&
    Object.values(state.latches).every(({ breached, active }) => !breached && !active)
  );
}

export function toState({
  state,
  value,
  clockMs,
  sinceMs,
  count,
  evaluatedMs,
}: QuietGroup): GroupState {
  return { ...state, value, clockMs, sinceMs, count, evaluatedMs };
}
