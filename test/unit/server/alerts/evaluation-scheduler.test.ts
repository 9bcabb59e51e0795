import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { EvaluationScheduler } from '../../../../src/server/alerts/evaluation-scheduler.ts';
import { WalLagTracker } from '../../../../src/server/alerts/rule-queries/internal-metrics.ts';
import { waitFor } from '../../../support/wait-for.ts';

it('calls each part once in an interval, never two at once, and counts none as late', async () => {
  const calls: number[] = [];
  let running = 0;
  let late = 0;
  const schedule = new EvaluationScheduler({
    intervalMs: 1000,
    batchCount: 5,
    now: Date.now,
    run: async (from, to) => {
      running += 1;
      expect(running).toBe(1);
      for (let part = from; part < to; part++) calls.push(part);
      await delay(5);
      running -= 1;
    },
    onLate: () => {
      late += 1;
    },
  });
  await waitFor(async () => calls.length >= 10);
  schedule.stop();
  expect(calls.slice(0, 10)).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
  expect(late).toBe(0);
});

it('counts what comes later than an interval, and goes on', async () => {
  let clock = 0;
  let late = 0;
  let calls = 0;
  const schedule = new EvaluationScheduler({
    intervalMs: 1000,
    batchCount: 3,
    now: () => clock,
    run: async () => {
      calls += 1;
      clock += 2500;
    },
    onLate: (from, to) => {
      late += to - from;
    },
  });
  await waitFor(async () => calls >= 3);
  schedule.stop();
  expect(late).toBeGreaterThanOrEqual(3 * calls - 3);
});

it('a table is behind for as long as a transaction that is known cannot be read', () => {
  const lag = new WalLagTracker();
  const look = (writtenTxn: number, appliedTxn: number, now: number) =>
    lag.update([{ table: 't', suspended: false, writtenTxn, appliedTxn }], now)[0]?.value;
  expect(look(5, 5, 0)).toBe(0);
  expect(look(7, 5, 1000)).toBe(0);
  expect(look(9, 6, 31_000)).toBe(30_000);
  // Everything of the first look is there now; what came at the second is not.
  expect(look(9, 8, 41_000)).toBe(10_000);
  expect(look(9, 9, 51_000)).toBe(0);
});
