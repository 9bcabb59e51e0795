import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  type ActiveDecision,
  DecisionDispatcher,
  type RuleDecision,
} from '../../../../src/agent/business-rules/decision-dispatcher.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';

let outcomes: string[];
let dispatcher: DecisionDispatcher;
beforeEach(() => {
  vi.useFakeTimers();
  outcomes = [];
  dispatcher = new DecisionDispatcher(({ propertyId, value, status }, outcome) => {
    outcomes.push(`${propertyId} ${status} ${value} ${outcome.status} ${outcome.reason}`.trim());
  });
});
afterEach(() => void vi.useRealTimers());

/** Runs everything that is due, including the handlers. */
const runDue = () => vi.advanceTimersByTimeAsync(0);

function decide(
  value: number,
  seq: number,
  overrides: Partial<ActiveDecision> = {},
): ActiveDecision {
  return {
    id: 'a',
    seq,
    rule: 'demand-high',
    event: 'demand.high',
    setting: 'price.factor',
    status: 'set',
    value,
    previous: 1,
    defaultValue: 1,
    facts: {},
    reason: 'because',
    organizationId: 'grand-hotels',
    propertyId: 'seaside',
    remainingMs: 60_000,
    ...overrides,
  };
}

it('passes each value to the handler once, and passes the default when the decision ends', async () => {
  const received: RuleDecision[] = [];
  dispatcher.onRule('demand.high', (decision) => void received.push(decision));
  dispatcher.onRule('demand.low', () => void received.push(decide(9, 9)));
  dispatcher.dispatch([decide(1.1, 1)]);
  dispatcher.dispatch([decide(1.1, 1)]);
  dispatcher.dispatch([decide(1.1, 2, { status: 'renewed' })]);
  dispatcher.dispatch([decide(1.2, 3), decide(1.1, 1, { id: 'b', propertyId: 'alpine' })]);
  dispatcher.dispatch([decide(1.1, 1, { id: 'b', propertyId: 'alpine' })]);
  await runDue();
  expect(outcomes).toHaveLength(4);
  expect(outcomes.filter((line) => line.startsWith('seaside'))).toEqual([
    'seaside set 1.1 applied',
    'seaside set 1.2 applied',
    'seaside reset 1 applied',
  ]);
  expect(outcomes).toContain('alpine set 1.1 applied');
  expect(received.length).toBe(4);
});

it('passes active decisions to a handler that is registered later', async () => {
  dispatcher.dispatch([decide(1.1, 1)]);
  dispatcher.onRule('demand.high', () => {});
  await runDue();
  expect(outcomes).toEqual(['seaside set 1.1 applied']);
});

it('passes the default when a decision expires', async () => {
  dispatcher.onRule('demand.high', () => {});
  dispatcher.dispatch([decide(1.1, 1, { remainingMs: 50 })]);
  await vi.advanceTimersByTimeAsync(49);
  expect(outcomes).toEqual(['seaside set 1.1 applied']);
  await vi.advanceTimersByTimeAsync(1);
  expect(outcomes).toEqual(['seaside set 1.1 applied', 'seaside expired 1 applied']);
});

it('reports why a handler failed, and calls the handler again with the next decision', async () => {
  let isWorking = false;
  dispatcher.onRule('demand.high', async ({ value }) => {
    if (!isWorking) throw new Error(`no price list for ${value}`);
  });
  dispatcher.dispatch([decide(1.1, 1)]);
  await runDue();
  dispatcher.dispatch([decide(1.1, 1)]);
  await runDue();
  expect(outcomes).toHaveLength(1);
  isWorking = true;
  dispatcher.dispatch([decide(1.1, 2, { status: 'renewed' })]);
  await runDue();
  expect(outcomes).toEqual([
    'seaside set 1.1 failed no price list for 1.1',
    'seaside renewed 1.1 applied',
  ]);
});

it('stops waiting for a handler after its timeout', async () => {
  let calls = 0;
  const hangOnFirstCall = () => {
    calls += 1;
    return calls === 1 ? new Promise<void>(() => {}) : undefined;
  };
  dispatcher.onRule('demand.high', hangOnFirstCall, { timeoutMs: 30 });
  dispatcher.dispatch([decide(1.1, 1)]);
  dispatcher.dispatch([decide(1.2, 2)]);
  await vi.advanceTimersByTimeAsync(29);
  expect(outcomes).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(outcomes).toEqual([
    'seaside set 1.1 failed the handler did not finish within 0.03 s',
    'seaside set 1.2 applied',
  ]);
});

it('does not call a handler after it unsubscribes', async () => {
  const unsubscribe = dispatcher.onRule('demand.high', () => {});
  dispatcher.dispatch([decide(1.1, 1)]);
  await runDue();
  unsubscribe();
  dispatcher.dispatch([decide(1.2, 2)]);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(outcomes).toEqual(['seaside set 1.1 applied']);
  expect(dispatcher.size).toBe(0);
});

it('retries a default that a handler failed to apply, until a new value is active', async () => {
  const retrying = new DecisionDispatcher(
    ({ value }, { status }) => outcomes.push(`${value} ${status}`),
    20,
  );
  let failures = 2;
  retrying.onRule('demand.high', ({ value }) => {
    if (value === 1 && failures-- > 0) throw new Error('busy');
  });
  retrying.dispatch([decide(1.1, 1)]);
  retrying.dispatch([]);
  await vi.advanceTimersByTimeAsync(39);
  expect(outcomes).toEqual(['1.1 applied', '1 failed', '1 failed']);
  await vi.advanceTimersByTimeAsync(1);
  expect(outcomes.splice(0)).toEqual(['1.1 applied', '1 failed', '1 failed', '1 applied']);
  failures = Number.POSITIVE_INFINITY;
  retrying.dispatch([decide(1.2, 1, { id: 'b' })]);
  retrying.dispatch([]);
  await runDue();
  expect(outcomes.splice(0)).toEqual(['1.2 applied', '1 failed']);
  retrying.dispatch([decide(1.3, 1, { id: 'c' })]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(outcomes).toEqual(['1.3 applied']);
});

it('keeps a value for the whole time until the decision expires, even for months', async () => {
  const values: number[] = [];
  const remainingMs = 90 * DAY_MS;
  dispatcher.onRule('demand.high', ({ value }) => void values.push(value));
  dispatcher.dispatch([decide(1.1, 1, { remainingMs })]);
  await vi.advanceTimersByTimeAsync(remainingMs - 1);
  expect(values).toEqual([1.1]);
  await vi.advanceTimersByTimeAsync(1);
  expect(values).toEqual([1.1, 1]);
});

it('does not change a value that expires in a month while it is polled', async () => {
  const values: number[] = [];
  dispatcher.onRule('demand.high', ({ value }) => void values.push(value));
  for (let poll = 0; poll < 20; poll++) {
    dispatcher.dispatch([decide(1.1, 1, { remainingMs: 30 * DAY_MS - poll * 3000 })]);
    await vi.advanceTimersByTimeAsync(3000);
  }
  expect(values).toEqual([1.1]);
});
