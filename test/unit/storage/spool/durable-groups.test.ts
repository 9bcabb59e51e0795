import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { RowGroup } from '../../../../src/storage/spool/row-group.ts';
import { getRecordBytes } from '../../../../src/storage/spool/segment-record.ts';
import { DurableRowAdder } from '../../../../src/storage/write/durable-rows.ts';
import { createRowWriter } from '../../../support/create-row-writer.ts';
import {
  copyAsOrphan,
  createBatch,
  listSegments,
  readValues,
  TestSpool,
} from '../../../support/spool-fixtures.ts';

/** While a code is set, writes fail with it after some bytes. */
const disk = vi.hoisted(() => ({ code: '' }));

vi.mock('node:fs', async (importOriginal) => {
  const { refuseWrites } = await import('../../../support/refusing-disk.ts');
  return refuseWrites(await importOriginal<typeof import('node:fs')>(), disk);
});

const STATE = Buffer.from('the last points');

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'perfscope-groups-'));
});
afterEach(() => {
  disk.code = '';
  rmSync(dir, { recursive: true, force: true });
});

/** Returns a group of 5 rows in two tables, with consecutive values. */
function createGroup(firstValue: number): RowGroup {
  const batches = [
    createBatch(firstValue, 3),
    createBatch(firstValue + 3, 2, 'metric_buckets' as const),
  ];
  return { batches, rows: 5, state: STATE };
}

function createRows(count: number): { timestamp: number; name: string; value: number }[] {
  return Array.from({ length: count }, (_, i) => ({ timestamp: 1e12 + i, name: 'a', value: i }));
}

it('stores a group as one batch per table', async () => {
  const spool = new TestSpool({ dir });
  await spool.addDurably(createGroup(0));
  await spool.add(createBatch(5));
  expect(spool.waitingRows).toBe(6);
  const reading = await spool.read(1_000_000);
  expect(reading?.batches.map(({ table, rows }) => ({ table, rows }))).toEqual([
    { table: 'performance_metrics', rows: 3 },
    { table: 'metric_buckets', rows: 2 },
    { table: 'performance_metrics', rows: 1 },
  ]);
  expect(readValues(reading!.batches)).toEqual([0, 1, 2, 3, 4, 5]);
  spool.remove(reading!);
  expect(spool.waitingRows).toBe(0);
  spool.close();
});

it('counts the rows of damaged groups of a killed process, and sends the others', async () => {
  const killed = new TestSpool({ dir: join(dir, 'killed') });
  for (let i = 0; i < 3; i++) await killed.addDurably(createGroup(i * 5));
  const orphan = copyAsOrphan(join(dir, 'killed'), join(dir, 'spool'));
  killed.close();
  const path = join(orphan, listSegments(orphan)[0]!);
  const data = readFileSync(path);
  data[getRecordBytes(createGroup(0)) + 70]! ^= 1;
  writeFileSync(path, data);
  const spool = new TestSpool({ dir: join(dir, 'spool') });
  // Also the rows of the damaged group are counted until they are read.
  expect(await spool.adopt()).toBe(15);
  expect(await spool.drain()).toEqual([0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
  expect(spool.dropped.total).toBe(5);
  spool.close();
});

it('rejects a group if the spool is almost full, and keeps all earlier rows', async () => {
  const bytes = getRecordBytes(createGroup(0));
  const spool = new TestSpool({ dir, maxBytes: bytes * 3 });
  await spool.addDurably(createGroup(0));
  await spool.addDurably(createGroup(5));
  await expect(spool.addDurably(createGroup(10))).rejects.toMatchObject({ code: 'PS_SPOOL_FULL' });
  expect(spool.waitingRows).toBe(10);
  expect(await spool.drain()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(spool.dropped.total).toBe(0);
  spool.close();
});

it.each(['ENOSPC', 'EIO', 'EROFS'])('keeps nothing of a group after %s', async (code) => {
  const spool = new TestSpool({ dir });
  await spool.addDurably(createGroup(0));
  disk.code = code;
  await expect(spool.addDurably(createGroup(5))).rejects.toMatchObject({
    code: 'PS_SPOOL_REFUSED',
  });
  expect(spool.waitingRows).toBe(5);
  disk.code = '';
  await spool.addDurably(createGroup(10));
  expect(await spool.drain()).toEqual([0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
  expect(spool.dropped.total).toBe(0);
  spool.close();
});

it('rejects a group if the folder cannot be created, and accepts the next one', async () => {
  const blocked = join(dir, 'blocked');
  writeFileSync(blocked, '');
  const spool = new TestSpool({ dir: blocked });
  await expect(spool.addDurably(createGroup(0))).rejects.toMatchObject({
    code: 'PS_SPOOL_REFUSED',
  });
  expect(spool.waitingRows).toBe(0);
  rmSync(blocked);
  mkdirSync(blocked, { mode: 0o700 });
  await spool.addDurably(createGroup(5));
  expect(await spool.drain()).toEqual([5, 6, 7, 8, 9]);
  spool.close();
});

it('appends no group whose rows were still being encoded when the spool was closed', async () => {
  const spool = new TestSpool({ dir });
  let isClosed = false;
  let calls = 0;
  const toBatches = () => {
    if (++calls === 2) {
      isClosed = true;
      spool.close();
    }
    return [createBatch(calls)];
  };
  const adder = new DurableRowAdder({ toBatches }, spool);
  const tables = new Map([['performance_metrics' as const, createRows(2500)]]);
  await expect(adder.add({ tables, state: STATE }, () => isClosed)).rejects.toMatchObject({
    code: 'PS_WRITER_CLOSED',
  });
  expect(calls).toBe(3);
  expect(listSegments(dir)).toEqual([]);
});

it('appends no group that was waiting for another write when the spool was closed', async () => {
  const spool = new TestSpool({ dir });
  const adding = [spool.addDurably(createGroup(0)), spool.addDurably(createGroup(5))];
  spool.close();
  const results = await Promise.allSettled(adding);
  for (const result of results) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'PS_WRITER_CLOSED' } });
  }
  expect(listSegments(dir)).toEqual([]);
});

it('rejects rows after the writer was closed', async () => {
  const writer = createRowWriter({ spoolDir: dir });
  const tables = new Map([['performance_metrics' as const, createRows(1)]]);
  await writer.addDurably({ tables });
  await writer.close(0);
  const segments = listSegments(dir);
  await expect(writer.addDurably({ tables })).rejects.toMatchObject({ code: 'PS_WRITER_CLOSED' });
  expect(listSegments(dir)).toEqual(segments);
});
