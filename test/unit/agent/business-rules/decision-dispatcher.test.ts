import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import {
  type ActiveDecision,
  DecisionDispatcher,
  type RuleDecision,
} from '../../../../src/agent/business-rules/decision-dispatcher.ts';
import { waitFor } from '../../../support/wait-for.ts';

let outcomes: string[];
let applier: DecisionDispatcher;
beforeEach(() => {
  outcomes = [];
  applier = new DecisionDispatcher(({ propertyId, value, status }, outcome) => {
    outcomes.push(`${propertyId} ${status} ${value} ${outcome.status} ${outcome.reason}`.trim());
  });
});

function heard(value: number, seq: number, more: Partial<ActiveDecision> = {}): ActiveDecision {
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
    ...more,
  };
}

it('gives each value once, and the default when it counts again', async () => {
  const given: RuleDecision[] = [];
  applier.onRule('demand.high', (decision) => void given.push(decision));
  applier.onRule('demand.low', () => void given.push(heard(9, 9)));
  applier.dispatch([heard(1.1, 1)]);
  applier.dispatch([heard(1.1, 1)]);
  applier.dispatch([heard(1.1, 2, { status: 'renewed' })]);
  applier.dispatch([heard(1.2, 3), heard(1.1, 1, { id: 'b', propertyId: 'alpine' })]);
  applier.dispatch([heard(1.1, 1, { id: 'b', propertyId: 'alpine' })]);
  await waitFor(async () => outcomes.length === 4);
  expect(outcomes.filter((line) => line.startsWith('seaside'))).toEqual([
    'seaside set 1.1 applied',
    'seaside set 1.2 applied',
    'seaside reset 1 applied',
  ]);
  expect(outcomes).toContain('alpine set 1.1 applied');
  expect(given.length).toBe(4);
});

it('gives what counts already to who comes later', async () => {
  applier.dispatch([heard(1.1, 1)]);
  applier.onRule('demand.high', () => {});
  await waitFor(async () => outcomes.length === 1);
});

it('gives the default when nothing is heard any more', async () => {
  applier.onRule('demand.high', () => {});
  applier.dispatch([heard(1.1, 1, { remainingMs: 50 })]);
  await waitFor(async () => outcomes.length === 2);
  expect(outcomes[1]).toBe('seaside expired 1 applied');
});

it('says why a handler failed, and tries it again with the next decision', async () => {
  let works = false;
  applier.onRule('demand.high', async ({ value }) => {
    if (!works) throw new Error(`no price list for ${value}`);
  });
  applier.dispatch([heard(1.1, 1)]);
  await waitFor(async () => outcomes.length === 1);
  applier.dispatch([heard(1.1, 1)]);
  works = true;
  applier.dispatch([heard(1.1, 2, { status: 'renewed' })]);
  await waitFor(async () => outcomes.length === 2);
  expect(outcomes).toEqual([
    'seaside set 1.1 failed no price list for 1.1',
    'seaside renewed 1.1 applied',
  ]);
});

it('does not wait for a handler that hangs', async () => {
  let calls = 0;
  const hang = () => {
    calls += 1;
    return calls === 1 ? new Promise<void>(() => {}) : undefined;
  };
  applier.onRule('demand.high', hang, { timeoutMs: 30 });
  applier.dispatch([heard(1.1, 1)]);
  applier.dispatch([heard(1.2, 2)]);
  await waitFor(async () => outcomes.length === 2);
  expect(outcomes).toEqual([
    'seaside set 1.1 failed the handler did not finish within 0.03 s',
    'seaside set 1.2 applied',
  ]);
});

it('ends with its subscription', async () => {
  const end = applier.onRule('demand.high', () => {});
  applier.dispatch([heard(1.1, 1)]);
  await waitFor(async () => outcomes.length === 1);
  end();
  applier.dispatch([heard(1.2, 2)]);
  expect(applier.size).toBe(0);
});

it('gives a default again to a handler that failed with it, unless there is a new value', async () => {
  const impatient = new DecisionDispatcher(
    ({ value }, { status }) => outcomes.push(`${value} ${status}`),
    20,
  );
  let failures = 2;
  impatient.onRule('demand.high', ({ value }) => {
    if (value === 1 && failures-- > 0) throw new Error('busy');
  });
  impatient.dispatch([heard(1.1, 1)]);
  impatient.dispatch([]);
  await waitFor(async () => outcomes.includes('1 applied'));
  expect(outcomes).toEqual(['1.1 applied', '1 failed', '1 failed', '1 applied']);
  failures = Number.POSITIVE_INFINITY;
  impatient.dispatch([heard(1.2, 1, { id: 'b' })]);
  impatient.dispatch([]);
  await waitFor(async () => outcomes.at(-1) === '1 failed');
  impatient.dispatch([heard(1.3, 1, { id: 'c' })]);
  await waitFor(async () => outcomes.includes('1.3 applied'));
  await delay(60);
  expect(outcomes.at(-1)).toBe('1.3 applied');
});
