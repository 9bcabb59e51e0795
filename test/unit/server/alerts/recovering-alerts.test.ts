import { expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { acknowledge } from '../../../../src/server/alerts/evaluation/alert-state-machine.ts';
import { toAlert } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import {
  evaluateRule,
  type RuleStates,
} from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import { toAlertView } from '../../../../src/server/alerts/service/alert-views.ts';
import { findRule, getOnlyState, loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

const RULES = `rules:
  - name: failing
    measure: { type: API_RESPONSE_TIME, aggregate: errorRate, groupBy: [service], window: 5m }
    thresholds: { warning: 5, critical: 20 }
    keepFiringFor: 2m
    annotations:
      summary: "{{ $labels.service }}: {{ $value | humanizePercentage }} are failing (limit: {{ $threshold | humanizePercentage }})"
`;
const rule = findRule(loadTestRules(RULES), 'failing');

/** Evaluates the rule every 30 s with these values. */
function evaluateValues(values: readonly number[]) {
  let states: RuleStates = new Map();
  const transitions = values.flatMap((value, i) => {
    const now = T0 + i * 30_000;
    const observation = { labels: { service: 'hotel' }, value, count: 1000, newestMs: now };
    const step = evaluateRule(states, [observation], rule, now);
    states = step.states;
    return step.transitions;
  });
  return { state: getOnlyState(states), last: transitions.at(-1)! };
}

it('shows the last value beyond the limit, and the newest value, while an alert recovers', () => {
  const { state, last } = evaluateValues([12, 12, 0]);
  expect([last.state, last.value, state.value]).toEqual(['firing', 12, 0]);
  const summary = 'hotel: 12 % are failing (limit: 5 %); recovering, now 0 %';
  expect(toAlert(last, rule, state.value)).toMatchObject({ value: 0, annotations: { summary } });
  const [acknowledged] = acknowledge(state, { author: 'ann', comment: 'x' }, T0)!.transitions;
  expect(toAlert(acknowledged!, rule, state.value).annotations.summary).toBe(summary);
});

it('shows only the newest value while it is beyond the limit', () => {
  const { state, last } = evaluateValues([12, 12, 8]);
  expect(toAlert(last, rule, state.value).annotations.summary).toBe(
    'hotel: 8 % are failing (limit: 5 %)',
  );
});

it('shows a value beyond the new limit when the severity decreases', () => {
  // The critical level ends 2 min after 30 %, when the value has already recovered.
  const { last } = evaluateValues([30, 30, 8, 8, 0, 0, 0]);
  expect(last).toMatchObject({ state: 'firing', severity: 'warning', threshold: 5, value: 8 });
});

it('describes the notification group of a held alert as text', () => {
  const { last } = evaluateValues([12]);
  const by = JSON.stringify({ host: 'web-1', organization: '', queue: '', service: 'hotel' });
  const held = { reason: 'duplicate', by, detail: 'already sent', untilMs: undefined } as const;
  const getBy = (hosts: boolean) =>
    toAlertView(toAlert(last, rule), [held], { ...UNRESTRICTED_SCOPE, hosts }, undefined).held[0]
      ?.by;
  expect(getBy(true)).toBe('host=web-1, service=hotel');
  expect(getBy(false)).toBe('service=hotel');
});
