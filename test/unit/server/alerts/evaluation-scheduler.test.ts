import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { EvaluationScheduler } from '../../../../src/server/alerts/evaluation-scheduler.ts';
import { waitFor } from '../../../support/wait-for.ts';

it('runs each batch once per interval, one at a time, and reports no late batches', async () => {
  const calls: number[] = [];
  let running = 0;
  let late = 0;
  const scheduler = new EvaluationScheduler({
    intervalMs: 1000,
    batchCount: 5,
    now: Date.now,
    run: async (from, to) => {
      running += 1;
      expect(running).toBe(1);
      for (let batch = from; batch < to; batch++) calls.push(batch);
      await delay(5);
      running -= 1;
    },
    onLate: () => {
      late += 1;
    },
  });
  await waitFor(async () => calls.length >= 10);
  scheduler.stop();
  expect(calls.slice(0, 10)).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
  expect(late).toBe(0);
});

it('counts batches that are more than one interval late, and continues', async () => {
  let clock = 0;
  let late = 0;
  let calls = 0;
  const scheduler = new EvaluationScheduler({
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
  scheduler.stop();
  expect(late).toBeGreaterThanOrEqual(3 * calls - 3);
});
