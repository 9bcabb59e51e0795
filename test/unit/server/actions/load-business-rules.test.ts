import { expect, it } from 'vitest';
import { PerfscopeError } from '../../../../src/core/perfscope-error.ts';
import { loadBusinessRules } from '../../../../src/server/actions/business-rules/load-business-rules.ts';
import { loadTestRules, PRICING_RULES } from '../../../support/business-rule-fixtures.ts';

function findProblems(text: string): string[] {
  try {
    loadTestRules(text);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(PerfscopeError);
    const { code, params } = error as PerfscopeError;
    expect(code).toBe('PS_BUSINESS_RULES_INVALID');
    return params.lines as string[];
  }
}

const findProblemsAfter = (from: string | RegExp, to: string) =>
  findProblems(PRICING_RULES.replace(from, to));

it('loads the example rules', () => {
  const { rules, intervalMs } = loadTestRules(PRICING_RULES);
  expect(intervalMs).toBe(10_000);
  expect(rules[0]).toMatchObject({
    event: 'demand.high',
    windowMs: 300_000,
    dryRun: false,
    coolDownMs: 30_000,
    limits: { min: 0.9, max: 1.5, step: 0.1, round: 0.01, changes: 6, perMs: 600_000 },
  });
  expect(loadTestRules('').rules).toEqual([]);
});

it('reports the position of an unknown fact and suggests a known one', () => {
  expect(findProblemsAfter('fact: requestRate,', 'fact: requestsRate,')).toEqual([
    'rules.yaml:7:27: `fact` cannot be `requestsRate`; did you mean `requestRate`?',
  ]);
});

it('rejects a value or default outside the limits', () => {
  expect(findProblemsAfter(/value: \{ fact: .*/, 'value: 1.8')).toEqual([
    'rules.yaml:8:12: `value` must be between 0.9 and 1.5, not 1.8',
  ]);
  expect(findProblemsAfter('default: 1', 'default: 2')).toEqual([
    'rules.yaml:9:14: `default` must be between 0.9 and 1.5, not 2',
  ]);
});

it('rejects two rules with the same setting', () => {
  const second = PRICING_RULES.replace('rules:', '').replace('demand-high', 'demand-low');
  expect(findProblems(PRICING_RULES + second)).toEqual([
    expect.stringMatching(
      /^rules\.yaml:\d+:14: the rule `demand-high` already sets `price\.factor`/,
    ),
  ]);
});

it.each([
  ['operator: greaterThan', 'operator: above', /`operator` cannot be `above`/],
  ['value: 10 }', 'value: many }', /`value` must be a number, not `many`/],
  ['all: [', 'some: [', /exactly one of `all`, `any`, `not`, and `fact`/],
  ['all: [', 'not: {}, all: [', /exactly one of/],
  ['coolDown: 30s', 'coolDown: soon', /`coolDown` must be a duration/],
  ['coolDown: 30s', 'cooldown: 30s', /unknown key `cooldown`; did you mean `coolDown`\?/],
  ['max: 1.5', 'max: 0.5', /`max` must be greater than `min`/],
  ['fact: requestRate,', 'fact: gauge,', /`gauge` requires `params: \{ name: … \}`/],
  ['fact: requestRate,', 'fact: queueDepth, params: { queue: q },', /has no value per tenant/],
  [
    'value: 10 }',
    'value: 10, params: { queue: q } }',
    /`queue` is not a parameter of `requestRate`/,
  ],
  ['coolDown: 30s', 'webhooks: [shop]', /there is no webhook `shop`; the file defines no webhooks/],
  ['expiresAfter: 5m', 'expiresAfter: 5s', /`expiresAfter` must be at least `10s`/],
  ['name: demand-high', 'nome: demand-high', /`name` is missing/],
])('reports a problem if %j is changed to %j', (from, to, message) => {
  expect(findProblemsAfter(from, to).join('\n')).toMatch(message);
});

it('rejects a webhook whose URL is not allowed', () => {
  const text = 'webhooks: [{ name: shop, url: "http://10.0.0.1/", secretFile: /secret }]';
  const load = () => loadBusinessRules({ name: 'r.yaml', text }, () => 'it is private');
  expect(load).toThrow('r.yaml:1:31: `url` is not allowed: it is private');
});

it('reports the problem in a malformed file', () => {
  for (const text of [
    'rules: 5',
    'rules: [5]',
    'rules: [{}]',
    '- a',
    'rules: [{when: [1]}]',
    '{',
  ]) {
    expect(findProblems(text).length, text).toBeGreaterThan(0);
  }
});
