import { DAY_MS } from '../../../core/duration.ts';
import { type AlertRule, getRuleThresholds } from '../rules/alert-rule.ts';
import { resolveAlert, type StateUpdate, updateAlert } from './alert-state-machine.ts';
import { RESOLVE_REASONS } from './alert-texts.ts';
import type { Transition } from './alert-transition.ts';
import {
  createGroupState,
  type GroupState,
  hasReported,
  shiftGroupState,
  updateLatches,
} from './group-state.ts';
import { type Observation, toLabelsKey } from './observation.ts';

/** The states of a rule's groups, keyed by `toLabelsKey`. */
export type RuleStates = ReadonlyMap<string, GroupState>;

export interface RuleEvaluation {
  readonly states: RuleStates;
  /** Sorted by group key. */
  readonly transitions: readonly Transition[];
}

/**
 * Evaluates a rule for all its groups: observed groups, in any order, and known groups. If QuestDB
 * is unreachable, don't call this function, so that the states don't change.
 *
 * @param isComplete whether all rows were stored. Otherwise, missing data has no effect.
 */
export function evaluateRule(
  states: RuleStates,
  observations: readonly Observation[],
  rule: AlertRule,
  now: number,
  isComplete = true,
): RuleEvaluation {
  const observed = new Map<string, Observation>();
  const endedServices = listEndedServices(observations);
  for (const observation of observations) {
    if (observation.hasEnded) continue;
    const key = toLabelsKey(observation.labels);
    observed.set(key, pickWorse(observed.get(key), observation, rule));
  }
  const next = new Map<string, GroupState>();
  const transitions: Transition[] = [];
  for (const key of [...new Set([...states.keys(), ...observed.keys()])].sort()) {
    const before = states.get(key);
    const service = before?.labels.service;
    const hasEnded = service !== undefined && endedServices.has(service);
    const step =
      hasEnded && observed.get(key)?.value === undefined
        ? endGroup(before, now)
        : evaluateGroup(before, observed.get(key), rule, now, isComplete);
    if (step.state) next.set(key, step.state);
    transitions.push(...step.transitions);
  }
  return { states: next, transitions };
}

/** Returns the services that ended normally. */
export function listEndedServices(observations: readonly Observation[]): ReadonlySet<string> {
  return new Set(
    observations.flatMap(({ labels, hasEnded }) => (hasEnded ? (labels.service ?? []) : [])),
  );
}

const NO_THRESHOLDS = { enabled: false, levels: [], recovery: undefined, minimumCount: 0 };

/** Forgets a group whose service ended normally. The group sends no data because it has nothing to send. */
function endGroup(state: GroupState | undefined, now: number): GroupEvaluation {
  if (!state) return { state: undefined, transitions: [] };
  const { transitions } = resolveAlert(state, NO_THRESHOLDS, RESOLVE_REASONS.serviceEnded, now);
  return { state: undefined, transitions };
}

/** Resolves all alerts of a removed rule. */
export function resolveAllAlerts(states: RuleStates, now: number): readonly Transition[] {
  return [...states.values()].flatMap(
    (state) => resolveAlert(state, NO_THRESHOLDS, RESOLVE_REASONS.ruleRemoved, now).transitions,
  );
}

/** Returns the worse of two rows. A SQL rule can return the same group twice, in any order. */
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

/** A longer time between two evaluations is a clock jump or a long pause. */
const MAX_PAUSE_INTERVALS = 4;
/** An alert of a group without data is resolved after this time. */
const NO_DATA_EXPIRY_MS = DAY_MS;

interface GroupEvaluation {
  /** Undefined if there is nothing to remember about the group. */
  readonly state: GroupState | undefined;
  readonly transitions: StateUpdate['transitions'];
}

/**
 * Evaluates one group. This is a pure function.
 *
 * @param previous undefined for a new group
 * @param observation undefined if the group has no rows in the window
 * @param now time in ms since the epoch
 */
function evaluateGroup(
  previous: GroupState | undefined,
  observation: Observation | undefined,
  rule: AlertRule,
  now: number,
  isComplete: boolean,
): GroupEvaluation {
  if (!previous && observation?.value === undefined) return { state: undefined, transitions: [] };
  const before = previous ?? createGroupState(observation?.labels ?? {});
  const elapsedMs = before.evaluatedMs === undefined ? 0 : now - before.evaluatedMs;
  if (hasClockJumped(before, elapsedMs, rule)) {
    const shifted = shiftGroupState(before, elapsedMs);
    const state = { ...shifted, evaluatedMs: now, jumped: true, absentSinceMs: undefined };
    return { state, transitions: [] };
  }
  const thresholds = getRuleThresholds(rule, before.labels);
  const timed = { ...before, evaluatedMs: now, jumped: false };
  if (!thresholds.enabled)
    return resolveAlert(timed, thresholds, RESOLVE_REASONS.ruleDisabled, now);
  const updated = updateLatches(timed, observation, rule, thresholds, now, isComplete);
  const step = updateAlert(updated, rule, thresholds, now);
  if (!isExpired(step.state, rule, now)) return step;
  const end = resolveAlert(step.state, thresholds, RESOLVE_REASONS.noData, now);
  return { state: undefined, transitions: [...step.transitions, ...end.transitions] };
}

/** Returns whether to forget a group. Groups that have or can get an alert are kept longer. */
function isExpired(state: GroupState, rule: AlertRule, now: number): boolean {
  const { absentSinceMs, alert } = state;
  if (absentSinceMs === undefined) return false;
  const isNeeded = alert !== undefined || (rule.noData === 'alert' && hasReported(state));
  return now - absentSinceMs >= (isNeeded ? NO_DATA_EXPIRY_MS : rule.noDataAfterMs);
}

/**
 * Returns whether the clock jumped. A second long pause in a row means that the evaluator is slow,
 * not that the clock jumped.
 */
function hasClockJumped(state: GroupState, elapsedMs: number, rule: AlertRule): boolean {
  return elapsedMs < 0 || (elapsedMs > MAX_PAUSE_INTERVALS * rule.intervalMs && !state.jumped);
}
