import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import { encodeCheckpointRow } from '../../../../src/storage/write/checkpoint-file.ts';
import type { CollectCheckpoint } from '../../../../src/storage/write/checkpoint-writer.ts';
import { RowWriter } from '../../../../src/storage/write/row-writer.ts';
import { FakeQuestdb } from '../../../support/fake-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';

const disk = vi.hoisted(() => ({ isFull: false }));

vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  const createFailure = () => Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC' });
  return {
    ...original,
    writev: (...args: Parameters<typeof original.writev>) => {
      if (!disk.isFull) return original.writev(...args);
      setImmediate(() => (args.at(-1) as (error: Error) => void)(createFailure()));
    },
    writevSync: (...args: Parameters<typeof original.writevSync>) => {
      if (disk.isFull) throw createFailure();
      return original.writevSync(...args);
    },
  };
});

const questdb = new FakeQuestdb();
let dir: string;
let writer: RowWriter;
let collect: CollectCheckpoint;
beforeEach(async () => {
  disk.isFull = false;
  await questdb.start();
  dir = mkdtempSync(join(tmpdir(), 'perfscope-checkpoint-'));
  writer = new RowWriter({
    spoolDir: dir,
    spoolMaxBytes: 1e9,
    retentionDays: 30,
    bufferSize: 1000,
    flushIntervalMs: 50,
    target: () => ({ url: questdb.url }),
    ensureTables: async () => {},
    dropped: new DroppedRowCounter(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  const row = createRow('a');
  collect = () => [encodeCheckpointRow('performance_metrics', row)];
  writer.onCheckpoint(() => collect());
  await waitFor(async () => listCheckpoints().includes('checkpoint'));
});
afterEach(async () => {
  await writer.close(0);
  questdb.stop();
  rmSync(dir, { recursive: true });
});

function createRow(id: string): PerformanceMetricRow {
  return { id, timestamp: Date.now(), name: 'x', value: 1 } as PerformanceMetricRow;
}

function listCheckpoints(): string[] {
  if (!existsSync(dir)) return [];
  const names = readdirSync(dir, { recursive: true }).map(
    (path) => String(path).split('/').at(-1)!,
  );
  return names.filter((name) => name.startsWith('checkpoint'));
}

it('deletes the checkpoint before QuestDB receives rows that the disk has refused', async () => {
  collect = () => undefined;
  await waitFor(async () => listCheckpoints().join() === 'checkpoint');
  disk.isFull = true;
  writer.add('performance_metrics', [createRow('a') as never]);
  await waitFor(async () => questdb.lines.length > 0);
  expect(listCheckpoints()).toEqual([]);
});

it('deletes the checkpoint if it can not be replaced', async () => {
  disk.isFull = true;
  await waitFor(async () => listCheckpoints().length === 0);
  disk.isFull = false;
  await waitFor(async () => listCheckpoints().join() === 'checkpoint');
});
