import { expect, it } from 'vitest';
import type { Labels } from '../../../../src/core/alerts/alert.ts';
import { HOUR_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { evaluateRule } from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import type { Observation } from '../../../../src/server/alerts/evaluation/observation.ts';
import { toRuleDetails } from '../../../../src/server/alerts/service/rule-details.ts';
import { findRule, loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

const SET = loadTestRules('');

const toGroup = (labels: Labels, more: Partial<Observation>): Observation => ({
  ...{ labels, value: 9, count: 1000, newestMs: T0 },
  ...more,
});
const baseline = (hours: number) => ({
  waiting: { reason: 'baseline', haveMs: hours * HOUR_MS, neededMs: 22 * HOUR_MS } as const,
});

function evaluate(name: string, observations: readonly Observation[], scope = UNRESTRICTED_SCOPE) {
  const rule = findRule(SET, name);
  const { states, transitions } = evaluateRule(new Map(), observations, rule, T0);
  const { waiting } = toRuleDetails(rule, undefined, [...states.values()], scope, T0);
  return { waiting, transitions };
}

it('a rule lists how many groups wait for a baseline, and until when', () => {
  const { waiting, transitions } = evaluate('response-time-spike', [
    toGroup({ organization: 'anna', endpoint: '/a' }, baseline(4)),
    toGroup({ organization: 'bert', endpoint: '/b' }, baseline(2)),
    toGroup({ organization: 'bert', endpoint: '/c' }, { value: 1 }),
  ]);
  expect(transitions).toEqual([]);
  expect(waiting).toEqual({
    reason: 'baseline',
    readyGroups: 1,
    groups: 3,
    needed: 22 * HOUR_MS,
    expectedAt: new Date(T0 + 20 * HOUR_MS),
    text: 'waiting for a baseline: 1 of 3 groups have enough data; needs 22 h',
  });
});

it('callers limited to a tenant see only how much data their groups have', () => {
  const groups = [
    toGroup({ organization: 'anna', endpoint: '/a' }, baseline(4)),
    toGroup({ organization: 'bert', endpoint: '/c' }, { value: 1 }),
  ];
  const inScope = (organization: string) =>
    evaluate('response-time-spike', groups, createOrganizationScope(organization)).waiting;
  expect(inScope('anna')).toMatchObject({ readyGroups: 0, groups: 1 });
  expect(inScope('bert')).toBeUndefined();
});

it('a rule with a minimum coverage waits for it', () => {
  const { waiting } = evaluate('cpu', [toGroup({ host: 'web-1' }, { value: 90, coveredMs: 8000 })]);
  expect(waiting).toMatchObject({ reason: 'coverage', needed: 48_000 });
  expect(waiting?.expectedAt).toEqual(new Date(T0 + 40_000));
  const ready = toGroup({ host: 'web-1' }, { value: 50, coveredMs: 50_000 });
  expect(evaluate('cpu', [ready]).waiting).toBeUndefined();
});

it('a burn-rate rule waits until the window of its objectives has data', () => {
  const group = toGroup({ service: 'booking', objective: 'o' }, { value: 20 });
  const waiting = { reason: 'objective', haveMs: HOUR_MS, neededMs: 6 * HOUR_MS } as const;
  const young = { ...toGroup({ service: 'shop', objective: 'o' }, { value: 20 }), waiting };
  const found = evaluate('burn-rate-medium', [group, young]);
  expect(found.transitions.map(({ labels }) => JSON.parse(labels).service)).toEqual(['booking']);
  expect(found.waiting).toEqual({
    reason: 'objective',
    readyGroups: 1,
    groups: 2,
    needed: 6 * HOUR_MS,
    expectedAt: new Date(T0 + 5 * HOUR_MS),
    text: 'waiting for data of the objectives: 1 of 2 groups have enough data; needs 6 h',
  });
});

it('a value that would be an alert is none while the group waits', () => {
  const group = toGroup({ organization: 'anna' }, { value: 50 });
  const waiting = { reason: 'baseline', haveMs: 1, neededMs: 2 } as const;
  expect(evaluate('response-time-spike', [{ ...group, waiting }]).transitions).toEqual([]);
  expect(evaluate('response-time-spike', [group]).transitions).toHaveLength(1);
});
