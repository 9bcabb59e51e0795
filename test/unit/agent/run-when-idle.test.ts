import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runWhenIdle } from '../../../src/agent/run-when-idle.ts';

let utilization: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(performance, 'eventLoopUtilization').mockImplementation(() => ({
    idle: 0,
    active: 0,
    utilization,
  }));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('runs each step in its own turn, and continues after a failure', () => {
  utilization = 0;
  const calls: string[] = [];
  runWhenIdle('a test', [
    () => calls.push('first'),
    () => {
      throw new Error('a failing step');
    },
    () => calls.push('third'),
  ]);
  vi.advanceTimersByTime(25);
  // The application's main file can have run until now, so it isn't known whether the event loop is busy.
  expect(calls).toEqual([]);
  vi.advanceTimersByTime(25);
  expect(calls).toEqual(['first']);
  vi.advanceTimersByTime(100);
  expect(calls).toEqual(['first', 'third']);
  expect(vi.getTimerCount()).toBe(0);
});

it('waits while the application is busy, but at most one second per step', () => {
  utilization = 0.9;
  const calls: string[] = [];
  runWhenIdle('a test', [() => calls.push('first'), () => calls.push('second')]);
  vi.advanceTimersByTime(900);
  expect(calls).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(calls).toEqual(['first']);
  utilization = 0;
  vi.advanceTimersByTime(50);
  expect(calls).toEqual(['first', 'second']);
});
