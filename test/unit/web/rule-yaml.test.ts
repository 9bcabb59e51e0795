import '../../support/browser-stub.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PerformanceMetricType } from '../../../src/core/schema/enums.ts';
import { collectDeprecatedNames } from '../../../src/core/vocabulary.ts';
import { AGGREGATES, GROUP_DIMENSIONS } from '../../../src/web/views/explore/query.ts';
import {
  formatRule,
  getGreatestThreshold,
  type RuleInput,
  toRuleName,
  whyNoRule,
} from '../../../src/web/views/explore/rule-yaml.ts';
import { findRule, loadTestRules } from '../../support/alert-rule-fixtures.ts';

const INPUT: RuleInput = {
  metricType: 'API_RESPONSE_TIME',
  name: undefined,
  aggregate: 'p95',
  filters: [],
  groupBy: [],
  ruleName: 'p95 of Response time',
  severity: 'critical',
  threshold: 500,
  direction: 'above',
  for: '2m',
  window: '5m',
  unit: 'ms',
  description: 'p95 of Response time',
};
const aggregates = AGGREGATES.map(([name]) => name);
const NAMES = { average: 'mean', errorRate: 'error_ratio' } as Readonly<Record<string, string>>;

/** Loads the text as the server does, and returns its only rule. */
function load(input: RuleInput) {
  const text = formatRule(input);
  const { value, notices } = collectDeprecatedNames(() => loadTestRules(text));
  expect(notices).toEqual([]);
  return findRule(value, toRuleName(input.ruleName));
}

/** Texts with line breaks, quotes, control characters, and YAML's and SQL's syntax. */
const oddText = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.string({
    minLength: 1,
    maxLength: 20,
    unit: fc.constantFrom(...'a\'"\\:#{}[]|>-$\n\r\t\u0085\u2028 '),
  }),
  fc.constantFrom(
    'null',
    '404',
    'true',
    '1e5',
    '{{ $value }}',
    "it's; -- in_window()",
    '0x1f',
    '~',
  ),
);
const arbitraryInput: fc.Arbitrary<RuleInput> = fc.record({
  metricType: fc.constantFrom(...Object.values(PerformanceMetricType)),
  name: fc.option(oddText, { nil: undefined }),
  aggregate: fc.constantFrom(...aggregates),
  filters: fc.uniqueArray(
    fc.tuple(
      fc.constantFrom(...GROUP_DIMENSIONS),
      fc.array(oddText, { minLength: 1, maxLength: 3 }),
    ),
    { selector: ([name]) => name, maxLength: 3 },
  ),
  groupBy: fc.subarray([...GROUP_DIMENSIONS]),
  ruleName: oddText,
  severity: fc.constantFrom('warning', 'medium', 'high', 'critical'),
  threshold: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0),
  direction: fc.constantFrom('above', 'below'),
  for: fc.constantFrom('0s', '2m'),
  window: fc.constantFrom('1m', '1h'),
  unit: fc.constantFrom('ms', '%', 'By', '1', '/min', '{room}'),
  description: oddText,
});

describe('formatRule', () => {
  it('returns a rule that the server accepts, for every input', () => {
    fc.assert(
      fc.property(arbitraryInput, (given) => {
        fc.pre(whyNoRule(given) === undefined);
        const greatest = getGreatestThreshold(given);
        const { threshold } = given;
        const input = greatest ? { ...given, threshold: Math.abs(threshold) % greatest } : given;
        const rule = load(input);
        expect(rule.source.kind).toBe(input.name === undefined ? 'measure' : 'sql');
        expect(rule.levels).toMatchObject([
          { severity: input.severity, threshold: input.threshold },
        ]);
        expect(rule.direction).toBe(input.direction);
        expect(rule.forMs).toBe(input.for === '0s' ? 0 : 120_000);
      }),
    );
  });

  it.each(aggregates.filter((aggregate) => aggregate !== 'sum'))('measures %s', (aggregate) => {
    const filters = [
      ['service', ['shop']],
      ['organizationId', ["o'hara", 'b']],
    ] as const;
    const threshold = getGreatestThreshold({ name: undefined, aggregate }) ?? 500;
    const groupBy = ['endpoint', 'propertyId'];
    const rule = load({ ...INPUT, aggregate, filters, groupBy, threshold });
    expect(rule.source).toMatchObject({
      kind: 'measure',
      type: 'API_RESPONSE_TIME',
      aggregate: NAMES[aggregate] ?? aggregate,
      filter: { service: ['shop'], organization: ["o'hara", 'b'] },
      groupBy: ['endpoint', 'property'],
      windowMs: 300_000,
      slowerThanMs: aggregate === 'apdex' ? 500 : undefined,
    });
  });

  it('measures a custom metric with SQL that contains its name and all filters', () => {
    const { source } = load({
      ...INPUT,
      metricType: 'CUSTOM',
      name: "hôtel's\nrooms",
      aggregate: 'average',
      filters: [['organizationId', ["o'hara"]]],
      groupBy: ['propertyId', 'version'],
    });
    if (source.kind !== 'sql') throw new Error('expected SQL');
    expect(source.labelNames).toEqual(['property', 'version']);
    const sql = source.bind({ window: () => 'WINDOW', scope: () => 'SCOPE' });
    expect(sql).toContain("name = 'hôtel''s\nrooms'");
    expect(sql).toContain("organization_id IN ('o''hara')");
    expect(sql).toContain('(WINDOW)');
    expect(sql).toContain('(SCOPE)');
  });

  it('escapes control characters, which YAML does not allow', () => {
    const text = formatRule({
      ...{ ...INPUT, metricType: 'CUSTOM', aggregate: 'sum' },
      ...{ name: 'a\u0007b', filters: [['service', ['\u0000']]], description: '\u001b' },
    });
    expect(text).toContain('a\\u0007b');
    expect(text).not.toMatch(/[^\P{C}\n]/u);
  });

  it('writes a summary with the group, the value, and the threshold', () => {
    const rule = load({ ...INPUT, groupBy: ['organizationId'], direction: 'below' });
    expect(formatRule({ ...INPUT, groupBy: ['organizationId'], direction: 'below' })).toContain(
      'summary: "{{ $labels.organization }}: p95 of Response time is {{ $value | humanizeDuration }} (minimum: {{ $threshold | humanizeDuration }})"',
    );
    expect(Object.keys(rule.annotations)).toEqual(['summary']);
  });
});

it.each([
  ['p95 of Response time', 'p95-of-response-time'],
  ['--Größe der Räume!', 'gr-e-der-r-ume'],
  ['', 'my-rule'],
  ['...', 'my-rule'],
  ['a'.repeat(100), 'a'.repeat(60)],
])('converts %s to a name', (text, name) => {
  expect(toRuleName(text)).toBe(name);
});

it('explains why no rule can watch an aggregate', () => {
  expect(whyNoRule({ name: 'rooms', aggregate: 'p95' })).toContain("can't use p95");
  expect(whyNoRule({ name: undefined, aggregate: 'sum' })).toContain('Choose the mean');
  expect(whyNoRule({ name: 'rooms', aggregate: 'sum' })).toBeUndefined();
});
