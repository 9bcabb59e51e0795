import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EvaluationScheduler } from '../../../../src/server/alerts/evaluation-scheduler.ts';

const T0 = Date.UTC(2030, 0, 15, 12);

beforeEach(() => void vi.useFakeTimers({ now: T0 }));
afterEach(() => void vi.useRealTimers());

it('runs each batch once per interval, one at a time, and reports no late batches', async () => {
  const calls: { atMs: number; from: number; to: number }[] = [];
  let running = 0;
  const late = vi.fn();
  const scheduler = new EvaluationScheduler({
    intervalMs: 1000,
    batchCount: 5,
    now: Date.now,
    run: async (from, to) => {
      running += 1;
      expect(running).toBe(1);
      calls.push({ atMs: Date.now() - T0, from, to });
      await new Promise((done) => setTimeout(done, 200));
      running -= 1;
    },
    onLate: late,
  });
  await vi.advanceTimersByTimeAsync(1999);
  scheduler.stop();
  const round = [
    { atMs: 0, from: 0, to: 1 },
    { atMs: 250, from: 1, to: 2 },
    { atMs: 500, from: 2, to: 3 },
    { atMs: 750, from: 3, to: 5 },
  ];
  const nextRound = round.map((slot) => ({ ...slot, atMs: slot.atMs + 1000 }));
  expect(calls).toEqual([...round, ...nextRound]);
  expect(late).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(5000);
  expect(calls).toHaveLength(8);
});

it('counts batches that are more than one interval late, and continues', async () => {
  let clock = 0;
  let late = 0;
  const calls: number[] = [];
  const scheduler = new EvaluationScheduler({
    intervalMs: 1000,
    batchCount: 3,
    now: () => clock,
    run: async (from) => {
      calls.push(from);
      clock += 2500;
      if (calls.length === 3) scheduler.stop();
    },
    onLate: (from, to) => {
      late += to - from;
    },
  });
  await vi.advanceTimersByTimeAsync(3);
  expect(calls).toEqual([0, 1, 2]);
  // Each call makes its own batch late, and two complete rounds of three batches are skipped.
  expect(late).toBe(3 * (1 + 2 * 3));
});

it('waits for an interval that is longer than the timers of Node.js support', async () => {
  const run = vi.fn(async () => {});
  const intervalMs = 30 * 86_400_000;
  const scheduler = new EvaluationScheduler({
    ...{ intervalMs, batchCount: 1, now: Date.now, run },
    onLate: () => {},
  });
  await vi.advanceTimersByTimeAsync(1);
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(intervalMs - 2);
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2);
  expect(run).toHaveBeenCalledTimes(2);
  scheduler.stop();
});
