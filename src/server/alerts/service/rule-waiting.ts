import { formatDuration } from '../../../core/format.ts';
import type { GroupState } from '../evaluation/group-state.ts';
import type { WaitingReason } from '../evaluation/observation.ts';

/** Why a rule can't evaluate some of its groups yet. */
export interface RuleWaiting {
  readonly reason: WaitingReason;
  /** Number of groups with enough data. */
  readonly readyGroups: number;
  readonly groups: number;
  /** Length of the data that a group needs, in ms. */
  readonly needed: number;
  /** Time at which all current groups have enough data, if they keep sending data. */
  readonly expectedAt: Date;
  /** For example `waiting for a baseline: 3 of 12 groups have enough data; needs 22 h`. */
  readonly text: string;
}

const SUBJECTS: Readonly<Record<WaitingReason, string>> = {
  baseline: 'a baseline',
  coverage: 'enough data in the window',
  objective: 'data of the objectives',
  forecast: 'enough values for a forecast',
  band: 'normal values',
};

/**
 * Summarizes which groups of a rule have too little data.
 *
 * @param groups the groups with data that the caller can see
 * @param now time in ms since the epoch, for groups that were never evaluated
 * @returns `undefined` if all groups have enough data, or if there are no groups
 */
export function summarizeWaiting(
  groups: readonly GroupState[],
  now: number,
): RuleWaiting | undefined {
  const waiting = groups.flatMap(({ waiting: wait, evaluatedMs = now }) =>
    wait ? [{ ...wait, readyMs: evaluatedMs + wait.neededMs - wait.haveMs }] : [],
  );
  const [first] = waiting;
  if (!first) return undefined;
  const readyGroups = groups.length - waiting.length;
  const needed = Math.max(...waiting.map(({ neededMs }) => neededMs));
  const { reason, detail } = first;
  const need = detail ?? `needs ${formatDuration(needed)}`;
  const text = `waiting for ${SUBJECTS[reason]}: ${readyGroups} of ${groups.length} groups have enough data; ${need}`;
  const expectedAt = new Date(Math.max(...waiting.map(({ readyMs }) => readyMs)));
  return { reason, readyGroups, groups: groups.length, needed, expectedAt, text };
}
