import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import type { RowWriter } from '../../../../src/storage/write/row-writer.ts';
import { createRowWriter } from '../../../support/create-row-writer.ts';
import { listSegments } from '../../../support/spool-fixtures.ts';

const MEMORY_BYTES = 16 * 1024 * 1024;
const ROWS = 60_000;

let folder: string;
let dropped: DroppedRowCounter;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-memory-'));
  dropped = new DroppedRowCounter();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const createWriter = (spoolDir: string) => createRowWriter({ spoolDir, dropped });

/** Adds 60 MB without a turn of the event loop. */
function addRows(writer: RowWriter): void {
  const tags = 'x'.repeat(1000);
  for (let i = 0; i < ROWS; i++) {
    writer.add('performance_metrics', [
      { timestamp: Date.now(), name: `metric-${i}`, tags } as never,
    ]);
  }
}

it('writes to disk while the event loop is blocked', async () => {
  const writer = createWriter(join(folder, 'spool'));
  addRows(writer);
  expect(writer.spoolBytes).toBeGreaterThan(2 * MEMORY_BYTES);
  await writer.close(0);
  expect(dropped.total).toBe(0);
  const files = listSegments(join(folder, 'spool'));
  const rows = files.map((file) => Number(/\.(\d+)\.segment$/.exec(file)?.[1] ?? 0));
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(ROWS);
});

it('drops the oldest rows if the disk is not writable', async () => {
  writeFileSync(join(folder, 'file'), '');
  const writer = createWriter(join(folder, 'file', 'spool'));
  addRows(writer);
  expect(writer.spoolBytes).toBeGreaterThan(MEMORY_BYTES / 4);
  expect(writer.spoolBytes).toBeLessThanOrEqual(MEMORY_BYTES);
  expect([...dropped.byReason.keys()]).toEqual(['memory_full']);
  await writer.close(0);
  expect([...dropped.byReason.keys()]).toEqual(['memory_full', 'process_exit']);
  expect(dropped.total).toBe(ROWS);
});

it('writes a full buffer to the spool, although sending waits', async () => {
  // Time stands still, so no timer fires.
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'performance'] });
  const writer = createWriter(join(folder, 'spool'));
  const rows = Array.from({ length: 1000 }, () => ({ timestamp: Date.now(), name: 'a' }) as never);
  writer.add('performance_metrics', rows);
  while (writer.stats.waitingRows < 1000) await nextTurn();
  writer.add('performance_metrics', rows);
  while (writer.stats.waitingRows < 2000) await nextTurn();
  vi.useRealTimers();
  await writer.close(0);
});

it('writes a few rows to the spool after 500 ms, although sending waits', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'performance'] });
  const writer = createWriter(join(folder, 'spool'));
  writer.add('performance_metrics', [{ timestamp: Date.now(), name: 'a' } as never]);
  vi.advanceTimersByTime(499);
  await nextTurn();
  expect(writer.stats.waitingRows).toBe(0);
  vi.advanceTimersByTime(1);
  vi.useRealTimers();
  while (writer.stats.waitingRows < 1) await nextTurn();
  await writer.close(0);
});
