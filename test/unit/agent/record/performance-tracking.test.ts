import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { runInNewContext } from 'node:vm';
import express from 'express';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createJobRun } from '../../../../src/agent/instrumentation/context/caller.ts';
import {
  enterRequestContext,
  runJob,
} from '../../../../src/agent/instrumentation/context/tenant-context.ts';
import type { Measurement } from '../../../../src/agent/record/measurement.ts';
import { createPerformanceTracking } from '../../../../src/agent/record/performance-tracking.ts';
import { getGuardFailures } from '../../../../src/core/guard.ts';
import { createHostileProxy } from '../../../support/hostile-values.ts';
import { createTestRequestState } from '../../../support/request-measurements.ts';

let recorded: Measurement[];
const track = createPerformanceTracking((measurement) => void recorded.push(measurement));
beforeEach(() => {
  recorded = [];
});

function getOutcomes(): (boolean | undefined)[] {
  return recorded.map(({ error }) => error);
}

describe('a tracked function', () => {
  it('has the name, length, properties, and source of the function', () => {
    function handleError(_error: Error, _request: object, _response: object, _next: () => void) {}
    const handler = Object.assign(handleError, { description: 'handles errors' });
    const tracked = track(handler, { name: 'x' });
    expect(tracked).toHaveLength(4);
    expect(tracked.name).toBe('handleError');
    expect(tracked.description).toBe('handles errors');
    expect(Object.keys(tracked)).toEqual(['description']);
    expect(tracked).toBeInstanceOf(Function);
    expect(track(async () => {}, { name: 'x' }).constructor.name).toBe('AsyncFunction');
  });

  it('receives `this` and the arguments, and runs once', () => {
    const fn = vi.fn(function (this: unknown, ...args: unknown[]) {
      return [this, ...args];
    });
    const self = {};
    expect(track(fn, { name: 'x' }).call(self, 1, 2)).toEqual([self, 1, 2]);
    expect(fn).toHaveBeenCalledOnce();
    expect(getOutcomes()).toEqual([false]);
  });

  it('throws the same error synchronously', () => {
    const error = new Error('no rooms');
    const tracked = track(
      () => {
        throw error;
      },
      { name: 'x' },
    );
    expect(tracked).toThrow(error);
    expect(getOutcomes()).toEqual([true]);
  });

  it('can be constructed, and keeps its class', () => {
    class Room {
      static readonly kind = 'room';
      readonly number: number;
      constructor(number: number) {
        this.number = number;
      }
    }
    const TrackedRoom = track(Room, { name: 'x' });
    const room = new TrackedRoom(7);
    expect(room).toBeInstanceOf(Room);
    expect(room).toBeInstanceOf(TrackedRoom);
    expect(room.number).toBe(7);
    expect(TrackedRoom.kind).toBe('room');
    class Suite extends TrackedRoom {}
    expect(new Suite(8)).toBeInstanceOf(Suite);
    expect(getOutcomes()).toEqual([false, false]);
    expect(() => new (track(() => {}, { name: 'x' }) as never as typeof Room)(1)).toThrow(
      TypeError,
    );
  });

  it('works if the measurement fails', () => {
    const before = getGuardFailures().get('withPerformanceTracking') ?? 0;
    const failing = createPerformanceTracking(() => {
      throw new Error('no space');
    });
    expect(failing(() => 'booked', { name: 'x' })()).toBe('booked');
    expect(getGuardFailures().get('withPerformanceTracking')).toBe(before + 1);
  });
});

it('a tracked error handler of Express is called for errors', async () => {
  const app = express();
  app.get('/', () => {
    throw new Error('no rooms');
  });
  const handleError: express.ErrorRequestHandler = (error, _request, response, _next) => {
    response.status(503).send(error.message);
  };
  app.use(track(handleError, { name: 'errors' }));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/`);
  expect([response.status, await response.text()]).toEqual([503, 'no rooms']);
  expect(recorded).toHaveLength(1);
  server.close();
});

it('a tracked function works if the tenant context fails', () => {
  const getStore = vi.spyOn(AsyncLocalStorage.prototype, 'getStore').mockImplementation(() => {
    throw new Error('no context');
  });
  expect(track(() => 'booked', { name: 'x' })()).toBe('booked');
  getStore.mockRestore();
  expect(getOutcomes()).toEqual([false]);
});

describe('a tracked promise', () => {
  it('is recorded when it settles', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const result = track(() => promise, { name: 'x' })();
    expect(recorded).toEqual([]);
    resolve('booked');
    expect(await result).toBe('booked');
    expect(getOutcomes()).toEqual([false]);
  });

  it('rejects with the same error', async () => {
    const error = new Error('no rooms');
    await expect(track(() => Promise.reject(error), { name: 'x' })()).rejects.toBe(error);
    expect(getOutcomes()).toEqual([true]);
  });

  it('leaves a rejection without a handler unhandled', async () => {
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    const error = new Error('no rooms');
    // The test doesn't handle the returned promise.
    track(async () => Promise.reject(error), { name: 'x' })();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onUnhandled);
    for (const listener of listeners) process.on('unhandledRejection', listener);
    expect(unhandled).toEqual([error]);
  });

  it('keeps its own properties', async () => {
    const request = Object.assign(Promise.resolve('body'), { cancel: () => 'canceled' });
    const result = track(() => request, { name: 'x' })();
    expect(result.cancel()).toBe('canceled');
    expect(await result).toBe('body');
  });

  it('of another realm is recorded', async () => {
    const promise = runInNewContext('Promise.resolve(1)') as Promise<number>;
    const result = track(() => promise, { name: 'x' })();
    expect(recorded).toEqual([]);
    expect(await result).toBe(1);
    expect(getOutcomes()).toEqual([false]);
  });

  it('of a subclass keeps its identity', async () => {
    class Cancelable extends Promise<number> {
      #isCanceled = false;
      cancel() {
        this.#isCanceled = true;
        return this.#isCanceled;
      }
    }
    const promise = Cancelable.resolve(1) as Cancelable;
    const result = track(() => promise, { name: 'x' })();
    expect(result).toBe(promise);
    expect(result.cancel()).toBe(true);
    expect(await result).toBe(1);
    expect(getOutcomes()).toEqual([false]);
  });
});

describe('another thenable', () => {
  /** Like a query builder: `then` runs the query. */
  function createQuery(outcome: Promise<string>) {
    return {
      runs: 0,
      where() {
        return this;
      },
      // biome-ignore lint/suspicious/noThenProperty: query builders are thenables.
      then(onFulfilled?: (value: string) => unknown, onRejected?: (error: unknown) => unknown) {
        this.runs += 1;
        return outcome.then(onFulfilled, onRejected);
      },
    };
  }

  it('is returned, and runs only when the application awaits it', async () => {
    const query = createQuery(Promise.resolve('rows'));
    const keys = Object.keys(query);
    const result = track(() => query, { name: 'x' })();
    expect(result).toBe(query);
    await new Promise((resolve) => setImmediate(resolve));
    expect(query.runs).toBe(0);
    expect(recorded).toEqual([]);
    expect(await result.where()).toBe('rows');
    expect(query.runs).toBe(1);
    expect(getOutcomes()).toEqual([false]);
    expect(Object.keys(query)).toEqual(keys);
    expect(await query).toBe('rows');
    expect(query.runs).toBe(2);
    expect(recorded).toHaveLength(1);
  });

  it('that rejects is recorded as an error', async () => {
    const error = new Error('no rooms');
    const query = createQuery(Promise.reject(error));
    await expect(track(() => query, { name: 'x' })().then(() => {})).rejects.toBe(error);
    expect(getOutcomes()).toEqual([true]);
  });

  it('that is frozen is returned and recorded', async () => {
    const query = Object.freeze({
      // biome-ignore lint/suspicious/noThenProperty: query builders are thenables.
      then: (onFulfilled: (value: string) => unknown) => onFulfilled('rows'),
    });
    expect(await track(() => query, { name: 'x' })()).toBe('rows');
    expect(getOutcomes()).toEqual([false]);
  });
});

describe('a tracked generator', () => {
  function* count(to: number): Generator<number, string, string | undefined> {
    for (let i = 0; i < to; i++) yield i;
    return 'done';
  }

  it('is lazy, and recorded when it is done', () => {
    const generator = track(count, { name: 'x' })(2);
    expect(recorded).toEqual([]);
    expect([...generator]).toEqual([0, 1]);
    expect(getOutcomes()).toEqual([false]);
    expect(Object.keys(generator)).toEqual([]);
    expect(generator).toBeInstanceOf(count);
  });

  it('is recorded once if the loop ends early', () => {
    for (const _ of track(count, { name: 'x' })(5)) break;
    expect(getOutcomes()).toEqual([false]);
  });

  it('is recorded as an error if it throws', () => {
    const error = new Error('no rooms');
    const generator = track(count, { name: 'x' })(5);
    generator.next();
    expect(() => generator.throw(error)).toThrow(error);
    expect(getOutcomes()).toEqual([true]);
  });

  it('is measured from the first step', () => {
    vi.useFakeTimers();
    const generator = track(count, { name: 'x' })(1);
    vi.advanceTimersByTime(1000);
    generator.next();
    vi.advanceTimersByTime(20);
    generator.next();
    vi.useRealTimers();
    expect(recorded[0]?.value).toBe(20);
  });

  it('passes values to the generator', () => {
    function* echo(): Generator<unknown, void, string> {
      yield yield 'ready';
    }
    const generator = track(echo, { name: 'x' })();
    expect(generator.next('ignored').value).toBe('ready');
    expect(generator.next('room').value).toBe('room');
  });

  it('can be asynchronous', async () => {
    async function* pages(failing: boolean) {
      yield 1;
      if (failing) throw new Error('no rooms');
      yield 2;
    }
    const seen: number[] = [];
    for await (const page of track(pages, { name: 'x' })(false)) seen.push(page);
    expect(seen).toEqual([1, 2]);
    const failing = track(pages, { name: 'x' })(true);
    await failing.next();
    await expect(failing.next()).rejects.toThrow('no rooms');
    expect(getOutcomes()).toEqual([false, true]);
  });
});

it('returns a result that cannot be read', () => {
  const proxy = createHostileProxy();
  const [result] = [track(() => proxy, { name: 'x' })()];
  expect(result === proxy).toBe(true);
  expect(getOutcomes()).toEqual([false]);
});

describe('the measurement', () => {
  const fn = function bookRoom() {};

  it.each([
    [
      'API_RESPONSE_TIME by default',
      { name: 'x' },
      { metricType: 'API_RESPONSE_TIME', endpoint: 'x' },
    ],
    [
      'the given type',
      { name: 'x', metricType: 'CUSTOM' as const },
      { metricType: 'CUSTOM', endpoint: undefined },
    ],
    ['the alias of the type', { name: 'x', type: 'CUSTOM' as const }, { metricType: 'CUSTOM' }],
    ['the given endpoint', { name: 'x', endpoint: '/rooms' }, { endpoint: '/rooms' }],
    ['the name of the function', undefined, { name: 'bookRoom' }],
    [
      'other fields',
      { name: 'x', service: 's', userId: 'u' },
      { service: 's', userId: 'u', unit: 'ms' },
    ],
  ])('has %s', (_, options, expected) => {
    track(fn, options)();
    expect(recorded).toEqual([expect.objectContaining(expected)]);
  });

  it.each(['docs/instrumentation.md', 'docs/agent.md', 'src/index.ts'])(
    'is CUSTOM in the example of %s, which is not an API request',
    (file) => {
      const example = /withPerformanceTracking\(\w+, (\{.*?\})\);/.exec(readFileSync(file, 'utf8'));
      track(() => {}, runInNewContext(`(${example?.[1]})`) as object)();
      expect(recorded).toMatchObject([{ metricType: 'CUSTOM', endpoint: undefined }]);
    },
  );

  it('is CUSTOM inside a measured request or job, which is recorded already', async () => {
    const tracked = track(fn, { name: 'x' });
    runJob(createJobRun('invoices', 'invoice', undefined), tracked);
    await (async () => {
      enterRequestContext(createTestRequestState({}));
      tracked();
    })();
    expect(recorded.map(({ metricType }) => metricType)).toEqual(['CUSTOM', 'CUSTOM']);
  });
});
