import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { WriteTarget } from '../../../../src/core/config/questdb-targets.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import type { RowWriter } from '../../../../src/storage/write/row-writer.ts';
import type { RowWriterOptions } from '../../../../src/storage/write/row-writer-options.ts';
import { createRowWriter } from '../../../support/create-row-writer.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { listSegments, listWaitingSegments } from '../../../support/spool-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

const questdb = new ExternalQuestdb({ isShared: true });
const spoolDir = join(questdb.folder, 'spool');
/** The spool folder of a killed process. No process can have this PID. */
const orphanedFolder = join(spoolDir, `${2 ** 22 + 1}-1-abcdef01`);
let target: WriteTarget | undefined;
let messages: string[] = [];
let dropped = new DroppedRowCounter();

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
});
afterAll(() => questdb.remove());
beforeEach(() => {
  target = questdb.target;
  messages = [];
  dropped = new DroppedRowCounter();
  rmSync(spoolDir, { recursive: true, force: true });
  mkdirSync(orphanedFolder, { recursive: true, mode: 0o700 });
});

function createWriter(options: Partial<RowWriterOptions> = {}): RowWriter {
  const log = (message: string) => messages.push(message);
  return createRowWriter({
    spoolDir,
    bufferSize: 10,
    flushIntervalMs: 60_000,
    target: () => target,
    dropped,
    log: { info: log, warn: log, error: log },
    ...options,
  });
}

const createRows = (service: string, count: number, timestamp = Date.now()) =>
  Array.from({ length: count }, (_, i) => ({
    id: `${service}-${i}`,
    timestamp,
    metricType: 'CUSTOM',
    name: 'n',
    value: i,
    service,
  }));

async function countStoredRows(service: string): Promise<number> {
  const [[count] = []] = await questdb.sql(
    `SELECT count() FROM performance_metrics WHERE service = '${service}'`,
  );
  return Number(count);
}

/** Writes a batch of one row to the orphaned folder. */
function writeOrphanedBatch(seq: number, line: string, newestMs = Date.now()): string {
  const name = `${String(seq).padStart(12, '0')}.performance_metrics.1.${newestMs}.ilp`;
  writeFileSync(join(orphanedFolder, name), line);
  return name;
}

const line = (service: string, field = 'value=1.0') =>
  `performance_metrics,service=${service},metric_type=CUSTOM id="${service}",${field} ${Date.now()}000000\n`;

it('keeps a row that QuestDB rejects as a dead letter, and stores the other rows', async () => {
  writeOrphanedBatch(1, line('before'));
  writeOrphanedBatch(2, line('bad', 'value="a text"'));
  writeOrphanedBatch(3, line('after'));
  const writer = createWriter();
  await writer.flush();
  expect(writer.stats).toMatchObject({ storedRows: 2, waitingRows: 0, deadLetterRows: 1 });
  await writer.close();
  for (const service of ['before', 'after']) {
    expect(await waitFor(async () => countStoredRows(service))).toBe(1);
  }
  expect(await countStoredRows('bad')).toBe(0);
  expect(dropped.total).toBe(0);
  expect(messages.join()).toContain("1 row for table performance_metrics can't be stored");
  expect(listWaitingSegments(spoolDir)).toEqual([]);
});

it('stores texts with any character', async () => {
  const codes = [...Array(0x100).keys(), 0x2028, 0x2029, 0xd800, 0xdfff, 0xfeff, 0xfffe, 0xffff];
  const writer = createWriter();
  const rows = createRows('characters', codes.length).map((row, i) => {
    const text = `x${String.fromCharCode(codes[i]!)}y`;
    return { ...row, operation: text, endpoint: text, tags: text };
  });
  writer.add('performance_metrics', rows);
  await writer.flush();
  expect(messages).toEqual([]);
  await waitFor(async () => (await countStoredRows('characters')) === codes.length);
  const [[text] = []] = await questdb.sql(
    "SELECT operation FROM performance_metrics WHERE service = 'characters' AND value = 0",
  );
  expect(text).toBe('x\ufffdy');
  expect(dropped.total).toBe(0);
  await writer.close();
});

it('continues if the file of waiting rows was deleted', async () => {
  target = undefined;
  const writer = createWriter({ spoolMaxBytes: 64 * 1024 });
  writer.add('performance_metrics', createRows('deleted', 50));
  await writer.flush(0).catch(() => {});
  writer.add('performance_metrics', createRows('other', 50));
  await writer.flush(0).catch(() => {});
  const [oldest = ''] = listSegments(spoolDir);
  rmSync(join(spoolDir, oldest));
  target = questdb.target;
  await writer.flush();
  await writer.close();
  await waitFor(async () => (await countStoredRows('other')) === 50);
  expect(await countStoredRows('deleted')).toBe(0);
  expect([...dropped.byReason]).toEqual([['missing', 50]]);
});

it('sends the complete rows of an incomplete batch of a killed process, and counts the others', async () => {
  const name = writeOrphanedBatch(1, line('finished')).replace('.1.', '.3.');
  const incomplete = `${line('first')}${line('second').slice(0, -10)}`;
  writeFileSync(join(orphanedFolder, `${name}.part`), incomplete);
  const writer = createWriter();
  await writer.flush();
  await writer.close();
  await waitFor(async () => (await countStoredRows('first')) === 1);
  await waitFor(async () => (await countStoredRows('finished')) === 1);
  expect([...dropped.byReason]).toEqual([['damaged', 2]]);
  expect(listWaitingSegments(spoolDir)).toEqual([]);
  expect(existsSync(orphanedFolder)).toBe(false);
});

it('drops and counts the oldest rows when the spool is full', async () => {
  target = undefined;
  const writer = createWriter({ spoolMaxBytes: 64 * 1024, bufferSize: 100_000 });
  for (let i = 0; i < 50; i++) {
    writer.add('performance_metrics', createRows(`bounded-${i}`, 100));
    await writer.flush(0).catch(() => {});
  }
  const droppedRows = dropped.byReason.get('spool_full') ?? 0;
  expect(droppedRows).toBeGreaterThan(0);
  await waitFor(async () => {
    const sizes = listSegments(spoolDir).map((name) => statSync(join(spoolDir, name)).size);
    return sizes.reduce((sum, size) => sum + size, 0) <= 64 * 1024;
  });
  target = questdb.target;
  await writer.flush();
  await writer.close();
  const storedRows = await waitFor(async () => {
    const [[count] = []] = await questdb.sql(
      "SELECT count() FROM performance_metrics WHERE service LIKE 'bounded-%'",
    );
    return Number(count) + droppedRows >= 5000 && Number(count);
  });
  expect(storedRows + droppedRows).toBe(5000);
  expect(await countStoredRows('bounded-49')).toBe(100);
  expect(messages.join()).toMatch(/the spool reached its limit of 64 KiB/);
});

it('drops and counts only the rows that are older than the retention period', async () => {
  const writer = createWriter();
  writer.add('performance_metrics', [
    ...createRows('aged-out', 3, Date.now() - 31 * DAY_MS),
    ...createRows('in-time', 2, Date.now() - 29.9 * DAY_MS),
    ...createRows('in-time-too', 4),
  ]);
  const author = 'admin';
  writer.add('audit_log', [{ id: 'old', seq: 0, author, timestamp: Date.now() - 400 * DAY_MS }]);
  await writer.flush();
  await writer.close();
  await waitFor(
    async () =>
      (await countStoredRows('in-time')) === 2 && (await countStoredRows('in-time-too')) === 4,
  );
  expect([...dropped.byReason]).toEqual([['expired', 3]]);
  expect(messages.join()).toContain('Dropped 3 rows: they are older than the retention period');
  await waitFor(async () => (await questdb.sql("audit_log WHERE id = 'old'")).length === 1);
});

it('writes when the buffer is full or the flush interval ends', async () => {
  const bySize = createWriter({ bufferSize: 10, flushIntervalMs: 3_600_000 });
  bySize.add('performance_metrics', createRows('nine', 9));
  bySize.add('performance_metrics', createRows('tenth', 1));
  await waitFor(
    async () => (await countStoredRows('nine')) + (await countStoredRows('tenth')) >= 10,
  );
  expect([await countStoredRows('nine'), await countStoredRows('tenth')]).toEqual([9, 1]);
  await bySize.close();
  const byTime = createWriter({ bufferSize: 1000, flushIntervalMs: 100 });
  byTime.add('performance_metrics', createRows('timed', 3));
  await waitFor(async () => (await countStoredRows('timed')) === 3);
  await byTime.close();
});

it('retries automatically until an outage ends', async () => {
  let attempts = 0;
  let isUp = false;
  const getTarget = () => {
    attempts++;
    return isUp ? questdb.target : undefined;
  };
  const writer = createWriter({ target: getTarget });
  writer.add('performance_metrics', createRows('patient', 2));
  await writer.flush(0).catch(() => {});
  // If a failed attempt did not schedule the next one, most runs would stop before six attempts.
  await waitFor(async () => attempts >= 6);
  isUp = true;
  await waitFor(async () => (await countStoredRows('patient')) === 2);
  await writer.close();
});

it('keeps rows for the next process if QuestDB is unreachable at shutdown', async () => {
  target = undefined;
  const writer = createWriter();
  writer.add('performance_metrics', createRows('inherited', 7));
  await writer.close(0);
  expect(countSpooledRows()).toBe(7);
  target = questdb.target;
  // The process that wrote the rows is still running.
  const next = createWriter();
  await next.flush();
  await waitFor(async () => (await countStoredRows('inherited')) === 7);
  await next.close();
});

it('spools all rows if the process exits during a write', () => {
  const writer = createWriter({ target: () => undefined });
  writer.add('performance_metrics', createRows('leaver', 12_000));
  writer.add('performance_metrics', createRows('late', 1));
  writer.flushSync();
  writer.releaseSpool();
  expect(countSpooledRows()).toBe(12_001);
});

it('writes rows to the spool within seconds, long before they are sent', async () => {
  const writer = createWriter({ bufferSize: 1000, flushIntervalMs: 3_600_000 });
  writer.add('performance_metrics', createRows('early', 3));
  await waitFor(async () => writer.stats.waitingRows === 3);
  expect(await countStoredRows('early')).toBe(0);
  await writer.close();
  await waitFor(async () => (await countStoredRows('early')) === 3);
});

/** Returns the number of rows in all complete segments, from their names. */
function countSpooledRows(): number {
  return listSegments(spoolDir)
    .map((name) => Number(/\.(\d+)\.segment$/.exec(name)?.[1]))
    .reduce((sum, rows) => sum + rows, 0);
}
