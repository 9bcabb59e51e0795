import { expect, it } from 'vitest';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { toAlert } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import { NotificationGate } from '../../../../src/server/alerts/suppression/notification-gate.ts';
import {
  getOnlyState,
  loadTestRules,
  makeRule,
  runRule,
  T0,
  type TimedObservation,
} from '../../../support/alert-rule-fixtures.ts';

const SET = loadTestRules(`notifications: { groupWait: 0s, groupInterval: 0s }
inhibit: [{ name: i, source: ['alertname="worse"'], target: ['alertname="r"'], equal: [service] }]`);
const RULE = makeRule('thresholds: { warning: 10 }\nkeepFiringFor: 2m');
const WORSE: Alert = {
  ...toAlert(runRule(RULE, [[0, 20]]).transitions[0]!, RULE),
  id: 'worse',
  rule: 'worse',
  severity: 'critical',
};

/**
 * Evaluates the rule at each time, in seconds, while another alert inhibits its alert until `endSeconds`.
 * Returns what is sent about the alert at each time: its state, or the reason why it isn't sent.
 */
function run(endSeconds: number, observations: readonly TimedObservation[]): string[] {
  const gate = new NotificationGate();
  let states: ReturnType<typeof runRule>['states'] = new Map();
  return observations.map(([seconds, observed]) => {
    const step = runRule(RULE, [[seconds, observed]], states);
    states = step.states;
    for (const transition of step.transitions)
      gate.recordTransition(transition, toAlert(transition, RULE), SET);
    const { alert, value, breachedMs } = getOnlyState(states);
    const live = [
      ...(alert ? [toAlert(alert, RULE, value)] : []),
      ...(seconds < endSeconds ? [WORSE] : []),
    ];
    const breaches = new Map([[alert?.id ?? '', breachedMs]]);
    const sent = gate.evaluate(live, SET, [], T0 + seconds * 1000, breaches);
    const own = sent.flatMap(({ alerts }) => alerts).find(({ rule }) => rule === 'r');
    const reasons = alert ? gate.getSuppressions(alert.id).map(({ reason }) => reason) : [];
    return own?.state ?? reasons.join() ?? '';
  });
}

it('does not send an alert that recovered while it was inhibited', () => {
  const sent = run(60, [
    [0, 20],
    [30, 20],
    // The inhibition ends. The value is fine, and the alert fires only because of `keepFiringFor`.
    [60, 0],
    [90, 0],
    [120, 0],
    [180, 0],
  ]);
  expect(sent).toEqual(['inhibited', 'inhibited', 'inhibited', 'inhibited', 'inhibited', '']);
});

it('sends an alert that is still beyond its threshold after the inhibition', () => {
  expect(
    run(60, [
      [0, 20],
      [30, 20],
      [60, 20],
    ]),
  ).toEqual(['inhibited', 'inhibited', 'firing']);
});

it('waits for new data if there is none when the inhibition ends', () => {
  const old = { value: 20, newestMs: T0 };
  expect(
    run(60, [
      [0, old],
      [30, old],
      [60, old],
      [90, 20],
    ]),
  ).toEqual(['inhibited', 'inhibited', 'inhibited', 'firing']);
});
