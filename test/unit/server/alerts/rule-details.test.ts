import { describe, expect, it } from 'vitest';
import type { Labels } from '../../../../src/core/alerts/alert.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { evaluateRule } from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import { getRuleUnit, toRuleDetails } from '../../../../src/server/alerts/service/rule-details.ts';
import { findRule, loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

const SET = loadTestRules(`rules:
  - name: slow
    measure:
      type: API_RESPONSE_TIME
      aggregate: p95
      filter: { organizationId: [grand, palace], service: [secret-service] }
      groupBy: [organizationId, propertyId, instance]
      window: 10m
    thresholds: { warning: 1000 }
    annotations: { summary: "{{ $value | humanizeDuration }}" }
  - name: rows
    sql: SELECT organization_id AS organization, count() AS value FROM performance_metrics WHERE in_window() AND in_scope() AND service = 'secret-service'
    thresholds: { warning: 10 }
    annotations: { summary: "{{ $value | humanizeBytes }}" }
`);

/** Returns the details of a rule whose groups have these labels and values. */
function getDetails(
  name: string,
  groups: readonly (readonly [Labels, number])[],
  scope = UNRESTRICTED_SCOPE,
) {
  const rule = findRule(SET, name);
  const observations = groups.map(([labels, value]) => ({
    ...{ labels, value },
    ...{ count: 100, newestMs: T0 },
  }));
  const { states } = evaluateRule(new Map(), observations, rule, T0);
  return toRuleDetails(rule, SET.definitions.get(name), [...states.values()], scope, T0);
}

const north = { organization: 'grand', property: 'north', instance: 'web-1' };
const south = { organization: 'palace', property: 'south', instance: 'web-2' };

describe('an administrator', () => {
  it('sees what a rule measures', () => {
    expect(getDetails('slow', [])).toMatchObject({
      query: {
        kind: 'metric',
        metricType: 'API_RESPONSE_TIME',
        aggregate: 'p95',
        filters: { organizationId: ['grand', 'palace'], service: ['secret-service'] },
        groupBy: ['organizationId', 'propertyId', 'instance'],
        window: 600_000,
      },
      unit: 'ms',
      summary: '{{ $value | humanizeDuration }}',
      source: 'file',
      yaml: expect.stringContaining('aggregate: p95'),
      values: [],
      valueCount: 0,
    });
    expect(getDetails('rows', []).query).toEqual({
      kind: 'sql',
      sql: expect.stringContaining('SELECT organization_id AS organization'),
      groupBy: ['organization'],
      window: 300_000,
    });
  });

  it('sees the worst values first, and at most 20', () => {
    const groups = Array.from(
      { length: 25 },
      (_, i) => [{ ...north, instance: `web-${i}` }, i * 100] as const,
    );
    const { values, valueCount } = getDetails('slow', groups);
    expect(valueCount).toBe(25);
    expect(values).toHaveLength(20);
    expect(values[0]).toEqual({
      labels: { ...north, instance: 'web-24' },
      value: 2400,
      state: 'firing',
    });
    expect(values.at(-1)).toMatchObject({ value: 500, state: 'inactive' });
  });
});

describe('a caller limited to a tenant', () => {
  const scope = createOrganizationScope('grand', ['north']);

  it('sees only values of this tenant, without hosts', () => {
    const { values, valueCount } = getDetails(
      'slow',
      [
        [north, 5000],
        [south, 9000],
      ],
      scope,
    );
    expect(valueCount).toBe(1);
    expect(values).toEqual([
      { labels: { organization: 'grand', property: 'north' }, value: 5000, state: 'firing' },
    ]);
  });

  it('sees no other names in filters, no statements, and no YAML', () => {
    const { query, yaml } = getDetails('slow', [], scope);
    expect(query.filters).toEqual({ organizationId: ['grand'] });
    expect(yaml).toBeUndefined();
    expect(getDetails('rows', [], scope)).toMatchObject({ yaml: undefined });
    expect(JSON.stringify(getDetails('rows', [], scope))).not.toContain('secret-service');
  });
});

it.each([
  ['error-rate', '%'],
  ['response-time', 'ms'],
  ['response-time-spike', '1'],
  ['rows', 'By'],
  ['database-unavailable', undefined],
])('the unit of %s is %s', (name, unit) => {
  expect(getRuleUnit(findRule(SET, name))).toBe(unit);
});
