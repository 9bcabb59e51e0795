import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  mapLimit,
  SerialQueue,
  withQueryTimeout,
  withTimeout,
} from '../../../src/core/concurrency.ts';

/** Resolves after `ms` on the fake clock. */
const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('withTimeout', () => {
  const never = new Promise<string>(() => {});

  it('returns the result of the work', async () => {
    expect(await withTimeout(1000, Promise.resolve('done'), () => 'late')).toBe('done');
  });

  it.each([5, 0, -1, Number.NaN])('returns the fallback after %s ms', async (ms) => {
    const result = withTimeout(ms, never, () => 'late');
    await vi.advanceTimersByTimeAsync(ms > 0 ? ms : 1);
    expect(await result).toBe('late');
  });

  it('rejects if the fallback throws', async () => {
    const result = withQueryTimeout(5, never);
    const rejected = expect(result).rejects.toMatchObject({ code: 'PS_QUERY_TOO_LONG' });
    await vi.advanceTimersByTimeAsync(5);
    await rejected;
  });

  it('ignores a rejection after the timeout', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const failing = wait(20).then(() => Promise.reject(new Error('too late')));
    const result = withTimeout(5, failing, () => 'late');
    await vi.advanceTimersByTimeAsync(20);
    expect(await result).toBe('late');
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it.each([true, false])(
    'keeps the process alive only if `keepAlive` is true: %s',
    async (keepAlive) => {
      vi.useRealTimers();
      const countTimers = () =>
        process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      const before = countTimers();
      const result = withTimeout(20, never, () => 'late', { keepAlive });
      expect(countTimers() - before).toBe(keepAlive ? 1 : 0);
      expect(await result).toBe('late');
    },
  );
});

describe('SerialQueue', () => {
  it('runs tasks one at a time and continues after a failure', async () => {
    const log: string[] = [];
    const queue = new SerialQueue((error) => log.push(`failed: ${error}`));
    void queue.enqueue(async () => {
      await wait(10);
      log.push('first');
    });
    void queue.enqueue(() => Promise.reject('reason'));
    const last = queue.enqueue(async () => void log.push('last'));
    await vi.advanceTimersByTimeAsync(10);
    await queue.whenIdle;
    await last;
    expect(log).toEqual(['first', 'failed: reason', 'last']);
  });
});

describe('mapLimit', () => {
  it('limits the number of concurrent calls', async () => {
    let active = 0;
    let maxActive = 0;
    const done = mapLimit([1, 2, 3, 4, 5], 2, async () => {
      maxActive = Math.max(maxActive, ++active);
      await wait(5);
      active--;
    });
    await vi.advanceTimersByTimeAsync(15);
    await done;
    expect(maxActive).toBe(2);
  });

  it('processes all items before it reports failures', async () => {
    const processed: number[] = [];
    const result = mapLimit([1, 2, 3], 1, async (item) => {
      processed.push(item);
      if (item === 1) throw new Error('item 1');
    });
    await expect(result).rejects.toThrow(AggregateError);
    expect(processed).toEqual([1, 2, 3]);
  });
});
