import { expect, it } from 'vitest';
import { PerfscopeError } from '../../../../src/core/errors.ts';
import { loadBusinessRules } from '../../../../src/server/actions/business-rules/load-business-rules.ts';
import { loadTestRules, PRICING_RULES } from '../../../support/business-rule-fixtures.ts';

function problemsOf(text: string): string[] {
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

const changed = (from: string | RegExp, to: string) => problemsOf(PRICING_RULES.replace(from, to));

it('reads the example', () => {
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

it('tells where a fact is not known, and which is meant', () => {
  expect(changed('fact: requestRate,', 'fact: requestsRate,')).toEqual([
    'rules.yaml:7:27: `fact` cannot be `requestsRate`; did you mean `requestRate`?',
  ]);
});

it('refuses a factor outside its limits', () => {
  expect(changed(/value: \{ fact: .*/, 'value: 1.8')).toEqual([
    'rules.yaml:8:12: `value` must lie within the limits 0.9 and 1.5, not 1.8',
  ]);
  expect(changed('default: 1', 'default: 2')).toEqual([
    'rules.yaml:9:14: `default` must lie within the limits 0.9 and 1.5, not 2',
  ]);
});

it('refuses two rules that set one setting', () => {
  const second = PRICING_RULES.replace('rules:', '').replace('demand-high', 'demand-low');
  expect(problemsOf(PRICING_RULES + second)).toEqual([
    expect.stringMatching(/^rules\.yaml:\d+:14: `price\.factor` is set by the rule `demand-high`/),
  ]);
});

it.each([
  ['operator: greaterThan', 'operator: above', /`operator` cannot be `above`/],
  ['value: 10 }', 'value: many }', /`value` must be a number, not `many`/],
  ['all: [', 'some: [', /exactly one of `all`, `any`, `not` and `fact`/],
  ['all: [', 'not: {}, all: [', /exactly one of/],
  ['coolDown: 30s', 'coolDown: soon', /`coolDown` must be a duration/],
  ['coolDown: 30s', 'cooldown: 30s', /`cooldown` is not known here; did you mean `coolDown`\?/],
  ['max: 1.5', 'max: 0.5', /`max` must be greater than `min`/],
  ['fact: requestRate,', 'fact: gauge,', /`gauge` needs `params: \{ name: … \}`/],
  ['fact: requestRate,', 'fact: queueDepth, params: { queue: q },', /is of no tenant/],
  ['value: 10 }', 'value: 10, params: { queue: q } }', /`queue` is no parameter of `requestRate`/],
  ['coolDown: 30s', 'webhooks: [shop]', /there is no webhook `shop`; the file names none/],
  ['expiresAfter: 5m', 'expiresAfter: 5s', /`expiresAfter` must be at least `10s`/],
  ['name: demand-high', 'nome: demand-high', /`name` is missing/],
])('refuses %j changed to %j', (from, to, message) => {
  expect(changed(from, to).join('\n')).toMatch(message);
});

it('refuses webhooks whose address is not allowed', () => {
  const text = 'webhooks: [{ name: shop, url: "http://10.0.0.1/", secretFile: /secret }]';
  const read = () => loadBusinessRules({ name: 'r.yaml', text }, () => 'it is private');
  expect(read).toThrow('r.yaml:1:31: `url` cannot be used: it is private');
});

it('reads whatever it is given, or says what is wrong', () => {
  for (const text of [
    'rules: 5',
    'rules: [5]',
    'rules: [{}]',
    '- a',
    'rules: [{when: [1]}]',
    '{',
  ]) {
    expect(problemsOf(text).length, text).toBeGreaterThan(0);
  }
});
