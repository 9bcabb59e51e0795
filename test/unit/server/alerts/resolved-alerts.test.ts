import { describe, expect, it } from 'vitest';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { AlertDispatcher } from '../../../../src/server/alerts/alert-dispatcher.ts';
import {
  type Transition,
  toAlert,
  toNotifiedAlert,
} from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import {
  evaluateRule,
  type RuleStates,
  resolveAllAlerts,
} from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import type { Observation } from '../../../../src/server/alerts/evaluation/observation.ts';
import type { AlertRule } from '../../../../src/server/alerts/rules/alert-rule.ts';
import { createAlertLookup } from '../../../../src/server/alerts/service/alert-service.ts';
import { NotificationGate } from '../../../../src/server/alerts/suppression/notification-gate.ts';
import { createEmptyClient, createEvaluator } from '../../../support/alert-fixtures.ts';
import { findRule, loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

const SET = loadTestRules(`rules:
  - name: uptime
    measure: { aggregate: uptime, groupBy: [service], window: 1d }
    direction: below
    thresholds: { warning: 99.9 }
    annotations: { summary: "{{ $value | humanizePercentage }}" }`);
const LABELS = { service: 'booking', endpoint: '/rooms' };

/** Evaluates a rule every 30 s with these values. `undefined` means that there are no rows. */
function evaluateValues(rule: AlertRule, values: readonly (number | undefined)[]) {
  let states: RuleStates = new Map();
  const transitions: Transition[] = [];
  for (const [i, value] of values.entries()) {
    const now = T0 + i * 30_000;
    const observations: Observation[] =
      value === undefined ? [] : [{ labels: LABELS, value, count: 100, newestMs: now }];
    const step = evaluateRule(states, observations, rule, now);
    states = step.states;
    transitions.push(...step.transitions);
  }
  return { states, transitions, last: transitions.at(-1)! };
}

describe('the summary of a resolved alert', () => {
  const rule = findRule(SET, 'response-time');
  const slow = [6010, 6010, 3000];

  it('shows the value after the recovery, and the limit instead of the recovery threshold', () => {
    const { last } = evaluateValues(rule, [...slow, 310, 310, 310]);
    const { annotations, value, threshold } = toAlert(last, rule);
    expect([last.state, value, threshold]).toEqual(['resolved', 310, 2000]);
    expect(annotations.summary).toBe('booking: /rooms takes 310 ms on average (limit: 2 s)');
  });

  it('does not show the last bad value if there are no new data', () => {
    const { last } = evaluateValues(rule, [...slow, ...Array<undefined>(16)]);
    expect([last.state, last.value]).toEqual(['resolved', undefined]);
    expect(toAlert(last, rule).annotations.summary).toBe(
      'booking /rooms: response-time ended (no new data)',
    );
  });

  it('gives the reason if the rule was removed', () => {
    const { states } = evaluateValues(rule, slow);
    const [last] = resolveAllAlerts(states, T0 + 120_000);
    expect(toAlert(last!, undefined).annotations.summary).toBe(
      'booking /rooms: response-time ended (the rule was removed)',
    );
  });

  it('describes the good state if the rule has no useful value', () => {
    const noData = findRule(SET, 'no-data');
    const { transitions } = evaluateValues(noData, [
      ...Array<number>(11).fill(3),
      ...Array<undefined>(12),
      3,
      3,
      3,
    ]);
    expect(transitions.map((each) => [each.state, toAlert(each, noData).annotations])).toEqual([
      ['firing', { summary: 'booking has stopped sending metrics' }],
      ['resolved', { summary: 'booking is sending metrics again' }],
    ]);
  });

  it('never contradicts the state, for all built-in rules', () => {
    for (const each of SET.rules) {
      const firing = makeTransition(each, { state: 'firing', value: 1000 });
      const resolved = makeTransition(each, { state: 'resolved', value: 0, cause: 'x ×3.1' });
      const [before, after] = [firing, resolved].map((t) => toAlert(t, each).annotations);
      expect(after?.summary, each.name).not.toBe(before?.summary);
      expect(after, each.name).not.toHaveProperty('resolved');
      expect(after?.summary, each.name).not.toMatch(/unreachable|rejected 0|failed 0/);
    }
  });
});

function makeTransition({ name }: AlertRule, more: Partial<Transition>): Transition {
  return {
    id: 'x',
    seq: 1,
    rule: name,
    state: 'firing',
    severity: 'high',
    labels: JSON.stringify({ service: 'booking', queue: 'emails', endpoint: '/rooms' }),
    value: undefined,
    threshold: 1,
    timestamp: T0,
    startedAt: T0,
    firedAt: T0,
    cause: undefined,
    author: undefined,
    comment: undefined,
    service: 'booking',
    organizationId: undefined,
    propertyId: undefined,
    ...more,
  };
}

it('shows the value of the evaluation that the cause explains, and the newest value separately', () => {
  const rule = findRule(SET, 'response-time');
  const transition = makeTransition(rule, { value: 6010, threshold: 5000, cause: 'average ×3' });
  const alert = toNotifiedAlert(transition, rule, 1900, 9100);
  expect(alert.annotations.summary).toContain('takes 6.01 s on average (limit: 5 s)');
  expect([alert.current?.text, alert.worst?.text]).toEqual(['1.9 s', '9.1 s']);
});

it('remembers the worst value while an alert fires, in the direction of its rule', () => {
  const notified: Alert[] = [];
  const dispatcher = new AlertDispatcher({
    incidents: { getThreadId: () => 'incident-1' },
    recorder: { record: () => {} } as never,
    gate: new NotificationGate(),
    silences: { listActive: () => [] } as never,
    explainer: { enqueue: () => {} } as never,
    getRuleSet: () => SET,
    findRule: (name) => findRule(SET, name),
    notify: ({ alerts }) => void notified.push(...alerts),
    onEvaluated: () => {},
  });
  for (const [name, values, worst] of [
    ['response-time', [6010, 9100, 7000], '9.1 s'],
    ['uptime', [98, 96.3, 99], '96.3 %'],
  ] as const) {
    const rule = findRule(SET, name);
    const id = `alert of ${name}`;
    const severity = 'critical';
    const firing = makeTransition(rule, { id, severity, value: values[0] });
    dispatcher.handleTransition(firing, undefined);
    for (const [i, value] of values.entries()) {
      const live = { transition: firing, value, breachedMs: undefined };
      dispatcher.dispatch([live], T0 + i * 30_000);
    }
    const resolved = { ...firing, seq: 2, state: 'resolved' as const, value: 100 };
    dispatcher.handleTransition(resolved, firing);
    dispatcher.dispatch([], T0 + 600_000);
    expect(notified.at(-1)).toMatchObject({ id, state: 'resolved', worst: { text: worst } });
  }
});

it('does not show the last bad value if the row about the end is missing', async () => {
  const rule = findRule(SET, 'response-time');
  const { id, seq, state, severity, value, labels } = evaluateValues(rule, [6010]).last;
  expect(state).toBe('firing');
  const row = { id, seq, rule: rule.name, state, severity, value, labels };
  const times = { timestamp: new Date(T0), started_at: new Date(T0), fired_at: new Date(T0) };
  const queryClient = createEmptyClient([{ ...row, threshold: 5000, ...times }]);
  const options = { queryClient, add: () => {}, flush: async () => {}, now: () => T0 + 600_000 };
  const lookup = createAlertLookup(createEvaluator(options), queryClient);
  expect(await lookup.findStored(id)).toMatchObject({
    state: 'resolved',
    value: undefined,
    current: undefined,
    changedMs: T0 + 600_000,
    annotations: { summary: 'booking /rooms: response-time ended (no new data)' },
  });
});
