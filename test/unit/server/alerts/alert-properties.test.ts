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

/** What happens to one service in one interval: nothing, or a value, a count and how late it is. */
const seen = fc.option(
  fc.record({
    value: fc.integer({ min: 0, max: 40 }),
    count: fc.integer({ min: 1, max: 6 }),
    lateMs: fc.constantFrom(0, 0, 0, 5000, 45_000, 300_000),
  }),
  { freq: 5 },
);
/** One round: time since the last one (clocks jump now and then), and what each service shows. */
const round = fc.record({
  stepMs: fc.constantFrom(30_000, 30_000, 30_000, 30_000, 31_000, 90_000, 3_600_000, -600_000),
  seen: fc.tuple(seen, seen, seen),
  acknowledged: fc.boolean(),
});
const rounds = fc.array(round, { minLength: 1, maxLength: 60 });
const rule = fc.constantFrom(...RULES);

type Round = typeof round extends fc.Arbitrary<infer R> ? R : never;

interface Story {
  states: RuleStates;
  transitions: Transition[];
}

function observations({ seen }: Round, now: number): Observation[] {
  return seen.flatMap((one, i) => {
    if (!one) return [];
    const labels = { service: SERVICES[i]! };
    return [{ labels, value: one.value, count: one.count, newestMs: now - one.lateMs }];
  });
}

function tell(
  rule: AlertRule,
  rounds: readonly Round[],
  order: (observations: Observation[]) => Observation[] = (all) => all,
  between: (story: Story, now: number) => Story = (story) => story,
): Story {
  let now = T0;
  let story: Story = { states: new Map(), transitions: [] };
  for (const round of rounds) {
    now += round.stepMs;
    const step = evaluateRule(story.states, order(observations(round, now)), rule, now);
    const states = new Map(step.states);
    story = { states, transitions: [...story.transitions, ...step.transitions] };
    const [key, first] = [...states][0] ?? [];
    const taken =
      round.acknowledged && first && acknowledge(first, { author: 'x', comment: '' }, now);
    if (taken && key) {
      states.set(key, taken.state);
      story.transitions.push(...taken.transitions);
    }
    story = between(story, now);
  }
  return story;
}

/** The alerts that go on, by group. */
function alive(states: RuleStates = new Map()): [string, Transition][] {
  return [...states].flatMap(([key, { alert }]): [string, Transition][] =>
    alert ? [[key, alert]] : [],
  );
}

const byAlert = (transitions: readonly Transition[]) => Map.groupBy(transitions, ({ id }) => id);

it('no alert fires twice without resolving, and no group has two alerts at once', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const open = new Map<string, string>();
      for (const t of tell(rule, rounds).transitions) {
        const other = open.get(t.labels);
        expect(other ?? t.id).toBe(t.id);
        if (t.state === 'resolved') open.delete(t.labels);
        else open.set(t.labels, t.id);
      }
    }),
  );
});

it('each alert begins once, counts on, never goes back in time, and ends at most once', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      for (const own of byAlert(tell(rule, rounds).transitions).values()) {
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

it('the order in which groups arrive does not matter', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const reversed = tell(rule, rounds, (all) => all.toReversed());
      expect(reversed.transitions).toEqual(tell(rule, rounds).transitions);
    }),
  );
});

it('of a group that comes twice the worse row counts, in any order', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const twice = (all: Observation[]) => [
        ...all,
        ...all.map((o) => ({ ...o, value: (o.value ?? 0) / 2, count: o.count + 1 })),
      ];
      const back = tell(rule, rounds, (all) => twice(all).toReversed());
      expect(back.transitions).toEqual(tell(rule, rounds, twice).transitions);
    }),
  );
});

it('replaying the stored observations gives the stored transitions', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const stored: Observation[][] = [];
      const live = tell(rule, rounds, (all) => {
        stored.push(structuredClone(all));
        return all;
      });
      expect(tell(rule, rounds, () => stored.shift() ?? [])).toEqual(live);
    }),
  );
});

it('the rows restore the alerts, in any order of the rows', () => {
  fc.assert(
    fc.property(rule, rounds, (rule, rounds) => {
      const { states, transitions } = tell(rule, rounds);
      const live = alive(states);
      for (const rows of [transitions, transitions.toReversed()]) {
        const restored = rebuildStates(rows, T0);
        expect(new Map(alive(restored.states.get('r')))).toEqual(new Map(live));
        expect(restored.transitions).toEqual([]);
      }
    }),
  );
});

it('a restart at any moment neither loses an alert that fires nor doubles it', () => {
  fc.assert(
    fc.property(rule, rounds, fc.nat(60), (rule, rounds, at) => {
      let count = 0;
      const restarted = tell(rule, rounds, undefined, (story, now) => {
        if (count++ !== at) return story;
        const { states } = rebuildStates(story.transitions, now, now);
        const fresh = states.get('r') ?? new Map();
        expect(new Map(alive(fresh))).toEqual(new Map(alive(story.states)));
        return { ...story, states: fresh };
      });
      for (const own of byAlert(restarted.transitions).values()) {
        expect(own.map(({ seq }) => seq)).toEqual(own.map((_, i) => i + 1));
      }
    }),
  );
});

it('neither late data alone nor a jump of the clock change an alert', () => {
  fc.assert(
    fc.property(
      rule,
      rounds,
      fc.integer({ min: 0, max: 40 }),
      fc.constantFrom(-DAY_MS, -1, 200_000, DAY_MS),
      (rule, rounds, value, jumpMs) => {
        const { states } = tell(rule, rounds);
        const labels = { service: 'a' };
        const known = new Map([...states].filter(([key]) => key === toLabelsKey(labels)));
        const { evaluatedMs: now = T0, clockMs = T0 } = known.get(toLabelsKey(labels)) ?? {};
        const stale = { labels, value, count: 0, newestMs: Math.min(clockMs, now) };
        if (known.size === 0) return;
        const calm = (s: RuleStates) => [...s.values()].every(({ missing }) => !missing);
        if (calm(known)) {
          expect(evaluateRule(known, [stale], rule, now + 30_000).transitions).toEqual([]);
        }
        const jumped = [...known].map(([key, s]) => [key, { ...s, jumped: false }] as const);
        const fresh = { labels, value, count: 9, newestMs: now + jumpMs };
        const step = evaluateRule(new Map(jumped), [fresh], rule, now + jumpMs);
        expect(step.transitions).toEqual([]);
      },
    ),
  );
});
