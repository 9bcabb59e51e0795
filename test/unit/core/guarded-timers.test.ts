import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BreakerRegistry } from '../../../src/agent/breakers/breaker-registry.ts';
import { DecisionDispatcher } from '../../../src/agent/business-rules/decision-dispatcher.ts';
import {
  DurationStats,
  SystemHealthMonitor,
} from '../../../src/agent/health/system-health-monitor.ts';
import { HostSampler } from '../../../src/agent/instrumentation/host/host-metrics.ts';
import { EventLoopSampler } from '../../../src/agent/instrumentation/host/runtime-metrics.ts';
import { withTimeout } from '../../../src/core/concurrency.ts';
import { DAY_MS } from '../../../src/core/duration.ts';
import { getGuardFailures } from '../../../src/core/guard.ts';
import {
  splitDelay,
  startImmediate,
  startInterval,
  startNextTick,
  startTimeout,
} from '../../../src/core/guarded-timers.ts';
import { DroppedRowCounter } from '../../../src/storage/spool/dropped-rows.ts';
import { RowWriter } from '../../../src/storage/write/row-writer.ts';
import { waitFor } from '../../support/wait-for.ts';

const fail = (): never => {
  throw new Error('the agent fails');
};
const setImmediateOfNode = setImmediate;

/** Runs the event loop until all immediates and promise handlers have run. */
function runEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediateOfNode(resolve));
}

describe('a guarded timer', () => {
  it.each<[string, (part: string, fn: () => unknown) => unknown]>([
    ['a timeout', (part, fn) => startTimeout(part, fn, 1)],
    ['an interval', (part, fn) => startInterval(part, fn, 1)],
    ['an immediate', (part, fn) => startImmediate(part, fn)],
    ['a tick', (part, fn) => startNextTick(part, fn)],
  ])('counts the failures of %s, and the rejections of its promise', async (name, start) => {
    for (const [kind, fn] of [
      ['throws', fail],
      ['rejects', async () => fail()],
    ] as const) {
      const part = `${name} that ${kind}`;
      const timer = start(part, fn) as NodeJS.Timeout | undefined;
      await waitFor(async () => (getGuardFailures().get(part) ?? 0) > 0);
      clearInterval(timer);
    }
  });

  it.each([1000, 2 ** 31 - 1, 2 ** 31, 30 * DAY_MS, 366 * DAY_MS, 10 * 366 * DAY_MS])(
    'runs after %d ms, and not before',
    (delayMs) => {
      vi.useFakeTimers();
      try {
        const [onTimeout, onInterval] = [vi.fn(), vi.fn()];
        const countCalls = () => [onTimeout, onInterval].map(({ mock }) => mock.calls.length);
        // Each of the parts of a long delay is rounded up to whole milliseconds.
        const roundedMs = Math.ceil(delayMs / 2 ** 31);
        startTimeout('x', onTimeout, delayMs);
        const interval = startInterval('x', onInterval, delayMs);
        vi.advanceTimersByTime(delayMs - 1);
        expect(countCalls()).toEqual([0, 0]);
        vi.advanceTimersByTime(1 + roundedMs);
        expect(countCalls()).toEqual([1, 1]);
        vi.advanceTimersByTime(delayMs);
        expect(onTimeout).toHaveBeenCalledTimes(1);
        clearInterval(interval);
        expect(vi.getTimerCount()).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it('never runs after an infinite delay, and can be cleared', () => {
    vi.useFakeTimers();
    try {
      const fn = vi.fn();
      const timer = startTimeout('x', fn, Number.POSITIVE_INFINITY);
      vi.advanceTimersByTime(366 * DAY_MS);
      expect(fn).not.toHaveBeenCalled();
      clearTimeout(timer);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('splits a delay into equal delays that Node.js supports', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e14, noNaN: true }), (delayMs) => {
        const { count, eachMs } = splitDelay(delayMs);
        expect(eachMs).toBeLessThanOrEqual(2 ** 31 - 1);
        expect(count * eachMs).toBeGreaterThanOrEqual(delayMs);
        expect(count * eachMs).toBeLessThanOrEqual(delayMs + count);
      }),
    );
  });

  it('does not keep the process alive', () => {
    const timers = [
      startTimeout('x', () => {}, 60_000),
      startInterval('x', () => {}, 60_000),
      startImmediate('x', () => {}),
    ];
    for (const timer of timers) expect(timer.hasRef()).toBe(false);
    clearTimeout(timers[0] as NodeJS.Timeout);
    clearInterval(timers[1] as NodeJS.Timeout);
  });
});

describe('with timers that return numbers', () => {
  let pending: Map<number, () => void>;
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown) => void uncaught.push(error);

  beforeEach(() => {
    pending = new Map();
    let lastId = 0;
    const start = (fn: () => void) => {
      lastId += 1;
      pending.set(lastId, fn);
      return lastId;
    };
    const clear = (id: number) => void pending.delete(id);
    for (const name of ['setTimeout', 'setInterval', 'setImmediate']) vi.stubGlobal(name, start);
    for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) {
      vi.stubGlobal(name, clear);
    }
    process.on('unhandledRejection', onUncaught);
  });
  afterEach(async () => {
    await runEventLoop();
    vi.unstubAllGlobals();
    process.off('unhandledRejection', onUncaught);
    expect(uncaught).toEqual([]);
  });

  function runTimers(): void {
    for (const fn of [...pending.values()]) fn();
  }

  it.each([true, false])('a time limit works (keepAlive: %s)', async (keepAlive) => {
    const never = new Promise<string>(() => {});
    const result = withTimeout(5, never, () => 'late', { keepAlive });
    runTimers();
    expect(await result).toBe('late');
    const inTime = withTimeout(5, Promise.resolve('in time'), () => 'late', { keepAlive });
    expect(await inTime).toBe('in time');
  });

  it('health rows are written', async () => {
    const add = vi.fn();
    const eventLoop = new EventLoopSampler();
    const monitor = new SystemHealthMonitor({
      hostName: 'host',
      resource: { service: 's', instance: 'i' },
      host: new HostSampler(),
      eventLoop,
      requests: new DurationStats(),
      queries: new DurationStats(),
      countConnections: () => undefined,
      thresholds: { responseTimeWarning: 1, responseTimeCritical: 2, errorRate: 3 },
      add,
    });
    monitor.registerGauge('activeUsers', () => 3);
    monitor.startMonitoring(1000);
    await runEventLoop();
    runTimers();
    await runEventLoop();
    monitor.stopMonitoring();
    eventLoop.stop();
    expect(add).toHaveBeenCalledTimes(2);
    expect(pending.size).toBe(0);
  });

  it('breakers open and are released', async () => {
    const registry = new BreakerRegistry();
    const book = registry.protect(async () => 'booked', { name: 'rooms' });
    expect(await book()).toBe('booked');
    registry.setForced([{ name: 'rooms', leaseMs: 5 }]);
    await expect(book()).rejects.toMatchObject({ code: 'PS_BREAKER_OPEN' });
    runTimers();
    expect(await book()).toBe('booked');
  });

  it('decisions are applied and expire', async () => {
    const values: number[] = [];
    const dispatcher = new DecisionDispatcher(() => {});
    const unsubscribe = dispatcher.onRule('demand.high', ({ value }) => void values.push(value));
    const decision = {
      ...{ id: 'd', seq: 1, rule: 'demand', event: 'demand.high', setting: 'price' },
      ...{ status: 'set' as const, value: 2, previous: 1, defaultValue: 1, facts: {}, reason: '' },
    };
    dispatcher.dispatch([{ ...decision, remainingMs: 5 }]);
    await runEventLoop();
    runTimers();
    await runEventLoop();
    unsubscribe();
    expect(values).toEqual([2, 1]);
  });

  it('rows are written to the spool', async () => {
    const spoolDir = mkdtempSync(join(tmpdir(), 'perfscope-timers-'));
    const writer = new RowWriter({
      target: () => undefined,
      dropped: new DroppedRowCounter(),
      log: { info: () => {}, warn: () => {}, error: () => {} },
      retentionDays: 30,
      spoolDir,
      spoolMaxBytes: 1e6,
      bufferSize: 1,
      flushIntervalMs: 1000,
      ensureTables: async () => {},
    });
    writer.add('system_health', [
      { timestamp: Date.now(), service: 's', instance: 'i', id: '1', status: 'healthy' },
    ]);
    runTimers();
    await runEventLoop();
    writer.flushSync();
    expect(writer.spoolBytes).toBeGreaterThan(0);
    rmSync(spoolDir, { recursive: true });
  });
});
