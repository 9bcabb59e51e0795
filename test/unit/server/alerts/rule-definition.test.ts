import { describe, expect, it } from 'vitest';
import { loadAlertRules } from '../../../../src/server/alerts/rules/load-alert-rules.ts';
import { formatRuleYaml } from '../../../../src/server/alerts/rules/rule-definition.ts';
import { SETTINGS } from '../../../support/alert-rule-fixtures.ts';

const load = (text: string) => loadAlertRules(SETTINGS, { name: 'rules.yaml', text });
const BUILT_IN = loadAlertRules(SETTINGS);

const OWN_RULES = `
rules:
  - name: error-rate
    thresholds: { medium: 7 }
  - name: rooms
    measure:
      type: API_RESPONSE_TIME
      aggregate: mean
      filter: { organization: [grand, palace], endpoint: /rooms }
      groupBy: [organization, property, service]
    thresholds: { warning: 1500 }
    tenants: [{ organization: grand, property: north, thresholds: { warning: 900 } }]
    labels: { organizationTeam: mean }
    annotations: { summary: "{{ $labels.service }}: {{ $value | humanizeDuration }}", description: about rooms }
  - name: rows
    sql: |
      SELECT service, count() AS value
      FROM performance_metrics
      WHERE in_window() AND in_scope()
    window: 1h
    thresholds: { warning: 10 }
  - name: disk
    enabled: false
`;

it('knows where each rule is defined', () => {
  const { definitions } = load(OWN_RULES);
  const describeSource = (name: string) => {
    const { source, overridden } = definitions.get(name)!;
    return { source, overridden };
  };
  expect(describeSource('rooms')).toEqual({ source: 'file', overridden: false });
  expect(describeSource('error-rate')).toEqual({ source: 'built-in', overridden: true });
  expect(describeSource('response-time')).toEqual({ source: 'built-in', overridden: false });
  expect(describeSource('disk')).toEqual({ source: 'built-in', overridden: true });
});

/** Functions can't be compared, so their texts are. */
const toComparable = (rule: unknown) =>
  JSON.parse(
    JSON.stringify(rule, (_, value) =>
      typeof value === 'function' ? ((value as { text?: string }).text ?? null) : value,
    ),
  );

describe('the YAML of a rule', () => {
  it('can be used as a rules file that gives the same rule', () => {
    const set = load(OWN_RULES);
    expect(set.rules.length).toBeGreaterThan(20);
    for (const rule of set.rules) {
      const text = formatRuleYaml(set.definitions.get(rule.name)!);
      const again = load(text).rules.find(({ name }) => name === rule.name);
      expect(toComparable(again)).toEqual(toComparable(rule));
    }
  });

  it('uses the documented names, and changes no texts of the user', () => {
    expect(formatRuleYaml(load(OWN_RULES).definitions.get('rooms')!)).toBe(`rules:
  - name: rooms
    measure:
      type: API_RESPONSE_TIME
      aggregate: average
      filter:
        organizationId:
          - grand
          - palace
        endpoint: /rooms
      groupBy: [organizationId, propertyId, service]
    thresholds: {warning: 1500}
    tenants:
      - organizationId: grand
        propertyId: north
        thresholds: {warning: 900}
    labels:
      organizationTeam: mean
    annotations:
      summary: "{{ $labels.service }}: {{ $value | humanizeDuration }}"
      description: about rooms
`);
  });

  it('contains the thresholds from the environment', () => {
    const settings = { ...SETTINGS, PERFORMANCE_ERROR_RATE_THRESHOLD: 20 };
    const definition = loadAlertRules(settings).definitions.get('error-rate')!;
    expect(formatRuleYaml(definition)).toContain('thresholds: {critical: 20}');
  });

  it('keeps the lines of a statement', () => {
    expect(formatRuleYaml(load(OWN_RULES).definitions.get('rows')!)).toContain(
      'sql: |\n      SELECT service, count() AS value\n      FROM performance_metrics\n',
    );
  });
});

it('has a definition for every built-in rule', () => {
  for (const { name } of BUILT_IN.rules) expect([...BUILT_IN.definitions.keys()]).toContain(name);
});
