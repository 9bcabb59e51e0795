import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TableName } from '../../../../src/core/schema/table-registry.ts';
import type { Batch } from '../../../../src/storage/spool/batch.ts';
import type { SpoolReading } from '../../../../src/storage/spool/spool-reading.ts';
import type { UnsentTable } from '../../../../src/storage/spool/unsent-rows.ts';
import type { LineQueue } from '../../../../src/storage/write/line-queue.ts';
import { resumeBatches, SendWindow } from '../../../../src/storage/write/send-window.ts';
import { createRandom } from '../../../support/random.ts';
import {
  copyAsOrphan,
  createBatch,
  listSegments,
  readValues,
  TestSpool,
} from '../../../support/spool-fixtures.ts';

const TABLES = ['performance_metrics', 'error_logs', 'queue_metrics'] as const;
const [GOOD, BAD] = TABLES;

let folder: string;
let spool: TestSpool;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-skipped-'));
  spool = new TestSpool({ dir: join(folder, 'spool') });
});
afterEach(() => {
  spool.close();
  rmSync(folder, { recursive: true, force: true });
});

const isBad = (table: string) => table === BAD;

const withoutExpired = (batches: readonly Batch[]) => ({
  ...{ batches, expiredBeforeMs: undefined, expiredRows: 0 },
});

/** Ends a reading without sending the rows of some tables. */
function skip(
  reading: SpoolReading,
  unsent: Record<string, UnsentTable>,
  tableInFlight?: string,
): void {
  spool.remove(reading, { tables: new Map(Object.entries(unsent)), tableInFlight });
}

/** Reads everything, and sends only the tables that are not blocked. Returns the values of sent rows. */
async function drain(
  isBlocked: (table: string) => boolean,
  from: TestSpool = spool,
): Promise<number[]> {
  const values: number[] = [];
  for (;;) {
    const reading = await from.read(1000, isBlocked);
    if (!reading) return values;
    const window = new SendWindow(reading, withoutExpired(resumeBatches(reading)));
    for (const [table, queue] of window.pending) {
      if (isBlocked(table)) continue;
      const { parts } = queue.peek(1e6);
      values.push(
        ...readValues([
          { table: table as TableName, rows: 0, newestMs: 0, lines: Buffer.concat(parts) },
        ]),
      );
      queue.remove(queue.peek(1e6));
    }
    from.remove(reading, window.getUnsent());
  }
}

it('reads the rows of other tables while a table is blocked, and its rows later', async () => {
  for (let i = 0; i < 20; i++) await spool.add(createBatch(i, 1, i % 2 === 0 ? GOOD : BAD));
  expect(await drain(isBad)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
  expect(spool.waitingRows).toBe(10);
  expect(await drain(isBad)).toEqual([]);
  expect(await drain(() => false)).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
  expect([spool.waitingRows, spool.waitingBytes]).toEqual([0, 0]);
});

it('reads a table that is blocked from the start not twice', async () => {
  await spool.add(createBatch(0, 5, BAD));
  await drain(isBad);
  await spool.add(createBatch(5, 5, GOOD));
  expect(await drain(isBad)).toEqual([5, 6, 7, 8, 9]);
  expect(await drain(() => false)).toEqual([0, 1, 2, 3, 4]);
});

it('continues after the rows that were sent before a table was blocked', async () => {
  await spool.add(createBatch(0, 4, BAD));
  await spool.add(createBatch(4, 4, BAD));
  const reading = (await spool.read(1e6))!;
  skip(reading, { [BAD]: { rows: 8, handledRows: 5 } });
  expect(spool.waitingRows).toBe(3);
  expect(await drain(() => false)).toEqual([5, 6, 7]);
});

it('waits for skipped rows in a flush', async () => {
  await spool.add(createBatch(0, 1, BAD));
  await spool.add(createBatch(1, 1, GOOD));
  const isHandled = spool.capturePending();
  await drain(isBad);
  expect(isHandled()).toBe(false);
  await drain(() => false);
  expect(isHandled()).toBe(true);
});

it('records the progress of rows that are sent after the reading has ended', async () => {
  await spool.add(createBatch(0, 4, BAD));
  const reading = (await spool.read(1e6))!;
  skip(reading, { [BAD]: { rows: 4, handledRows: 0 } }, BAD);
  await spool.add(createBatch(4, 2, BAD));
  await drain(isBad);
  spool.updateUnsent(reading, BAD, { rows: 4, handledRows: 3 });
  expect(spool.waitingRows).toBe(3);
  expect(await drain(() => false)).toEqual([3, 4, 5]);
});

it('does not use the memory of rows again that are being sent', async () => {
  await spool.add(createBatch(0, 4, BAD));
  await spool.add(createBatch(100, 4, GOOD));
  const reading = (await spool.read(1))!;
  skip(reading, { [BAD]: { rows: 4, handledRows: 0 } }, BAD);
  await spool.read(1);
  expect(readValues(reading.batches)).toEqual([0, 1, 2, 3]);
});

it('leaves skipped rows to the next process', async () => {
  await spool.add(createBatch(0, 2, BAD));
  await spool.add(createBatch(2, 2, GOOD));
  await drain(isBad);
  spool.close();
  const next = new TestSpool({ dir: join(folder, 'spool') });
  await next.adopt();
  const values = await drain(() => false, next);
  expect(values).toEqual(expect.arrayContaining([0, 1]));
  next.close();
});

it('skips rows of other processes too', async () => {
  for (let i = 0; i < 6; i++) await spool.add(createBatch(i, 1, i % 2 === 0 ? GOOD : BAD));
  copyAsOrphan(join(folder, 'spool'), join(folder, 'other'));
  const next = new TestSpool({ dir: join(folder, 'other') });
  expect(await next.adopt()).toBe(6);
  expect(await drain(isBad, next)).toEqual([0, 2, 4]);
  expect(await drain(() => false, next)).toEqual([1, 3, 5]);
  expect(next.waitingRows).toBe(0);
  next.close();
});

it('counts only rows that were not sent if the size limit is reached', async () => {
  spool.close();
  spool = new TestSpool({ dir: join(folder, 'small'), maxBytes: 8000 });
  for (let i = 0; i < 10; i++) {
    await spool.add(createBatch(2 * i, 1, GOOD));
    await spool.add(createBatch(2 * i + 1, 1, BAD));
  }
  expect(await drain(isBad)).toHaveLength(10);
  for (let i = 20; spool.dropped.total === 0; i++) await spool.add(createBatch(i, 10, GOOD));
  const first = spool.dropped.byReason.get('spool_full')!;
  expect(first).toBeLessThanOrEqual(10);
});

it('counts no rows as dropped that were sent before they were sent again', async () => {
  spool.close();
  spool = new TestSpool({ dir: join(folder, 'small'), maxBytes: 8000 });
  for (let i = 0; i < 10; i++) await spool.add(createBatch(i, 1, GOOD));
  expect(await drain(() => false)).toHaveLength(10);
  spool.resendAcknowledged();
  expect(spool.waitingRows).toBe(10);
  let added = 0;
  while (spool.waitingRows >= added) {
    await spool.add(createBatch(100 + added, 10, BAD));
    added += 10;
  }
  const waiting = spool.waitingRows;
  expect(spool.dropped.total).toBe(added - waiting);
});

it('marks rows that are sent again', async () => {
  await spool.add(createBatch(0, 1, GOOD));
  await drain(() => false);
  spool.resendAcknowledged();
  const reading = (await spool.read(1e6))!;
  expect([reading.isRepeated, readValues(reading.batches)]).toEqual([true, [0]]);
  spool.remove(reading);
  await spool.add(createBatch(1, 1, GOOD));
  expect((await spool.read(1e6))!.isRepeated).toBe(false);
});

it('does not mark skipped rows when the process ends', async () => {
  await spool.add(createBatch(0, 1, GOOD));
  await drain(() => false);
  await spool.add(createBatch(1, 1, BAD));
  await spool.add(createBatch(2, 1, GOOD));
  await drain(isBad);
  spool.close();
  const next = new TestSpool({ dir: join(folder, 'spool') });
  await next.adopt();
  const handled = (await next.read(1e6))!;
  expect([handled.isRepeated, readValues(handled.batches)]).toEqual([true, [0]]);
  next.remove(handled);
  const waiting = (await next.read(1e6))!;
  expect([waiting.isRepeated, readValues(waiting.batches)]).toEqual([false, [1, 2]]);
  next.close();
});

it('marks the rows of a reading during which they were resent', async () => {
  await spool.add(createBatch(0, 1, GOOD));
  const reading = (await spool.read(1e6))!;
  spool.resendAcknowledged();
  spool.remove(reading);
  expect((await spool.read(1e6))!.isRepeated).toBe(true);
});

it('counts and sends rows once if rows are sent again during an attempt that fails for a table', async () => {
  await spool.add(createBatch(0, 2, GOOD));
  await spool.add(createBatch(2, 2, BAD));
  const reading = (await spool.read(1e6))!;
  spool.resendAcknowledged();
  skip(reading, { [BAD]: { rows: 2, handledRows: 1 } });
  const sent: [boolean, number[]][] = [];
  for (let next = await spool.read(1e6); next; next = await spool.read(1e6)) {
    sent.push([next.isRepeated, readValues(resumeBatches(next))]);
    spool.remove(next);
  }
  expect(sent.toSorted()).toEqual([
    [false, [3]],
    [true, [0, 1, 2, 3]],
  ]);
  expect([spool.waitingRows, spool.dropped.total]).toEqual([0, 0]);
});

it('does not drop rows that are being sent at the size limit', async () => {
  spool.close();
  spool = new TestSpool({ dir: join(folder, 'small'), maxBytes: 8000 });
  await spool.add(createBatch(0, 20, BAD));
  const reading = (await spool.read(1e6))!;
  skip(reading, { [BAD]: { rows: 20, handledRows: 0 } }, BAD);
  for (let i = 100; spool.dropped.total === 0; i += 10) await spool.add(createBatch(i, 10, GOOD));
  spool.updateUnsent(reading, BAD, { rows: 20, handledRows: 19 });
  expect(await drain(isBad)).not.toEqual([]);
  expect(await drain(() => false)).toEqual([19]);
});

it('keeps the progress of a second attempt that continues after its reading', async () => {
  await spool.add(createBatch(0, 8, BAD));
  skip((await spool.read(1e6))!, { [BAD]: { rows: 8, handledRows: 3 } });
  const reading = (await spool.read(1e6))!;
  const window = new SendWindow(reading, withoutExpired(resumeBatches(reading)));
  const [[, queue]] = window.pending as [[string, LineQueue]];
  const sendRow = () => queue.remove({ ...queue.peek(1), rows: 1 });
  sendRow();
  spool.remove(reading, window.getUnsent(BAD));
  sendRow();
  sendRow();
  spool.updateUnsent(reading, BAD, window.getProgress(BAD));
  expect(await drain(() => false)).toEqual([6, 7]);
});

describe('rows that expire between two attempts', () => {
  it.each([
    ['on disk', false],
    ['in memory', true],
  ])(
    'are counted once, and the others continue at their position, %s',
    async (_kind, isInMemory) => {
      const dir = join(folder, 'expired');
      if (isInMemory) writeFileSync(dir, '');
      const expiring = new TestSpool({ dir });
      await expiring.add({ ...createBatch(0, 4, GOOD), newestMs: 1000 });
      await expiring.add({ ...createBatch(4, 4, GOOD), newestMs: 5000 });
      const tables = new Map([[GOOD, { rows: 8, handledRows: 2 }]]);
      expiring.remove((await expiring.read(1e6))!, { tables });
      let expiredRows = 0;
      for (let attempt = 0; attempt < 3; attempt++) {
        const reading = (await expiring.read(1e6))!;
        const resumed = resumeBatches(reading);
        const expired = resumed.filter((batch) => batch.newestMs < 2000);
        expiredRows += expired.reduce((sum, { rows }) => sum + rows, 0);
        const batches = resumed.filter((batch) => !expired.includes(batch));
        const expiredBeforeMs = expired.length > 0 ? 2000 : undefined;
        const window = new SendWindow(reading, { batches, expiredBeforeMs, expiredRows });
        const [[, queue]] = window.pending as [[string, LineQueue]];
        queue.remove({ ...queue.peek(1), rows: 1 });
        expiring.remove(reading, window.getUnsent());
      }
      expect([expiredRows, expiring.waitingRows]).toEqual([2, 1]);
      const reading = (await expiring.read(1e6))!;
      expect(readValues(resumeBatches(reading))).toEqual([7]);
      expiring.close();
    },
  );
});

it('keeps skipped rows of a table that becomes free during the read', async () => {
  await spool.add(createBatch(0, 2, BAD));
  await spool.add(createBatch(2, 2, 'queue_metrics'));
  await drain((table) => table !== GOOD);
  let calls = 0;
  const becomesFree = (table: string) => table === BAD && calls++ < 2;
  expect(readValues((await spool.read(1e6, becomesFree))!.batches)).toContain(2);
  expect([spool.waitingRows, spool.dropped.total]).toEqual([4, 0]);
});

describe('if a skipped record is damaged', () => {
  /** Changes the first record of a table in the file. */
  function damage(table: string): void {
    const path = join(folder, 'spool', listSegments(join(folder, 'spool'))[0]!);
    const data = readFileSync(path);
    data.write('X', data.indexOf(`${table},name`) + table.length + 1);
    writeFileSync(path, data);
  }

  it('counts its rows, and does not read it again', async () => {
    await spool.add(createBatch(0, 5, BAD));
    skip((await spool.read(1e6))!, { [BAD]: { rows: 5, handledRows: 2 } });
    damage(BAD);
    expect(await spool.read(1e6)).toBeUndefined();
    expect([...spool.dropped.byReason]).toEqual([['damaged', 3]]);
    expect(spool.waitingRows).toBe(0);
  });

  it('sends the other rows', async () => {
    await spool.add(createBatch(0, 5, BAD));
    await spool.add(createBatch(5, 5, BAD));
    skip((await spool.read(1e6))!, { [BAD]: { rows: 10, handledRows: 0 } });
    damage(BAD);
    expect(await drain(() => false)).toEqual([5, 6, 7, 8, 9]);
    expect([...spool.dropped.byReason]).toEqual([['damaged', 5]]);
  });

  it('counts its rows in the next process only, if the process ends before they are sent', async () => {
    await spool.add(createBatch(0, 5, BAD));
    await spool.add(createBatch(5, 1, GOOD));
    damage(BAD);
    await spool.read(1e6);
    spool.close();
    const next = new TestSpool({ dir: join(folder, 'spool') });
    await next.adopt();
    expect(await next.drain()).toEqual([5]);
    expect([spool.dropped.total, next.dropped.total]).toEqual([0, 5]);
    next.close();
  });
});

it('keeps skipped rows when rows are sent again', async () => {
  await spool.add(createBatch(0, 1, BAD));
  await spool.add(createBatch(1, 1, GOOD));
  await drain(isBad);
  spool.resendAcknowledged();
  expect(await drain(isBad)).toEqual([1]);
  expect(new Set(await drain(() => false))).toEqual(new Set([0]));
  expect(spool.waitingRows).toBe(0);
});

it.each(Array.from({ length: 20 }, (_, seed) => seed))('sends each row, seed %i', async (seed) => {
  const random = createRandom(seed + 1);
  const blocked = new Set<string>();
  const sent: number[] = [];
  let next = 0;
  for (let step = 0; step < 60; step++) {
    const table = TABLES[Math.floor(random() * 3)]!;
    if (random() < 0.6) {
      const rows = 1 + Math.floor(random() * 5);
      await spool.add(createBatch(next, rows, table));
      next += rows;
    } else if (blocked.has(table)) blocked.delete(table);
    else if (blocked.size < 2) blocked.add(table);
    if (random() < 0.5) sent.push(...(await drain((each) => blocked.has(each))));
  }
  sent.push(...(await drain(() => false)));
  expect(sent.toSorted((a, b) => a - b)).toEqual(Array.from({ length: next }, (_, i) => i));
  expect([spool.waitingRows, spool.dropped.total]).toEqual([0, 0]);
});
