import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import type { RowWriter } from '../../../../src/storage/write/row-writer.ts';
import { createRowWriter } from '../../../support/create-row-writer.ts';
import {
  copyAsOrphan,
  createBatch,
  listSegments,
  TestSpool,
} from '../../../support/spool-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

const disk = vi.hoisted(() => ({ isHung: false, pending: [] as (() => void)[] }));

vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  const writev = (...args: unknown[]) => {
    const run = () => (original.writev as (...args: unknown[]) => void)(...args);
    if (disk.isHung) disk.pending.push(run);
    else run();
  };
  return { ...original, writev };
});

let folder: string;
let spoolDir: string;
let dropped: DroppedRowCounter;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-writer-'));
  spoolDir = join(folder, 'spool');
  dropped = new DroppedRowCounter();
});
afterEach(async () => {
  disk.isHung = false;
  for (const run of disk.pending.splice(0)) run();
  rmSync(folder, { recursive: true, force: true });
});

const createWriter = () => createRowWriter({ spoolDir, dropped });

function addRows(writer: RowWriter, count: number): void {
  const row = { timestamp: Date.now(), name: 'a', value: 1 };
  writer.add(
    'performance_metrics',
    Array.from({ length: count }, () => row as never),
  );
}

it('ends a flush and a close in time if the disk does not respond, and counts the rows', async () => {
  const writer = createWriter();
  disk.isHung = true;
  addRows(writer, 10);
  await expect(writer.flush(100)).rejects.toThrow('did not acknowledge 10 rows within 0.1 s');
  await writer.close(0);
  expect([...dropped.byReason]).toEqual([['process_exit', 10]]);
});

it('writes rows that the disk refused before when the process exits', async () => {
  writeFileSync(spoolDir, 'a file instead of a folder');
  const writer = createWriter();
  addRows(writer, 10);
  writer.flushSync();
  expect(writer.stats.waitingRows).toBe(10);
  rmSync(spoolDir);
  writer.flushSync();
  expect(listSegments(spoolDir)).toHaveLength(1);
  writer.releaseSpool();
  expect(dropped.total).toBe(0);
});

it('looks for the rows of other processes although it looks for its own rows', async () => {
  const killed = new TestSpool({ dir: join(folder, 'killed') });
  await killed.add(createBatch(0, 5));
  const writer = createWriter();
  await expect(writer.flush(0)).resolves.toBeUndefined();
  const orphan = copyAsOrphan(join(folder, 'killed'), spoolDir);
  writer.adoptSpool({ ownProcessOnly: true });
  writer.adoptSpool();
  expect(await waitFor(async () => writer.stats.waitingRows === 5)).toBe(true);
  expect(existsSync(orphan)).toBe(false);
  killed.close();
  await writer.close(0);
});
