import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BusinessRule } from '../../../../src/server/actions/business-rules/business-rule.ts';
import {
  type Decision,
  decideSetting,
  INITIAL_SETTING_STATE,
  type RuleEvaluation,
  type SettingState,
} from '../../../../src/server/actions/business-rules/decide-setting.ts';
import { ConditionEvaluator } from '../../../../src/server/actions/business-rules/evaluate-business-rule.ts';
import { loadPricingRule, loadTestRules, T0 } from '../../../support/business-rule-fixtures.ts';

const RULE = loadPricingRule();
const SEASIDE = { organizationId: 'grand-hotels', propertyId: 'seaside' };
const HIGH: RuleEvaluation = { holds: true, targetValue: 1.3, facts: { requestRate: 15 } };
const LOW: RuleEvaluation = { holds: false, targetValue: undefined, facts: { requestRate: 2 } };

/** Returns the decisions of a series of evaluations at the given seconds. */
function decideSeries(
  steps: readonly (readonly [number, RuleEvaluation | undefined])[],
  rule: BusinessRule = RULE,
): Decision[] {
  let state: SettingState = INITIAL_SETTING_STATE;
  return steps.flatMap(([second, evaluation]) => {
    const step = decideSetting(rule, SEASIDE, state, evaluation, T0 + 1000 * second);
    state = step.state;
    return step.decision ?? [];
  });
}

describe('decideSetting', () => {
  it('moves to the target in steps, limited by the cool-down, and returns to the default in steps', () => {
    const decisions = decideSeries([
      ...[0, 10, 20, 30, 60, 90].map((s) => [s, HIGH] as const),
      ...[100, 120, 150, 180, 210].map((s) => [s, LOW] as const),
    ]);
    expect(decisions.map(({ status, previous, value }) => [status, previous, value])).toEqual([
      ['set', 1, 1.1],
      ['set', 1.1, 1.2],
      ['set', 1.2, 1.3],
      ['set', 1.3, 1.2],
      ['set', 1.2, 1.1],
      ['reset', 1.1, 1],
    ]);
    expect(decisions.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(decisions.map(({ id }) => id)).size).toBe(1);
    expect(decisions[0]?.reason).toBe(
      'price.factor 1 → 1.1, because the condition is met: requestRate is 15',
    );
    expect(decisions.at(-1)?.expiresAt).toBeUndefined();
  });

  it('renews a setting before it expires while the rule holds', () => {
    const decisions = decideSeries([0, 30, 60, 200, 220, 400].map((s) => [s, HIGH] as const));
    expect(decisions.map(({ status }) => status)).toEqual([
      'set',
      'set',
      'set',
      'renewed',
      'renewed',
    ]);
    expect(decisions.at(-1)).toMatchObject({ value: 1.3, expiresAt: T0 + 700_000 });
  });

  it('resets an expired setting to its default immediately if no facts are available', () => {
    const decisions = decideSeries([
      ...[0, 30, 60].map((s) => [s, HIGH] as const),
      ...[100, 300, 359].map((s) => [s, undefined] as const),
      [360, undefined],
      [370, undefined],
    ]);
    expect(decisions.map(({ status, value }) => [status, value])).toEqual([
      ...[1.1, 1.2, 1.3].map((value) => ['set', value]),
      ['expired', 1],
    ]);
  });

  it('uses a new ID after the setting returned to its default', () => {
    const decisions = decideSeries([
      [0, HIGH],
      [40, LOW],
      [80, HIGH],
    ]);
    expect(decisions.map(({ seq }) => seq)).toEqual([1, 2, 1]);
    expect(decisions[2]?.id).not.toBe(decisions[0]?.id);
  });

  it('moves to the target immediately if the rule has no step', () => {
    const { step: _, ...limits } = { ...RULE.limits, step: undefined };
    const rule = { ...RULE, limits: { ...limits, step: 1, round: 0.25 } };
    expect(decideSeries([[0, HIGH]], rule)[0]?.value).toBe(1.25);
  });
});

it('stays within the limits for any series of evaluations', () => {
  const evaluation = fc.option(
    fc.record({
      holds: fc.boolean(),
      targetValue: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
      facts: fc.constant({}),
    }),
    { nil: undefined },
  );
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), evaluation), { maxLength: 80 });
  fc.assert(
    fc.property(steps, (pauses) => {
      let second = 0;
      const series = pauses.map(([pause, result]) => {
        second += pause;
        return [second, result] as const;
      });
      const decisions = decideSeries(series);
      const { min, max, step, changes, perMs } = RULE.limits;
      let value = RULE.defaultValue;
      let changed: Decision[] = [];
      for (const decision of decisions) {
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
      expect(new Set(decisions.map(({ id, seq }) => `${id} ${seq}`)).size).toBe(decisions.length);
    }),
  );
});

it('makes the same decisions after its state is restored', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.boolean()), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, fc.nat(), (pauses, restoreAt) => {
      let state: SettingState = INITIAL_SETTING_STATE;
      let restored: SettingState = INITIAL_SETTING_STATE;
      let now = T0;
      for (const [i, [pause, high]] of pauses.entries()) {
        now += 1000 * pause;
        const step = decideSetting(RULE, SEASIDE, state, high ? HIGH : LOW, now);
        const restoredStep = decideSetting(RULE, SEASIDE, restored, high ? HIGH : LOW, now);
        expect(restoredStep.decision).toEqual(step.decision);
        state = step.state;
        // Restored state is plain data, as if read from rows.
        restored = i === restoreAt % pauses.length ? structuredClone(state) : restoredStep.state;
      }
    }),
  );
});

describe('ConditionEvaluator', () => {
  const toValues = (entries: Record<string, number>) => new Map(Object.entries(entries));

  it('computes the target value from a fact', async () => {
    const evaluator = new ConditionEvaluator(RULE);
    expect(await evaluator.evaluate(toValues({ requestRate: 15 }), false)).toEqual({
      holds: true,
      targetValue: 1.3,
      facts: { requestRate: 15 },
    });
    expect((await evaluator.evaluate(toValues({ requestRate: 10 }), false)).holds).toBe(false);
    expect((await evaluator.evaluate(toValues({}), false)).holds).toBe(false);
  });

  it('holds until `until` is met, and distinguishes facts by their parameters', async () => {
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
    const evaluator = new ConditionEvaluator(rule!);
    const depth = (value: number) => toValues({ 'queueDepth(queue=mails)': value });
    expect((await evaluator.evaluate(depth(100), false)).holds).toBe(true);
    expect((await evaluator.evaluate(depth(60), false)).holds).toBe(false);
    expect((await evaluator.evaluate(depth(60), true)).holds).toBe(true);
    expect((await evaluator.evaluate(depth(20), true)).holds).toBe(false);
    expect(
      (await evaluator.evaluate(toValues({ 'queueDepth(queue=others)': 500 }), false)).holds,
    ).toBe(false);
  });
});
