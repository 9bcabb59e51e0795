import { expect, it } from 'vitest';
import type { AlertRow } from '../../../../src/core/schema/tables/alerts-table.ts';
import { addExplanation } from '../../../../src/server/alerts/evaluation/alert-state-machine.ts';
import { toAlert } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import {
  addReportedGroups,
  parseTransition,
  rebuildStates,
} from '../../../../src/server/alerts/evaluation/rebuild-alert-states.ts';
import { computeTimeMetRatio } from '../../../../src/server/alerts/service/alert-rules-service.ts';
import { observeRuleHealth } from '../../../../src/server/alerts/state/rule-health-store.ts';
import { NotificationGate } from '../../../../src/server/alerts/suppression/notification-gate.ts';
import {
  getOnlyState,
  loadTestRules,
  makeRule,
  runRule,
  T0,
} from '../../../support/alert-rule-fixtures.ts';

const LEVELS = 'thresholds: { warning: 2000, critical: 5000 }';
const rows = (transitions: readonly AlertRow[]): AlertRow[] =>
  transitions.map((row) => ({ ...row }));

it('after a restart, fires a pending alert with the same ID when the `for` duration has passed', () => {
  const rule = makeRule(`${LEVELS}\nfor: 2m`);
  const before = runRule(rule, [
    [0, 9000],
    [30, 9000],
  ]);
  const { states } = rebuildStates(rows(before.transitions), T0 + 45_000);
  const after = runRule(
    rule,
    [
      [60, 9000],
      [90, 9000],
      [120, 9000],
    ],
    states.get('r'),
  );
  expect(after.summaries).toEqual(['120 firing critical']);
  expect(after.transitions[0]?.id).toBe(before.transitions[0]?.id);
});

it('does not count a long pause toward `for`', () => {
  const rule = makeRule(`${LEVELS}\nfor: 2m`);
  const before = runRule(rule, [[0, 9000]]);
  const { states } = rebuildStates(rows(before.transitions), T0 + 3_600_000, T0);
  const after = runRule(
    rule,
    [
      [3600, 9000],
      [3630, 9000],
      [3690, 9000],
      [3720, 9000],
    ],
    states.get('r'),
  );
  expect(after.summaries).toEqual(['3720 firing critical']);
});

it('continues a firing alert without a transition, and resolves it once', () => {
  const rule = makeRule(LEVELS);
  const before = runRule(rule, [[0, 9000]]);
  const { states } = rebuildStates(rows(before.transitions), T0);
  const observations = [
    [30, 9000],
    [60, 1],
    [90, 1],
  ] as const;
  expect(runRule(rule, observations, states.get('r')).summaries).toEqual(['60 resolved critical']);
});

it('continues a no-data alert after a restart, and resolves it when data arrives', () => {
  const rule = makeRule('noData: alert\nnoDataAfter: 1m');
  const before = runRule(rule, [[0, 1], [30], [90]]);
  expect(before.summaries).toEqual(['90 firing warning']);
  const { states } = rebuildStates(rows(before.transitions), T0 + 100_000);
  const after = runRule(rule, [[120], [150], [180, 1]], states.get('r'));
  expect(after.summaries).toEqual(['180 resolved warning']);
});

it('fires for a group that stopped while the process was down', () => {
  const rule = makeRule('noData: alert\nnoDataAfter: 1m');
  const known = [
    { labels: { service: 'booking' }, firstSeenMs: T0 - 600_000, lastSeenMs: T0 - 60_000 },
  ];
  const states = addReportedGroups(new Map(), known);
  expect(runRule(rule, [[0], [30], [60], [90, 1]], states).summaries).toEqual([
    '60 firing warning',
    '90 resolved warning',
  ]);
});

it('does not fire for a missing group whose alert was resolved before the restart', () => {
  const rule = makeRule('noData: alert\nnoDataAfter: 1m');
  const before = runRule(rule, [[0, 1], [30], [90], [120, 1]]);
  const { states } = rebuildStates(rows(before.transitions), T0);
  const after = runRule(rule, [[150], [180], [240]], states.get('r'));
  expect([after.summaries, after.states.size]).toEqual([[], 0]);
});

it('continues the later of two alerts in a group, and resolves the other', () => {
  const [row] = rows(runRule(makeRule(LEVELS), [[0, 9000]]).transitions);
  const other = { ...row!, id: 'other', timestamp: T0 + 1 };
  const { states, transitions } = rebuildStates([row!, other], T0 + 10);
  expect(getOnlyState(states.get('r')!).alert?.id).toBe('other');
  expect(transitions).toMatchObject([{ id: row?.id, state: 'resolved', seq: 2 }]);
});

it('skips rows with an unknown state', () => {
  const [row] = rows(runRule(makeRule(LEVELS), [[0, 9000]]).transitions);
  expect(rebuildStates([{ ...row!, state: 'shelved' }], T0).states.size).toBe(0);
});

it('adds an explanation to the same row, and keeps the explanation in later transitions', () => {
  const rule = makeRule(LEVELS);
  const fired = runRule(rule, [[0, 9000]]);
  const step = addExplanation(getOnlyState(fired.states), 'p95 ×3');
  expect(step?.transitions).toEqual([{ ...fired.transitions[0], cause: 'p95 ×3' }]);
  const states = new Map([...fired.states.keys()].map((key) => [key, step!.state]));
  expect(runRule(rule, [[30, 1]], states).transitions[0]?.cause).toBe('p95 ×3');
});

it('reports an unreachable database once instead of once per rule', () => {
  const unreachable = (rule: string) => ({ rule, result: 'unreachable', failures: 1 }) as const;
  const all = observeRuleHealth([unreachable('a'), unreachable('b')], T0);
  expect(all).toMatchObject({ unavailable: true, rule_failures: [] });
  expect(all.database_unavailable).toMatchObject([{ value: 1 }]);
  const one = observeRuleHealth(
    [
      { rule: 'a', result: 'failed', failures: 3 },
      { rule: 'b', result: 'succeeded', failures: 0 },
    ],
    T0,
  );
  expect(one).toMatchObject({ unavailable: false, database_unavailable: [{ value: 0 }] });
  expect(one.rule_failures).toMatchObject([
    { labels: { failed_rule: 'a' }, value: 3 },
    { labels: { failed_rule: 'b' }, value: 0 },
  ]);
});

it('computes how long a target was met, and counts overlapping alerts only once', () => {
  const at = (
    id: string,
    seq: number,
    seconds: number,
    state: 'pending' | 'firing' | 'resolved',
  ) => ({
    id,
    seq,
    state,
    timestamp: T0 + seconds * 1000,
  });
  const rows = [
    at('a', 3, 30, 'resolved'),
    at('a', 1, -20, 'pending'),
    at('a', 2, -10, 'firing'),
    at('b', 1, 20, 'firing'),
    at('b', 2, 40, 'resolved'),
    at('c', 1, 90, 'firing'),
    at('d', 1, 50, 'pending'),
    at('d', 2, 80, 'resolved'),
  ];
  expect(computeTimeMetRatio(rows, T0, T0 + 100_000)).toBeCloseTo(0.5);
  expect(computeTimeMetRatio([], T0, T0 + 100_000)).toBe(1);
});

it.each([
  ['continues after a restart while the state changes', 0, 360, true],
  ['continues after a restart with fewer changes than are required to start', 600, 1350, true],
  ['ends after a restart when the changes are too old', 0, 2400, false],
])('flapping %s', (_case, pauseSeconds, endSeconds, flaps) => {
  const set = loadTestRules('flapping: { transitions: 6, window: 20m }');
  const rule = makeRule(LEVELS);
  const jumps = [0, 60, 120, 180, 240, 300].map((s, i) => [s, i % 2 === 0 ? 9000 : 1] as const);
  const later = [330, 360].map((s) => [s + pauseSeconds, 9000] as const);
  const { transitions } = runRule(rule, [...jumps, ...later]);
  const [live, restored] = [new NotificationGate(), new NotificationGate()];
  for (const transition of transitions) {
    live.recordTransition(transition, toAlert(transition, rule), set);
    for (const row of rows([transition])) {
      const past = parseTransition(row)!;
      restored.restoreTransition(past, toAlert(past, rule), set);
    }
  }
  const last = transitions.at(-1)!;
  expect(transitions.length).toBe(7);
  for (const gate of [live, restored]) {
    gate.evaluate([toAlert(last, rule)], set, [], T0 + endSeconds * 1000, new Map());
    const reasons = gate.getSuppressions(last.id).map(({ reason }) => reason);
    expect(reasons.includes('flapping')).toBe(flaps);
  }
});

it('does not count a higher severity after an acknowledgment as flapping', () => {
  const set = loadTestRules('flapping: { transitions: 3, window: 20m }');
  const rule = makeRule(LEVELS);
  const [fired] = runRule(rule, [[0, 3000]]).transitions;
  const again = { ...fired!, seq: 3, timestamp: T0 + 60_000, severity: 'critical' } as const;
  const gate = new NotificationGate();
  for (const transition of [fired!, again, { ...again, seq: 5, timestamp: T0 + 120_000 }]) {
    gate.recordTransition(transition, toAlert(transition, rule), set);
  }
  gate.evaluate([toAlert(again, rule)], set, [], T0 + 120_000, new Map());
  expect(gate.getSuppressions(again.id).map(({ reason }) => reason)).not.toContain('flapping');
});

it.each(['not JSON', '[]', 'null'])('skips rows with the labels %s', (labels) => {
  const { transitions } = runRule(makeRule(LEVELS), [[0, 3000]]);
  expect(rows(transitions).map((row) => parseTransition({ ...row, labels }))).toEqual([undefined]);
});

it.each(['not JSON', '[]', 'null'])('omits the annotations %s', (annotations) => {
  const { transitions } = runRule(makeRule(LEVELS), [[0, 3000]]);
  for (const row of rows(transitions)) {
    const transition = parseTransition({ ...row, annotations })!;
    expect(transition.annotations).toBeUndefined();
    expect(toAlert(transition, undefined).rule).toBe(transition.rule);
  }
});
