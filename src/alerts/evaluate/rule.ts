import type { Rule } from '../rules/rule.ts';
import { evaluateGroup } from './group.ts';
import type { GroupState } from './group-state.ts';
import { groupKey, type Observation } from './observation.ts';
import { resolve } from './settle.ts';
import type { Transition } from './transition.ts';

/** The states of a rule's groups, by `groupKey`. */
export type RuleStates = ReadonlyMap<string, GroupState>;

export interface RuleStep {
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
  rule: Rule,
  now: number,
): RuleStep {
  const observed = new Map<string, Observation>();
  for (const observation of observations) {
    const key = groupKey(observation.labels);
    observed.set(key, worse(observed.get(key), observation, rule));
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
export function retireRule(states: RuleStates, now: number): readonly Transition[] {
  const none = { enabled: false, levels: [], recovery: undefined, minimumCount: 0 };
  return [...states.values()].flatMap(
    (state) => resolve(state, none, 'the rule was removed', now).transitions,
  );
}

/** SQL may yield a group twice: the worse row counts, whichever comes first. */
function worse(a: Observation | undefined, b: Observation, rule: Rule): Observation {
  if (!a) return b;
  const sign = rule.direction === 'above' ? 1 : -1;
  const [x, y] = [a, b].map((o) => (o.value === undefined ? -Infinity : sign * o.value));
  if (x !== y) return x! > y! ? a : b;
  return newer(b, a) ? b : a;
}

function newer(a: Observation, b: Observation): boolean {
  return a.newestMs !== b.newestMs ? a.newestMs > b.newestMs : a.count > b.count;
}
