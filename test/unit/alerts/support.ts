import type { GroupState } from '../../../src/alerts/evaluate/group-state.ts';
import type { Observation } from '../../../src/alerts/evaluate/observation.ts';
import { evaluateRule, type RuleStates } from '../../../src/alerts/evaluate/rule.ts';
import type { Transition } from '../../../src/alerts/evaluate/transition.ts';
import { loadRules, type RuleSet } from '../../../src/alerts/rules/load.ts';
import type { Rule } from '../../../src/alerts/rules/rule.ts';
import { parseSettings } from '../../../src/config/settings.ts';

export const SETTINGS = parseSettings({}).settings;

/** Monday, 2 November 2026, 09:00 UTC. */
export const T0 = Date.UTC(2026, 10, 2, 9);
const LABELS = { service: 'booking' };

export function load(text: string, settings = SETTINGS): RuleSet {
  return loadRules(settings, { name: 'rules.yaml', text });
}

/** The rule `r` of a mean response time by service, with `more` keys in flow style. */
export function ruleWith(more: string): Rule {
  return named(
    load(`rules:
  - name: r
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service], window: 5m }
    ${more.replaceAll('\n', '\n    ')}`),
    'r',
  );
}

export function named(set: RuleSet, name: string): Rule {
  const rule = set.rules.find((r) => r.name === name);
  if (!rule) throw new Error(`no rule ${name}`);
  return rule;
}

function observe(value: number | undefined, now: number, more: Partial<Observation> = {}) {
  return { labels: LABELS, value, count: 100, newestMs: now, ...more };
}

/** Seconds since T0, and what is then observed: a value, a whole observation, or nothing. */
export type Moment = readonly [number, (number | Partial<Observation>)?];

export interface Drive {
  states: RuleStates;
  transitions: Transition[];
  /** `30 firing warning`: seconds since T0, state, severity. */
  told: string[];
}

/** Evaluates `rule` at each moment, on from `states`. */
export function drive(
  rule: Rule,
  moments: readonly Moment[],
  states: RuleStates = new Map(),
): Drive {
  const transitions: Transition[] = [];
  let current = states;
  const told = moments.flatMap(([seconds, seen]) => {
    const now = T0 + seconds * 1000;
    const more = typeof seen === 'number' ? { value: seen } : seen;
    const observations = more ? [observe(undefined, now, more)] : [];
    const step = evaluateRule(current, observations, rule, now);
    current = step.states;
    transitions.push(...step.transitions);
    return step.transitions.map((t) => `${seconds} ${t.state} ${t.severity}`);
  });
  return { states: current, transitions, told };
}

/** The one group of a state map. */
export function only(states: RuleStates): GroupState {
  const [state] = states.values();
  if (!state || states.size !== 1) throw new Error(`${states.size} groups`);
  return state;
}
