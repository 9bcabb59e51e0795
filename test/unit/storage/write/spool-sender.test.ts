import { createServer, type RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PausedTarget, WriteTarget } from '../../../../src/core/config/questdb-targets.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';
import { createError } from '../../../../src/core/perfscope-error.ts';
import type { TableName } from '../../../../src/core/schema/table-registry.ts';
import { migrateTables } from '../../../../src/storage/migrations/migrate.ts';
import type { Batch } from '../../../../src/storage/spool/batch.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import {
  SpoolSender,
  type SpoolSenderOptions,
} from '../../../../src/storage/write/spool-sender.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { MemorySpool } from '../../../support/memory-spool.ts';
import { waitFor } from '../../../support/wait-for.ts';

const cleanups: (() => unknown)[] = [];
let spool: MemorySpool;
let messages: string[];
let dropped: DroppedRowCounter;
let deadLetters: string[];
/** Lines that the server has stored. */
let stored: string[];

beforeEach(() => {
  spool = new MemorySpool([createBatch(1)]);
  messages = [];
  deadLetters = [];
  stored = [];
  dropped = new DroppedRowCounter();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function createBatch(
  id: number | string,
  table: TableName = 'performance_metrics',
  newestMs: number = Date.now(),
): Batch {
  return { table, rows: 1, newestMs, lines: Buffer.from(`${table} id="${id}" 1\n`) };
}

function createSender(options: Partial<SpoolSenderOptions> = {}): SpoolSender {
  const log = (message: string) => messages.push(message);
  const sender = new SpoolSender({
    spool,
    target: () => ({ url: 'http://127.0.0.1:1' }),
    ensureTables: async () => {},
    maxAgeMs: 30 * DAY_MS,
    deadLetters: { add: async (_table, lines) => void deadLetters.push(lines.toString().trim()) },
    dropped,
    log: { info: log, warn: log, error: log },
    ...options,
  });
  cleanups.push(() => sender.close());
  return sender;
}

async function listen(onRequest: RequestListener): Promise<WriteTarget> {
  const server = createServer(onRequest);
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url };
}

/** Starts a server that stores all lines, unless `respond` returns another status. 418: an internal error of QuestDB. */
function startQuestdb(
  respond: (body: string) => number | undefined = () => undefined,
  databaseTime = new Date().toISOString(),
): Promise<WriteTarget> {
  return listen(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    if (request.url?.startsWith('/exec')) {
      response.end(JSON.stringify({ columns: [], dataset: [[databaseTime]] }));
      return;
    }
    const status = respond(body) ?? 204;
    if (status === 204) stored.push(...body.split('\n').filter(Boolean));
    if (status === 418) response.writeHead(500).end('{"code":"internal error","message":"failed"}');
    else response.writeHead(status).end(status === 400 ? '{"code":"invalid","message":"bad"}' : '');
  });
}

it('cancels the creation of tables when it closes', async () => {
  let onRequest = () => {};
  const requested = new Promise<void>((resolve) => {
    onRequest = resolve;
  });
  const target = await listen(() => onRequest());
  const sender = createSender({
    target: () => target,
    ensureTables: async (writeTarget, signal) => {
      await migrateTables(writeTarget, DEFAULT_RETENTION, { timeoutMs: 3_600_000, signal });
    },
  });
  sender.start();
  await requested;
  await sender.close();
  expect(spool.waitingRows).toBe(1);
});

it.each([
  ['the target is unknown', { target: () => undefined }],
  [
    'the target cannot be determined',
    {
      target: () => {
        throw new Error('no target');
      },
    },
  ],
  ['the tables cannot be created', { ensureTables: () => Promise.reject(new Error('refused')) }],
  ['anything is thrown', { ensureTables: () => Promise.reject(undefined) }],
])('keeps the rows if %s', async (_name, options: Partial<SpoolSenderOptions>) => {
  const sender = createSender(options);
  await sender.sendAll();
  expect(spool.waitingRows).toBe(1);
});

it('sends one request for each table, and keeps the order of its rows', async () => {
  const tables = ['performance_metrics', 'error_logs', 'performance_metrics'] as const;
  spool = new MemorySpool(tables.map((table, i) => createBatch(i, table)));
  const requests: string[] = [];
  const target = await startQuestdb((body) => void requests.push(body));
  const sender = createSender({ target: () => target });
  await sender.sendAll();
  expect(requests).toEqual([
    'performance_metrics id="0" 1\nperformance_metrics id="2" 1\n',
    'error_logs id="1" 1\n',
  ]);
  expect([spool.waitingRows, sender.storedRows, sender.failedRequests]).toEqual([0, 3, 0]);
});

it('does not send the tables again that were stored before a failure', async () => {
  spool = new MemorySpool([createBatch(1), createBatch(2, 'error_logs')]);
  let isFailing = true;
  const target = await startQuestdb((body) =>
    isFailing && body.startsWith('error_logs') ? 503 : undefined,
  );
  const sender = createSender({ target: () => target });
  await sender.sendAll();
  expect([stored.length, spool.waitingRows]).toEqual([1, 2]);
  isFailing = false;
  await sender.sendAll();
  expect(stored).toEqual(['performance_metrics id="1" 1', 'error_logs id="2" 1']);
  expect([spool.waitingRows, sender.failedRequests]).toEqual([0, 1]);
});

it('keeps the rows while another server responds with status 200', async () => {
  let status: number | undefined = 200;
  const target = await startQuestdb(() => status);
  const sender = createSender({ target: () => target });
  await sender.sendAll();
  expect(spool.waitingRows).toBe(1);
  status = undefined;
  await sender.sendAll();
  expect([stored.length, spool.waitingRows]).toEqual([1, 0]);
});

it('sets only the rejected rows aside', async () => {
  const ids = ['a', 'bad 1', 'b', 'bad 2', 'c'];
  spool = new MemorySpool(ids.map((id) => createBatch(id)));
  const target = await startQuestdb((body) => (body.includes('bad') ? 400 : undefined));
  let repairs = 0;
  const sender = createSender({ target: () => target, ensureTables: async () => void repairs++ });
  await sender.sendAll();
  const toLines = (names: string[]) => names.map((id) => `performance_metrics id="${id}" 1`);
  expect(stored).toEqual(toLines(['a', 'b', 'c']));
  expect(deadLetters).toEqual(toLines(['bad 1', 'bad 2']));
  expect([repairs, spool.waitingRows, sender.storedRows]).toEqual([2, 0, 3]);
});

it('stops between two requests when it closes', async () => {
  spool = new MemorySpool(
    Array.from({ length: 50 }, (_, i) => createBatch(`bad ${i}`)),
    50,
  );
  let closed: Promise<void> | undefined;
  const target = await startQuestdb(() => {
    if (deadLetters.length === 3) closed ??= sender.close();
    return 400;
  });
  const sender = createSender({ target: () => target });
  await sender.sendAll();
  await closed;
  expect(deadLetters).toHaveLength(3);
  expect(spool.waitingRows).toBe(50);
});

it('waits while writes are paused, and logs this once', async () => {
  const target = await startQuestdb();
  let current: WriteTarget | PausedTarget = { paused: 'only 10 MB are free' };
  const sender = createSender({ target: () => current });
  await sender.sendAll();
  current = { paused: 'only 9 MB are free' };
  await sender.sendAll();
  expect([stored, spool.waitingRows, sender.failedRequests]).toEqual([[], 1, 0]);
  current = target;
  await sender.sendAll();
  expect(stored).toHaveLength(1);
  expect(messages).toEqual([
    'Writes to QuestDB are paused (only 10 MB are free). Rows are kept in the spool.',
    'QuestDB accepts rows again.',
  ]);
});

it('does not read the spool again immediately if nothing can be read', async () => {
  const target = await startQuestdb();
  const read = vi.spyOn(spool, 'read').mockResolvedValue(undefined);
  const sender = createSender({ target: () => target });
  await sender.sendAll();
  sender.start();
  await new Promise(setImmediate);
  expect(read).toHaveBeenCalledTimes(1);
  read.mockRestore();
  await sender.sendAll();
  expect(stored).toHaveLength(1);
});

it('reports a failed read and retries', async () => {
  const target = await startQuestdb();
  vi.spyOn(spool, 'read').mockRejectedValueOnce(new Error('EMFILE'));
  const sender = createSender({ target: () => target });
  await sender.sendAll();
  expect(spool.waitingRows).toBe(1);
  await sender.sendAll();
  expect([stored.length, spool.waitingRows]).toEqual([1, 0]);
});

it('sends the rows of other tables while QuestDB fails for one table', async () => {
  spool = new MemorySpool([createBatch(1), createBatch(2, 'error_logs')], 1);
  const target = await startQuestdb((body) =>
    body.startsWith('performance_metrics') ? 418 : undefined,
  );
  const sender = createSender({ target: () => target });
  sender.start();
  await waitFor(async () => spool.waitingRows === 1);
  expect([stored, spool.waitingRows]).toEqual([['error_logs id="2" 1'], 1]);
});

it('sends the rows of other tables while a request for one table has no response', async () => {
  spool = new MemorySpool([createBatch(1), createBatch(2, 'error_logs')], 1);
  let respond = () => {};
  const target = await listen(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    stored.push(...body.split('\n').filter(Boolean));
    if (body.startsWith('performance_metrics')) respond = () => void response.writeHead(204).end();
    else response.writeHead(204).end();
  });
  const sender = createSender({ target: () => target });
  sender.start();
  await waitFor(async () => stored.length === 2);
  await waitFor(async () => spool.waitingRows === 1);
  respond();
  await waitFor(async () => spool.waitingRows === 0);
  expect(stored).toHaveLength(2);
});

it('stores rows of existing tables if the schema is newer', async () => {
  spool = new MemorySpool([createBatch(1), createBatch(2, 'error_logs')]);
  const target = await startQuestdb();
  const sender = createSender({
    target: () => target,
    ensureTables: () => Promise.reject(createError('PS_SCHEMA_NEWER', { found: 9, known: 6 })),
    readTableIds: async () => new Map([['error_logs', 1]]),
  });
  await sender.sendAll();
  expect([stored, spool.waitingRows]).toEqual([['error_logs id="2" 1'], 2]);
  expect(messages.join()).toContain('schema version 9');
});

describe('expired rows', () => {
  const OLD_MS = 40 * DAY_MS;

  async function send(clockErrorMs: number, databaseTime?: string): Promise<void> {
    const nowMs = Date.now();
    spool = new MemorySpool([
      createBatch('old', 'performance_metrics', nowMs - OLD_MS),
      createBatch('state', 'alerts', nowMs - OLD_MS),
      createBatch('new', 'performance_metrics', nowMs),
    ]);
    const target = await startQuestdb(undefined, databaseTime);
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs + clockErrorMs });
    const sender = createSender({ target: () => target });
    await sender.sendAll();
    expect(spool.waitingRows).toBe(0);
  }

  it('are dropped and counted, except in state tables', async () => {
    await send(0);
    expect(stored).toEqual(['alerts id="state" 1', 'performance_metrics id="new" 1']);
    expect([...dropped.byReason]).toEqual([['expired', 1]]);
    expect(messages.join()).toContain('older than the retention period');
  });

  it("are not dropped because of a process's wrong clock", async () => {
    await send(365 * DAY_MS);
    expect(stored).toHaveLength(2);
    expect(stored).toContain('performance_metrics id="new" 1');
    expect([...dropped.byReason]).toEqual([['expired', 1]]);
  });

  it("are not dropped because of QuestDB's wrong clock", async () => {
    await send(-365 * DAY_MS, '2090-01-01T00:00:00.000000Z');
    expect([stored.length, dropped.total]).toEqual([3, 0]);
  });

  it("are sent if QuestDB's time is unknown", async () => {
    await send(0, 'no time');
    expect([stored.length, dropped.total]).toEqual([3, 0]);
  });
});
