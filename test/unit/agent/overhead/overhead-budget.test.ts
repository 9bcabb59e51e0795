import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BudgetState,
  INITIAL_BUDGET,
  updateBudget,
} from '../../../../src/agent/overhead/overhead-budget.ts';
import { MAX_LEVEL, OMITTED_PARTS } from '../../../../src/agent/overhead/overhead-level.ts';

const LIMITS = { cpu: 0.02, memory: 40e6 };
const OVER = { cpu: 0.021, memory: 0 };
const OVER_MEMORY = { cpu: 0, memory: 41e6 };
const BETWEEN = { cpu: 0.015, memory: 0 };
const CALM = { cpu: 0.01, memory: 20e6 };

function run(usages: readonly (typeof OVER)[], state: BudgetState = INITIAL_BUDGET): BudgetState {
  return usages.reduce((current, usage) => updateBudget(current, usage, LIMITS), state);
}
const repeat = <T>(value: T, count: number): T[] => Array.from({ length: count }, () => value);

describe('updateBudget', () => {
  it.each([
    ['one measurement above a limit', [OVER], 0],
    ['two measurements above a limit', [OVER, OVER], 1],
    ['two measurements above different limits', [OVER, OVER_MEMORY], 1],
    ['measurements that are not consecutive', [OVER, BETWEEN, OVER, CALM, OVER], 0],
    ['exactly the limits', repeat({ cpu: 0.02, memory: 40e6 }, 10), 0],
    ['a long overload', repeat(OVER, 100), MAX_LEVEL],
  ])('%s', (_, usages, level) => {
    expect(run(usages).level).toBe(level);
  });

  it('recovers step by step, and waits longer after each step', () => {
    const reduced = run(repeat(OVER, 4));
    expect(run(repeat(CALM, 5), reduced).level).toBe(2);
    expect(run(repeat(CALM, 6), reduced).level).toBe(1);
    expect(run(repeat(CALM, 17), reduced).level).toBe(1);
    expect(run(repeat(CALM, 18), reduced).level).toBe(0);
  });

  it('does not recover between half of a limit and the limit', () => {
    expect(run(repeat(BETWEEN, 1000), run([OVER, OVER])).level).toBe(1);
    expect(run([...repeat(CALM, 5), BETWEEN, ...repeat(CALM, 5)], run([OVER, OVER])).level).toBe(1);
  });

  it('changes the level at most 60 times a day if each recovery is too early', () => {
    let state = INITIAL_BUDGET;
    let changes = 0;
    for (let i = 0; i < 8640; i++) {
      const next = updateBudget(state, state.level === 0 ? OVER : CALM, LIMITS);
      if (next.level !== state.level) changes += 1;
      state = next;
    }
    expect(changes).toBeLessThanOrEqual(60);
  });

  it('forgets earlier recoveries after an hour with room', () => {
    const recovered = run([OVER, OVER, ...repeat(CALM, 6)]);
    expect(recovered).toMatchObject({ level: 0, calmNeeded: 12 });
    expect(run(repeat(CALM, 360), recovered).calmNeeded).toBe(6);
  });

  it('treats an infinite limit as no limit', () => {
    const limits = { cpu: Number.POSITIVE_INFINITY, memory: Number.POSITIVE_INFINITY };
    expect(updateBudget({ ...INITIAL_BUDGET, over: 1 }, OVER, limits)).toMatchObject({ over: 0 });
  });

  it('stays within its levels, changes by at most one, and does not change its input', () => {
    const usage = fc.record({
      cpu: fc.double({ min: 0, max: 1, noNaN: true }),
      memory: fc.double({ min: 0, max: 1e9, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(usage, { maxLength: 200 }), (usages) => {
        let state: BudgetState = Object.freeze(INITIAL_BUDGET);
        for (const each of usages) {
          const next = Object.freeze(updateBudget(state, each, LIMITS));
          const isOver = each.cpu > LIMITS.cpu || each.memory > LIMITS.memory;
          const change = next.level - state.level;
          expect(next.level).toBeGreaterThanOrEqual(0);
          expect(next.level).toBeLessThanOrEqual(MAX_LEVEL);
          expect(isOver ? [0, 1] : [0, -1]).toContain(change || 0);
          state = next;
        }
      }),
    );
  });
});

it('each level has a text', () => {
  expect(OMITTED_PARTS).toHaveLength(MAX_LEVEL + 1);
});
