import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BusinessRule } from '../../../../src/server/actions/business-rules/business-rule.ts';
import { ConditionEvaluator } from '../../../../src/server/actions/business-rules/evaluate-rule.ts';
import {
  type Decision,
  decideSetting,
  INITIAL_SETTING_STATE,
  type RuleEvaluation,
  type SettingState,
} from '../../../../src/server/actions/business-rules/setting-decision.ts';
import { loadPricingRule, loadTestRules, T0 } from '../../../support/business-rule-fixtures.ts';

const RULE = loadPricingRule();
const SEASIDE = { organizationId: 'grand-hotels', propertyId: 'seaside' };
const HIGH: RuleEvaluation = { holds: true, wantedValue: 1.3, facts: { requestRate: 15 } };
const LOW: RuleEvaluation = { holds: false, wantedValue: undefined, facts: { requestRate: 2 } };

/** What is decided over some evaluations, each a number of seconds after the first. */
function course(
  steps: readonly (readonly [number, RuleEvaluation | undefined])[],
  rule: BusinessRule = RULE,
): Decision[] {
  let state: SettingState = INITIAL_SETTING_STATE;
  return steps.flatMap(([second, judgement]) => {
    const step = decideSetting(rule, SEASIDE, state, judgement, T0 + 1000 * second);
    state = step.state;
    return step.decision ?? [];
  });
}

describe('a setting', () => {
  it('moves by steps, no faster than its cool-down, and back in the same way', () => {
    const found = course([
      ...[0, 10, 20, 30, 60, 90].map((s) => [s, HIGH] as const),
      ...[100, 120, 150, 180, 210].map((s) => [s, LOW] as const),
    ]);
    expect(found.map(({ status, previous, value }) => [status, previous, value])).toEqual([
      ['set', 1, 1.1],
      ['set', 1.1, 1.2],
      ['set', 1.2, 1.3],
      ['set', 1.3, 1.2],
      ['set', 1.2, 1.1],
      ['reset', 1.1, 1],
    ]);
    expect(found.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(found.map(({ id }) => id)).size).toBe(1);
    expect(found[0]?.reason).toBe(
      'price.factor 1 → 1.1, because the rule holds: requestRate is 15',
    );
    expect(found.at(-1)?.expiresAt).toBeUndefined();
  });

  it('is renewed in time while the rule holds', () => {
    const found = course([0, 30, 60, 200, 220, 400].map((s) => [s, HIGH] as const));
    expect(found.map(({ status }) => status)).toEqual(['set', 'set', 'set', 'renewed', 'renewed']);
    expect(found.at(-1)).toMatchObject({ value: 1.3, expiresAt: T0 + 700_000 });
  });

  it('falls back to its default at once when nothing is known until it expires', () => {
    const found = course([
      ...[0, 30, 60].map((s) => [s, HIGH] as const),
      ...[100, 300, 359].map((s) => [s, undefined] as const),
      [360, undefined],
      [370, undefined],
    ]);
    expect(found.map(({ status, value }) => [status, value])).toEqual([
      ...[1.1, 1.2, 1.3].map((value) => ['set', value]),
      ['expired', 1],
    ]);
  });

  it('begins a new id after it was at its default', () => {
    const found = course([
      [0, HIGH],
      [40, LOW],
      [80, HIGH],
    ]);
    expect(found.map(({ seq }) => seq)).toEqual([1, 2, 1]);
    expect(found[2]?.id).not.toBe(found[0]?.id);
  });

  it('goes to a value without steps where none are set', () => {
    const { step: _, ...limits } = { ...RULE.limits, step: undefined };
    const rule = { ...RULE, limits: { ...limits, step: 1, round: 0.25 } };
    expect(course([[0, HIGH]], rule)[0]?.value).toBe(1.25);
  });
});

it('keeps its limits, whatever is measured and whenever', () => {
  const judgement = fc.option(
    fc.record({
      holds: fc.boolean(),
      wantedValue: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
      facts: fc.constant({}),
    }),
    { nil: undefined },
  );
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), judgement), { maxLength: 80 });
  fc.assert(
    fc.property(steps, (pauses) => {
      let second = 0;
      const at = pauses.map(([pause, judged]) => {
        second += pause;
        return [second, judged] as const;
      });
      const found = course(at);
      const { min, max, step, changes, perMs } = RULE.limits;
      let value = RULE.defaultValue;
      let changed: Decision[] = [];
      for (const decision of found) {
        expect(decision.previous).toBe(value);
        value = decision.value;
        expect(value).toBeGreaterThanOrEqual(min);
        expect(value).toBeLessThanOrEqual(max);
        expect(decision.expiresAt === undefined).toBe(value === RULE.defaultValue);
        if (decision.status === 'expired') continue;
        expect(Math.abs(value - decision.previous)).toBeLessThanOrEqual(step + 1e-9);
        if (decision.status === 'renewed') continue;
        const since = decision.timestamp - (changed.at(-1)?.timestamp ?? Number.NEGATIVE_INFINITY);
        expect(since).toBeGreaterThanOrEqual(RULE.coolDownMs);
        changed = [...changed, decision].filter((c) => c.timestamp > decision.timestamp - perMs);
        expect(changed.length).toBeLessThanOrEqual(changes);
      }
      expect(new Set(found.map(({ id, seq }) => `${id} ${seq}`)).size).toBe(found.length);
    }),
  );
});

it('decides the same wherever it goes on from', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.boolean()), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, fc.nat(), (pauses, cut) => {
      let state: SettingState = INITIAL_SETTING_STATE;
      let restored: SettingState = INITIAL_SETTING_STATE;
      let now = T0;
      for (const [i, [pause, high]] of pauses.entries()) {
        now += 1000 * pause;
        const step = decideSetting(RULE, SEASIDE, state, high ? HIGH : LOW, now);
        const again = decideSetting(RULE, SEASIDE, restored, high ? HIGH : LOW, now);
        expect(again.decision).toEqual(step.decision);
        state = step.state;
        // As it is read from rows: plain data.
        restored = i === cut % pauses.length ? structuredClone(state) : again.state;
      }
    }),
  );
});

describe('a judge', () => {
  const figures = (entries: Record<string, number>) => new Map(Object.entries(entries));

  it('follows a fact', async () => {
    const judge = new ConditionEvaluator(RULE);
    expect(await judge.evaluate(figures({ requestRate: 15 }), false)).toEqual({
      holds: true,
      wantedValue: 1.3,
      facts: { requestRate: 15 },
    });
    expect((await judge.evaluate(figures({ requestRate: 10 }), false)).holds).toBe(false);
    expect((await judge.evaluate(figures({}), false)).holds).toBe(false);
  });

  it('goes on until something else is true, and knows parameters apart', async () => {
    const [rule] = loadTestRules(`
rules:
  - name: busy
    setting: rate.limit
    per: all
    when: { fact: queueDepth, params: { queue: mails }, operator: greaterThanInclusive, value: 100 }
    until: { not: { fact: queueDepth, params: { queue: mails }, operator: greaterThan, value: 20 } }
    value: 50
    default: 200
    limits: { min: 10, max: 500 }
`).rules;
    const judge = new ConditionEvaluator(rule!);
    const depth = (value: number) => figures({ 'queueDepth(queue=mails)': value });
    expect((await judge.evaluate(depth(100), false)).holds).toBe(true);
    expect((await judge.evaluate(depth(60), false)).holds).toBe(false);
    expect((await judge.evaluate(depth(60), true)).holds).toBe(true);
    expect((await judge.evaluate(depth(20), true)).holds).toBe(false);
    expect((await judge.evaluate(figures({ 'queueDepth(queue=others)': 500 }), false)).holds).toBe(
      false,
    );
  });
});
