import { type AlertRule, getRuleThresholds } from '../rules/alert-rule.ts';
import { resolveAlert, type StateUpdate, updateAlert } from './alert-state-machine.ts';
import type { Transition } from './alert-transition.ts';
import {
  createGroupState,
  type GroupState,
  hasReported,
  shiftGroupState,
  updateLatches,
} from './group-state.ts';
import { type Observation, toLabelsKey } from './observation.ts';

/** The states of a rule's groups, by `groupKey`. */
export type RuleStates = ReadonlyMap<string, GroupState>;

export interface RuleEvaluation {
  readonly states: RuleStates;
  /** In the order of the groups' keys. */
  readonly transitions: readonly Transition[];
}

/**
 * One evaluation of a rule over all its groups: those observed now, in any order, and those known
 * from before. When the data source cannot answer, a rule is not evaluated at all, so that its
 * states stay as they are (`unavailable.ts`).
 */
export function evaluateRule(
  states: RuleStates,
  observations: readonly Observation[],
  rule: AlertRule,
  now: number,
): RuleEvaluation {
  const observed = new Map<string, Observation>();
  for (const observation of observations) {
    const key = toLabelsKey(observation.labels);
    observed.set(key, pickWorse(observed.get(key), observation, rule));
  }
  const next = new Map<string, GroupState>();
  const transitions: Transition[] = [];
  for (const key of [...new Set([...states.keys(), ...observed.keys()])].sort()) {
    const step = evaluateGroup(states.get(key), observed.get(key), rule, now);
    if (step.state) next.set(key, step.state);
    transitions.push(...step.transitions);
  }
  return { states: next, transitions };
}

/** Ends all alerts of a rule that is no more. */
export function resolveAllAlerts(states: RuleStates, now: number): readonly Transition[] {
  const none = { enabled: false, levels: [], recovery: undefined, minimumCount: 0 };
  return [...states.values()].flatMap(
    (state) => resolveAlert(state, none, 'the rule was removed', now).transitions,
  );
}

/** SQL may yield a group twice: the worse row counts, whichever comes first. */
function pickWorse(a: Observation | undefined, b: Observation, rule: AlertRule): Observation {
  if (!a) return b;
  const sign = rule.direction === 'above' ? 1 : -1;
  const [x, y] = [a, b].map((o) => (o.value === undefined ? -Infinity : sign * o.value));
  if (x !== y) return x! > y! ? a : b;
  return isNewer(b, a) ? b : a;
}

function isNewer(a: Observation, b: Observation): boolean {
  return a.newestMs !== b.newestMs ? a.newestMs > b.newestMs : a.count > b.count;
}

/** More intervals than this between two evaluations are a jump of the clock, or a long pause. */
const MAX_PAUSE_INTERVALS = 4;
/** An alert of a group without data ends after this time: what it spoke of is no more. */
const NO_DATA_EXPIRY_MS = 86_400_000;

/** The next state of a group; undefined when there is none, or nothing is left to know of it. */
interface GroupEvaluation {
  readonly state: GroupState | undefined;
  readonly transitions: StateUpdate['transitions'];
}

/**
 * One evaluation of one group. Pure: the same arguments give the same answer.
 *
 * @param previous undefined for a group that was never seen
 * @param observation undefined for a group of which nothing is in the window
 * @param now in ms since the epoch
 */
function evaluateGroup(
  previous: GroupState | undefined,
  observation: Observation | undefined,
  rule: AlertRule,
  now: number,
): GroupEvaluation {
  if (!previous && observation?.value === undefined) return { state: undefined, transitions: [] };
  const before = previous ?? createGroupState(observation?.labels ?? {});
  const elapsedMs = before.evaluatedMs === undefined ? 0 : now - before.evaluatedMs;
  if (hasClockJumped(before, elapsedMs, rule)) {
    const later = shiftGroupState(before, elapsedMs);
    const state = { ...later, evaluatedMs: now, jumped: true, absentSinceMs: undefined };
    return { state, transitions: [] };
  }
  const judgement = getRuleThresholds(rule, before.labels);
  const timed = { ...before, evaluatedMs: now, jumped: false };
  if (!judgement.enabled)
    return resolveAlert(timed, judgement, 'the rule is off for this tenant', now);
  const judged = updateLatches(timed, observation, rule, judgement, now);
  const step = updateAlert(judged, rule, judgement, now);
  if (!isExpired(step.state, rule, now)) return step;
  const end = resolveAlert(step.state, judgement, 'forgotten after a day without data', now);
  return { state: undefined, transitions: [...step.transitions, ...end.transitions] };
}

/** Groups come and go; only what an alert rests on, or may come to rest on, is kept for long. */
function isExpired(state: GroupState, rule: AlertRule, now: number): boolean {
  const { absentSinceMs, alert } = state;
  if (absentSinceMs === undefined) return false;
  const awaited = alert !== undefined || (rule.noData === 'alert' && hasReported(state));
  return now - absentSinceMs >= (awaited ? NO_DATA_EXPIRY_MS : rule.noDataAfterMs);
}

/** An evaluator that is always this slow must go on, so the second long pause is no jump. */
function hasClockJumped(state: GroupState, elapsedMs: number, rule: AlertRule): boolean {
  return elapsedMs < 0 || (elapsedMs > MAX_PAUSE_INTERVALS * rule.intervalMs && !state.jumped);
}
