import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CallTimer, takeCallTimeMs } from '../../../src/core/call-timer.ts';
import { guard } from '../../../src/core/guard.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'], now: 1000 });
  vi.advanceTimersByTime(1000);
  takeCallTimeMs();
});
afterEach(() => void vi.useRealTimers());

it('times each long call, also if it fails', () => {
  const work = guard('a test', (ms: number) => {
    vi.advanceTimersByTime(ms);
    throw new Error('after the work');
  });
  for (const ms of [5, 10, 5]) work(ms);
  expect(takeCallTimeMs()).toBe(20);
  expect(takeCallTimeMs()).toBe(0);
});

it('counts nested calls once', () => {
  const inner = guard('a test', () => vi.advanceTimersByTime(10));
  const outer = guard('a test', () => inner());
  outer();
  expect(takeCallTimeMs()).toBe(10);
});

it('extrapolates from one of 64 short calls', () => {
  const timer = new CallTimer();
  let timed = 0;
  for (let i = 0; i < 64 * 10 + 1; i++) {
    const startMs = timer.start();
    if (startMs !== 0) timed += 1;
    timer.end(0);
    if (startMs !== 0) timer.add(0.01);
  }
  expect(timed).toBe(11);
  expect(takeCallTimeMs()).toBeCloseTo(0.01 * (64 * 10 + 1), 5);
});

it('an interrupted call represents only itself', () => {
  const timer = new CallTimer();
  timer.add(0.001);
  takeCallTimeMs();
  timer.add(100);
  expect(takeCallTimeMs()).toBeLessThan(110);
  // The next calls are timed one by one.
  timer.add(0.001);
  expect(takeCallTimeMs()).toBeCloseTo(0.001, 5);
});
