import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DAY_MS } from '../../../../src/core/duration.ts';
import { acknowledge } from '../../../../src/server/alerts/evaluation/alert-state-machine.ts';
import type { Transition } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import {
  evaluateRule,
  type RuleStates,
} from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import {
  type Observation,
  toLabelsKey,
} from '../../../../src/server/alerts/evaluation/observation.ts';
import { rebuildStates } from '../../../../src/server/alerts/evaluation/rebuild-alert-states.ts';
import type { AlertRule } from '../../../../src/server/alerts/rules/alert-rule.ts';
import { makeRule, T0 } from '../../../support/alert-rule-fixtures.ts';

const BASE = 'thresholds: { warning: 10, high: 20, critical: 30 }';
const RULES = [
  makeRule(BASE),
  makeRule(`${BASE}\nfor: 1m\nkeepFiringFor: 1m\nrecovery: 5`),
  makeRule(`${BASE}\nfor: 2m\nnoData: keep\nminimumCount: 3`),
  makeRule(`${BASE}\nnoData: alert\nnoDataAfter: 1m\nkeepFiringFor: 2m`),
];
const SERVICES = ['a', 'b', 'c'];

/** The data of one service in one round: none, or a value, a count, and its delay. */
const sample = fc.option(
  fc.record({
    value: fc.integer({ min: 0, max: 40 }),
    count: fc.integer({ min: 1, max: 6 }),
    lateMs: fc.constantFrom(0, 0, 0, 5000, 45_000, 300_000),
  }),
  { freq: 5 },
);
/** One round: time since the last one, which can be a clock jump, and the data of each service. */
const round = fc.record({
  stepMs: fc.constantFrom(30_000, 30_000, 30_000, 30_000, 31_000, 90_000, 3_600_000, -600_000),
  samples: fc.tuple(sample, sample, sample),
  acknowledged: fc.boolean(),
});
const rounds = fc.array(round, { minLength: 1, maxLength: 60 });
const rule = fc.constantFrom(...RULES);

type Round = typeof round extends fc.Arbitrary<infer R> ? R : never;

interface History {
  states: RuleStates;
  transitions: Transition[];
}

function toObservations({ samples }: Round, now: number): Observation[] {
  return samples.flatMap((sample, i) => {
    if (!sample) return [];
    const { value, count, lateMs } = sample;
    return [{ labels: { service: SERVICES[i]! }, value, count, newestMs: now - lateMs }];
  });
}

function runRounds(
  rule: AlertRule,
  rounds: readonly Round[],
  changeInput: (observations: Observation[]) => Observation[] = (all) => all,
  afterRound: (history: History, now: number) => History = (history) => history,
): History {
  let now = T0;
  let history: History = { states: new Map(), transitions: [] };
  for (const round of rounds) {
    now += round.stepMs;
    const step = evaluateRule(history.states, changeInput(toObservations(round, now)), rule, now);
    const states = new Map(step.states);
    history = { states, transitions: [...history.transitions, ...step.transitions] };
    const [key, first] = [...states][0] ?? [];
    const acknowledged =
      round.acknowledged && first && acknowledge(first, { author: 'x', comment: '' }, now);
    if (acknowledged && key) {
      states.set(key, acknowledged.state);
      history.transitions.push(...acknowledged.transitions);
    }
    history = afterRound(history, now);
  }
  return history;
}

/** Returns the live alerts by group. */
function getLiveAlerts(states: RuleStates = new Map()): [string, Transition][] {
  return [...states].flatMap(([key, { alert }]): [string, Transition][] =>
    alert ? [[key, alert]] : [],
  );
}

const byAlert = (transitions: readonly Transition[]) => Map.groupBy(transitions, ({ id }) => id);

it('never has two live alerts in one group', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const open = new Map<string, string>();
      for (const t of runRounds(rule, rounds).transitions) {
        const other = open.get(t.labels);
        expect(other ?? t.id).toBe(t.id);
        if (t.state === 'resolved') open.delete(t.labels);
        else open.set(t.labels, t.id);
      }
    }),
  );
});

it('numbers transitions without gaps, in chronological order, and resolves each alert at most once', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      for (const own of byAlert(runRounds(rule, rounds).transitions).values()) {
        expect(own.map(({ seq }) => seq)).toEqual(own.map((_, i) => i + 1));
        const times = own.map(({ timestamp }) => timestamp);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        expect(own.findIndex(({ state }) => state === 'resolved') + 1 || own.length).toBe(
          own.length,
        );
        const states = own.map(({ state }) => state);
        expect(
          states.lastIndexOf('pending') < Math.max(0, states.indexOf('firing')) ||
            !states.includes('firing'),
        ).toBe(true);
      }
    }),
  );
});

it('returns the same transitions for any order of groups', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const reversed = runRounds(rule, rounds, (all) => all.toReversed());
      expect(reversed.transitions).toEqual(runRounds(rule, rounds).transitions);
    }),
  );
});

it('uses the worse row of a duplicate group, in any order', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const addDuplicates = (all: Observation[]) => [
        ...all,
        ...all.map((o) => ({ ...o, value: (o.value ?? 0) / 2, count: o.count + 1 })),
      ];
      const reversed = runRounds(rule, rounds, (all) => addDuplicates(all).toReversed());
      expect(reversed.transitions).toEqual(runRounds(rule, rounds, addDuplicates).transitions);
    }),
  );
});

it('returns the same transitions for the same observations', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const stored: Observation[][] = [];
      const live = runRounds(rule, rounds, (all) => {
        stored.push(structuredClone(all));
        return all;
      });
      expect(runRounds(rule, rounds, () => stored.shift() ?? [])).toEqual(live);
    }),
  );
});

it('rebuilds the alerts from rows in any order', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const { states, transitions } = runRounds(rule, rounds);
      const live = getLiveAlerts(states);
      for (const rows of [transitions, transitions.toReversed()]) {
        const restored = rebuildStates(rows, T0);
        expect(new Map(getLiveAlerts(restored.states.get('r')))).toEqual(new Map(live));
        expect(restored.transitions).toEqual([]);
      }
    }),
  );
});

it('neither loses nor duplicates an alert on a restart', () => {
  fc.assert(
    fc.property(rule, rounds, fc.nat(60), (rule, rounds, at) => {
      let count = 0;
      const restarted = runRounds(rule, rounds, undefined, (history, now) => {
        if (count++ !== at) return history;
        const { states } = rebuildStates(history.transitions, now, now);
        const restored = states.get('r') ?? new Map();
        expect(new Map(getLiveAlerts(restored))).toEqual(new Map(getLiveAlerts(history.states)));
        return { ...history, states: restored };
      });
      for (const own of byAlert(restarted.transitions).values()) {
        expect(own.map(({ seq }) => seq)).toEqual(own.map((_, i) => i + 1));
      }
    }),
  );
});

it('does not change alerts when data is late or the clock jumps', () => {
  fc.assert(
    fc.property(
      rule,
      rounds,
      fc.integer({ min: 0, max: 40 }),
      fc.constantFrom(-DAY_MS, -1, 200_000, DAY_MS),
      (rule, rounds, value, jumpMs) => {
        const { states } = runRounds(rule, rounds);
        const labels = { service: 'a' };
        const known = new Map([...states].filter(([key]) => key === toLabelsKey(labels)));
        const { evaluatedMs: now = T0, clockMs = T0 } = known.get(toLabelsKey(labels)) ?? {};
        const stale = { labels, value, count: 0, newestMs: Math.min(clockMs, now) };
        if (known.size === 0) return;
        const hasNoMissing = (s: RuleStates) => [...s.values()].every(({ missing }) => !missing);
        if (hasNoMissing(known)) {
          expect(evaluateRule(known, [stale], rule, now + 30_000).transitions).toEqual([]);
        }
        const beforeJump = [...known].map(([key, s]) => [key, { ...s, jumped: false }] as const);
        const current = { labels, value, count: 9, newestMs: now + jumpMs };
        const step = evaluateRule(new Map(beforeJump), [current], rule, now + jumpMs);
        expect(step.transitions).toEqual([]);
      },
    ),
  );
});
