import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  getQueryCaller,
  QueryAudience,
  type QueryCaller,
  runAsQueryCaller,
  runWithoutQueryCaller,
} from '../../../../src/storage/questdb/query-caller.ts';
import { QueryScheduler } from '../../../../src/storage/questdb/query-scheduler.ts';

let nowMs: number;
let scheduler: QueryScheduler;
/** Names of the queries in the order in which they started. */
let started: string[];
let finish: Map<string, () => void>;
beforeEach(() => {
  nowMs = 0;
  started = [];
  finish = new Map();
  scheduler = new QueryScheduler({ maxQueries: 3, maxWaitMs: 1e6, now: () => nowMs });
});

interface CallerOptions {
  connection?: object;
  organization?: string;
  signal?: AbortSignal;
}

function createCaller(
  key: string,
  { connection = {}, organization, signal = new AbortController().signal }: CallerOptions = {},
): QueryCaller {
  const groups = [{ id: key, per: 'key', limit: 2 }];
  if (organization) groups.push({ id: organization, per: 'organization', limit: 2 });
  return { groups, connection, signal };
}

/** Starts a query that runs until `end` is called. */
function run(name: string, caller: QueryCaller | undefined, signal = caller?.signal) {
  return scheduler.run(caller, signal, () => {
    started.push(name);
    return new Promise<string>((resolve) => finish.set(name, () => resolve(name)));
  });
}

async function end(name: string, durationMs = 0): Promise<void> {
  await startAll();
  nowMs += durationMs;
  finish.get(name)!();
  await startAll();
}

/** Resolves when all queries that can start have started. */
const startAll = () => new Promise((resolve) => setImmediate(resolve));

describe('QueryScheduler', () => {
  it('limits the queries of each caller, so another caller starts at once', async () => {
    for (let i = 0; i < 50; i++) void run(`a${i}`, createCaller('a'));
    void run('b0', createCaller('b'));
    await startAll();
    expect(started).toEqual(['a0', 'a1', 'b0']);
    expect(scheduler.waitingCount).toBe(48);
  });

  it('limits the queries of an organization, even if it has many keys', async () => {
    for (const key of ['a', 'b', 'c']) void run(key, createCaller(key, { organization: 'acme' }));
    void run('d', createCaller('d'));
    await startAll();
    expect(started).toEqual(['a', 'b', 'd']);
  });

  it('prefers the caller with the fewest running queries', async () => {
    for (const name of ['a0', 'a1', 'a2']) void run(name, createCaller('a'));
    for (const name of ['b0', 'b1']) void run(name, createCaller('b'));
    void run('c0', createCaller('c'));
    await startAll();
    expect(started).toEqual(['a0', 'a1', 'b0']);
    await end('a0');
    expect(started).toEqual(['a0', 'a1', 'b0', 'c0']);
  });

  it('prefers connections of a caller that used little query time in the last seconds', async () => {
    const busy = createCaller('a', { connection: {} });
    const polling = createCaller('a', { connection: {} });
    void run('busy0', busy);
    await end('busy0', 2000);
    void run('busy1', busy);
    void run('busy2', busy);
    void run('polling0', polling);
    void run('busy3', busy);
    await end('busy1', 1000);
    expect(started).toEqual(['busy0', 'busy1', 'busy2', 'polling0']);
    // After two minutes, the earlier query time of the first connection no longer counts.
    nowMs += 120_000;
    void run('polling1', polling);
    await end('polling0', 100);
    expect(started.at(-1)).toBe('busy3');
  });

  it('prefers the newest of equal queries', async () => {
    for (let i = 0; i < 50; i++) void run(`old${i}`, createCaller('a'));
    void run('new', createCaller('a'));
    await end('old0');
    expect(started).toEqual(['old0', 'old1', 'new']);
  });

  it('never limits internal queries', async () => {
    for (let i = 0; i < 5; i++) void run(`a${i}`, createCaller('a'));
    for (let i = 0; i < 5; i++) void run(`alert${i}`, undefined);
    await startAll();
    expect(started.filter((name) => name.startsWith('alert'))).toHaveLength(5);
  });

  it('continues after a failed query', async () => {
    const fail = () => Promise.reject(new Error('failed'));
    for (let i = 0; i < 5; i++) {
      const caller = createCaller('a');
      await expect(scheduler.run(caller, undefined, fail)).rejects.toThrow('failed');
    }
    void run('a', createCaller('a'));
    await startAll();
    expect(started).toEqual(['a']);
  });

  it('removes a waiting query if its client disconnects', async () => {
    const disconnected = new AbortController();
    void run('a0', createCaller('a'));
    void run('a1', createCaller('a'));
    const waiting = run('a2', createCaller('a', { signal: disconnected.signal }));
    const late = createCaller('a', { signal: AbortSignal.abort() });
    disconnected.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'PS_UNAVAILABLE' });
    await expect(run('a3', late)).rejects.toMatchObject({ code: 'PS_UNAVAILABLE' });
    expect(scheduler.waitingCount).toBe(0);
    await end('a0');
    expect(started).toEqual(['a0', 'a1']);
  });

  it('rejects a query that waited too long, with the limit that was reached', async () => {
    vi.useFakeTimers();
    try {
      scheduler = new QueryScheduler({ maxQueries: 3, maxWaitMs: 15_000 });
      void run('a0', createCaller('a'));
      void run('a1', createCaller('a'));
      const perKey = expect(run('a2', createCaller('a'))).rejects.toMatchObject({
        code: 'PS_TOO_MANY_OPEN',
        message: expect.stringContaining('2 concurrent queries per key'),
      });
      void run('b0', createCaller('b'));
      const perServer = expect(run('c0', createCaller('c'))).rejects.toMatchObject({
        code: 'PS_TOO_MANY_OPEN',
        message: expect.stringContaining('3 concurrent queries per server'),
      });
      await vi.advanceTimersByTimeAsync(15_000);
      await perKey;
      await perServer;
      expect(scheduler.waitingCount).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('QueryAudience', () => {
  it('cancels a shared query only when all its clients have disconnected', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const audience = new QueryAudience();
    for (const { signal } of [first, second]) {
      runAsQueryCaller(createCaller('a', { signal }), () => audience.join());
    }
    first.abort();
    expect(audience.signal.aborted).toBe(false);
    second.abort();
    expect(audience.signal.aborted).toBe(true);
  });

  it('never cancels a query that internal code waits for', () => {
    const { signal } = new AbortController();
    const audience = new QueryAudience();
    runAsQueryCaller(createCaller('a', { signal: AbortSignal.abort() }), () => {
      expect(getQueryCaller()?.signal.aborted).toBe(true);
    });
    audience.join();
    runAsQueryCaller(createCaller('a', { signal }), () => audience.join());
    expect(audience.signal.aborted).toBe(false);
  });

  it('shares a waiting query only within its caller, and a running query with all callers', () => {
    const [first, second] = [createCaller('a'), createCaller('a')];
    const audience = runAsQueryCaller(first, () => new QueryAudience());
    const isShareable = () => audience.isShareable;
    expect(runAsQueryCaller(second, isShareable)).toBe(true);
    expect(runAsQueryCaller(createCaller('b'), isShareable)).toBe(false);
    expect(runAsQueryCaller(first, () => runWithoutQueryCaller(isShareable))).toBe(false);
    audience.hasStarted = true;
    expect(runAsQueryCaller(createCaller('b'), isShareable)).toBe(true);
  });
});
