import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  mapLimit,
  SerialQueue,
  withQueryTimeout,
  withTimeout,
} from '../../../src/core/concurrency.ts';

describe('withTimeout', () => {
  const never = new Promise<string>(() => {});

  it('returns the result of the work', async () => {
    expect(await withTimeout(1000, Promise.resolve('done'), () => 'late')).toBe('done');
  });

  it.each([5, 0, -1, Number.NaN])('returns the fallback after %s ms', async (ms) => {
    expect(await withTimeout(ms, never, () => 'late')).toBe('late');
  });

  it('rejects if the fallback throws', async () => {
    await expect(withQueryTimeout(5, never)).rejects.toMatchObject({ code: 'PS_QUERY_TOO_LONG' });
  });

  it('ignores a rejection after the timeout', async () => {
    const failing = delay(20).then(() => Promise.reject(new Error('too late')));
    expect(await withTimeout(5, failing, () => 'late')).toBe('late');
    await delay(30);
  });

  it.each([true, false])(
    'keeps the process alive only if `keepAlive` is true: %s',
    async (keepAlive) => {
      const countTimers = () =>
        process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      const before = countTimers();
      const result = withTimeout(20, never, () => 'late', { keepAlive });
      expect(countTimers() - before).toBe(keepAlive ? 1 : 0);
      expect(await Promise.all([result, delay(40)])).toEqual(['late', undefined]);
    },
  );
});

describe('SerialQueue', () => {
  it('runs tasks one at a time and continues after a failure', async () => {
    const log: string[] = [];
    const queue = new SerialQueue((error) => log.push(`failed: ${error}`));
    void queue.enqueue(async () => {
      await delay(10);
      log.push('first');
    });
    void queue.enqueue(() => Promise.reject('reason'));
    const last = queue.enqueue(async () => void log.push('last'));
    await queue.whenIdle;
    await last;
    expect(log).toEqual(['first', 'failed: reason', 'last']);
  });
});

describe('mapLimit', () => {
  it('limits the number of concurrent calls', async () => {
    let active = 0;
    let maxActive = 0;
    await mapLimit([1, 2, 3, 4, 5], 2, async () => {
      maxActive = Math.max(maxActive, ++active);
      await delay(5);
      active--;
    });
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
