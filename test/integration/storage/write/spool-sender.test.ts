import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { DAY_MS } from '../../../../src/core/duration.ts';
import type { TableName } from '../../../../src/core/schema/table-registry.ts';
import { migrate, migrateTables } from '../../../../src/storage/migrations/migrate.ts';
import type { Batch } from '../../../../src/storage/spool/batch.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import { SpoolSender } from '../../../../src/storage/write/spool-sender.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { MemorySpool } from '../../../support/memory-spool.ts';
import { ProxyServer } from '../../../support/proxy-server.ts';
import { waitFor } from '../../../support/wait-for.ts';

const TABLE = 'performance_metrics';

const questdb = new ExternalQuestdb();
const proxy = new ProxyServer(() => questdb.target.url);
let deadLetters: { line: string; reason: string }[];
let dropped: DroppedRowCounter;
let sender: SpoolSender | undefined;

beforeAll(async () => {
  await questdb.start();
  await proxy.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
});
afterAll(async () => {
  proxy.stop();
  await questdb.remove();
});
beforeEach(() => {
  proxy.mode = { kind: 'forward' };
  deadLetters = [];
  dropped = new DroppedRowCounter();
});
afterEach(() => sender?.close());

/** Sends batches through the proxy until none is waiting. Returns the sender. */
async function send(batches: readonly Batch[]): Promise<SpoolSender> {
  const spool = new MemorySpool(batches);
  const current = createSender(spool, proxy.url);
  await sendAll(current, spool);
  return current;
}

async function sendAll(current: SpoolSender, spool: MemorySpool): Promise<void> {
  await waitFor(async () => {
    await current.sendAll();
    return spool.waitingRows === 0;
  }, 300_000);
}

function createSender(spool: MemorySpool, url: string): SpoolSender {
  sender = new SpoolSender({
    spool,
    target: () => ({ ...questdb.target, url }),
    // Not through the proxy, so that only writes fail.
    ensureTables: async (_target, signal) => {
      await migrateTables(questdb.target, DEFAULT_RETENTION, { keepsProcessAlive: false, signal });
    },
    maxAgeMs: DEFAULT_RETENTION.rawDays * DAY_MS,
    deadLetters: {
      add: async (_table, lines, reason) => {
        deadLetters.push({ line: lines.toString(), reason });
      },
    },
    dropped,
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  return sender;
}

function toBatch(lines: readonly (string | Buffer)[], table: TableName = TABLE): Batch {
  const data = Buffer.concat(lines.map((line) => Buffer.from(line as string)));
  return { table, rows: lines.length, newestMs: Date.now(), lines: data };
}

/** Returns a line. `id` can contain escaped characters. */
const line = (service: string, id: string | number, field = 'value=1.0') =>
  `${TABLE},service=${service},metric_type=CUSTOM id="${id}",${field} ${Date.now()}000000\n`;

const lines = (service: string, count: number, field?: string) =>
  Array.from({ length: count }, (_, i) => line(service, i, field));

async function countStored(service: string): Promise<number> {
  const [[count] = []] = await questdb.sql(
    `SELECT count() FROM ${TABLE} WHERE service = '${service}'`,
  );
  return Number(count);
}

it('sets each kind of invalid row aside with its reason, and stores all others', async () => {
  const invalidUtf8 = Buffer.concat([
    Buffer.from(`${TABLE},service=`),
    Buffer.of(0xff, 0xfe),
    Buffer.from(` id="x" ${Date.now()}000000\n`),
  ]);
  const bad = [
    [line('kinds', 'type', 'value="a text"'), 'cast error'],
    [`${TABLE},service=a\0b id="nul" ${Date.now()}000000\n`, 'field value is invalid'],
    [line('kinds', 'column', 'no_such_column=1i'), 'no_such_column does not exist'],
    [`${TABLE},service=kinds id="time" 99999999999999999999999\n`, 'Could not parse timestamp'],
    [`${TABLE},service=kinds id="time" -5\n`, 'before 1970'],
    ['no_table,service=kinds value=1 1\n', 'no_table'],
    ['garbage\n', 'No fields were provided'],
    [invalidUtf8, 'invalid UTF8'],
  ] as const;
  // A line feed in a text is not the end of the line, so it must not change the line numbers.
  const good = bad.flatMap((_, i) => [line('kinds', `${i}a\\\nb`), line('kinds', `${i}c\\\\`)]);
  const mixed = bad.flatMap(([text], i) => [good[i * 2]!, text, good[i * 2 + 1]!]);
  const { storedRows } = await send([toBatch(mixed)]);
  expect(deadLetters).toEqual(
    bad.map(([text, reason]) => ({
      line: text.toString(),
      reason: expect.stringContaining(reason),
    })),
  );
  expect(storedRows).toBe(good.length);
  expect(await waitFor(async () => (await countStored('kinds')) === good.length)).toBe(true);
  expect(deadLetters.map(({ reason }) => reason).join()).not.toMatch(/errorId|error in line/);
});

it('finds many bad rows with few requests', async () => {
  const mixed = lines('many', 1000).flatMap((text, i) =>
    i % 10 === 0 ? [text, line('many', i, 'value="a text"')] : [text],
  );
  const { failedRequests } = await send([toBatch(mixed)]);
  expect(deadLetters).toHaveLength(100);
  expect(failedRequests).toBeLessThan(220);
  expect(await waitFor(async () => (await countStored('many')) === 1000)).toBe(true);
});

it('creates a dropped table and a dropped column again, and stores all rows', async () => {
  const queueLine = `queue_metrics,service=repaired attempts=1i ${Date.now()}000000\n`;
  const spool = new MemorySpool([toBatch(lines('before', 1, 'tags="{}"'))]);
  const current = createSender(spool, questdb.target.url);
  await sendAll(current, spool);
  await questdb.sql(`ALTER TABLE ${TABLE} DROP COLUMN tags`);
  await questdb.sql('DROP TABLE queue_metrics');
  spool.waiting.push(
    toBatch(lines('repaired', 100, 'value=1.0,tags="{}"')),
    toBatch([queueLine], 'queue_metrics'),
  );
  await sendAll(current, spool);
  expect(deadLetters).toEqual([]);
  expect(await waitFor(async () => (await countStored('repaired')) === 100)).toBe(true);
  const count = () => questdb.sql('SELECT count() FROM queue_metrics');
  expect(await waitFor(async () => Number((await count())[0]?.[0]) === 1)).toBe(true);
});

/** Lines of about 1 kB. */
const longLines = (service: string, count: number) =>
  lines(service, count, `value=1.0,operation="${'x'.repeat(900)}"`);

it('stores all rows behind a proxy that limits requests to 1 MB', async () => {
  proxy.mode = { kind: 'limit', bytes: 1024 * 1024 };
  const { failedRequests } = await send([toBatch(longLines('limited', 10_000))]);
  expect(deadLetters).toEqual([]);
  expect(failedRequests).toBeLessThan(20);
  expect(await waitFor(async () => (await countStored('limited')) === 10_000)).toBe(true);
});

it('stores all rows over a connection of 300 kB/s', async () => {
  proxy.mode = { kind: 'throttle', bytesPerSecond: 300_000 };
  const { failedRequests } = await send([toBatch(longLines('slow', 5000))]);
  expect(failedRequests).toBeLessThan(20);
  expect(await waitFor(async () => (await countStored('slow')) === 5000)).toBe(true);
});

it('stores all rows through a proxy that closes the connection of large requests', async () => {
  proxy.mode = { kind: 'cut', bytes: 300_000 };
  await send([toBatch(longLines('cut', 2000))]);
  expect(await waitFor(async () => (await countStored('cut')) === 2000)).toBe(true);
});

it('keeps all rows while a maintenance page responds with status 200', async () => {
  proxy.mode = { kind: 'answer', status: 200, body: '<h1>Maintenance</h1>' };
  const sending = send([toBatch(lines('maintenance', 100))]);
  await waitFor(async () => (sender?.failedRequests ?? 0) > 0);
  proxy.mode = { kind: 'forward' };
  await sending;
  expect(await waitFor(async () => (await countStored('maintenance')) === 100)).toBe(true);
});
