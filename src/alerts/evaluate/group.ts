import { judgementOf, type Rule } from '../rules/rule.ts';
import { type GroupState, hasReported, newGroup, postponed } from './group-state.ts';
import { judge } from './judge.ts';
import type { Observation } from './observation.ts';
import { resolve, type Step, settle } from './settle.ts';

/** More intervals than this between two evaluations are a jump of the clock, or a long pause. */
const MOST_INTERVALS = 4;
/** An alert of a group without data ends after this time: what it spoke of is no more. */
const FORGOTTEN_MS = 86_400_000;

/** The next state of a group; undefined when there is none, or nothing is left to know of it. */
interface GroupStep {
  readonly state: GroupState | undefined;
  readonly transitions: Step['transitions'];
}

/**
 * One evaluation of one group. Pure: the same arguments give the same answer.
 *
 * @param previous undefined for a group that was never seen
 * @param observation undefined for a group of which nothing is in the window
 * @param now in ms since the epoch
 */
export function evaluateGroup(
  previous: GroupState | undefined,
  observation: Observation | undefined,
  rule: Rule,
  now: number,
): GroupStep {
  if (!previous && observation?.value === undefined) return { state: undefined, transitions: [] };
  const before = previous ?? newGroup(observation?.labels ?? {});
  const elapsedMs = before.evaluatedMs === undefined ? 0 : now - before.evaluatedMs;
  if (hasJumped(before, elapsedMs, rule)) {
    const later = postponed(before, elapsedMs);
    const state = { ...later, evaluatedMs: now, jumped: true, absentSinceMs: undefined };
    return { state, transitions: [] };
  }
  const judgement = judgementOf(rule, before.labels);
  const timed = { ...before, evaluatedMs: now, jumped: false };
  if (!judgement.enabled) return resolve(timed, judgement, 'the rule is off for this tenant', now);
  const judged = judge(timed, observation, rule, judgement, now);
  const step = settle(judged, rule, judgement, now);
  if (!isForgotten(step.state, rule, now)) return step;
  const end = resolve(step.state, judgement, 'forgotten after a day without data', now);
  return { state: undefined, transitions: [...step.transitions, ...end.transitions] };
}

/** Groups come and go; only what an alert rests on, or may come to rest on, is kept for long. */
function isForgotten(state: GroupState, rule: Rule, now: number): boolean {
  const { absentSinceMs, alert } = state;
  if (absentSinceMs === undefined) return false;
  const awaited = alert !== undefined || (rule.noData === 'alert' && hasReported(state));
  return now - absentSinceMs >= (awaited ? FORGOTTEN_MS : rule.noDataAfterMs);
}

/** An evaluator that is always this slow must go on, so the second long pause is no jump. */
function hasJumped(state: GroupState, elapsedMs: number, rule: Rule): boolean {
  return elapsedMs < 0 || (elapsedMs > MOST_INTERVALS * rule.intervalMs && !state.jumped);
}
