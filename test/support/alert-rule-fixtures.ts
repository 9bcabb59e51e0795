import { parseSettings } from '../../src/core/config/parse-settings.ts';
import type { Transition } from '../../src/server/alerts/evaluation/alert-transition.ts';
import {
  evaluateRule,
  type RuleStates,
} from '../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import type { GroupState } from '../../src/server/alerts/evaluation/group-state.ts';
import type { Observation } from '../../src/server/alerts/evaluation/observation.ts';
import type { AlertRule } from '../../src/server/alerts/rules/alert-rule.ts';
import {
  type AlertRuleSet,
  loadAlertRules,
} from '../../src/server/alerts/rules/load-alert-rules.ts';

export const SETTINGS = parseSettings({}).settings;

/** Monday, 2 November 2026, 09:00 UTC. */
export const T0 = Date.UTC(2026, 10, 2, 9);
const LABELS = { service: 'booking' };

export function loadTestRules(text: string, settings = SETTINGS): AlertRuleSet {
  return loadAlertRules(settings, { name: 'rules.yaml', text });
}

/** Creates the rule `r` for the mean response time by service. `more` contains additional YAML keys. */
export function makeRule(more: string): AlertRule {
  return findRule(
    loadTestRules(`rules:
  - name: r
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service], window: 5m }
    ${more.replaceAll('\n', '\n    ')}`),
    'r',
  );
}

export function findRule(set: AlertRuleSet, name: string): AlertRule {
  const rule = set.rules.find((r) => r.name === name);
  if (!rule) throw new Error(`unknown rule ${name}`);
  return rule;
}

function makeObservation(value: number | undefined, now: number, more: Partial<Observation> = {}) {
  return { labels: LABELS, value, count: 100, newestMs: now, ...more };
}

/** Seconds since T0, and the observation: a value, fields of an observation, or none. */
export type TimedObservation = readonly [number, (number | Partial<Observation>)?];

export interface RuleRun {
  states: RuleStates;
  transitions: Transition[];
  /** One string per transition with seconds since T0, state, and severity, for example `30 firing warning`. */
  summaries: string[];
}

/** Evaluates `rule` at each time, starting with `states`. */
export function runRule(
  rule: AlertRule,
  timedObservations: readonly TimedObservation[],
  states: RuleStates = new Map(),
): RuleRun {
  const transitions: Transition[] = [];
  let current = states;
  const summaries = timedObservations.flatMap(([seconds, observed]) => {
    const now = T0 + seconds * 1000;
    const more = typeof observed === 'number' ? { value: observed } : observed;
    const observations = more ? [makeObservation(undefined, now, more)] : [];
    const step = evaluateRule(current, observations, rule, now);
    current = step.states;
    transitions.push(...step.transitions);
    return step.transitions.map((t) => `${seconds} ${t.state} ${t.severity}`);
  });
  return { states: current, transitions, summaries };
}

/** Returns the only group of a state map. */
export function getOnlyState(states: RuleStates): GroupState {
  const [state] = states.values();
  if (!state || states.size !== 1) throw new Error(`expected 1 group, found ${states.size}`);
  return state;
}
