import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { computePointId } from '../../../../src/core/schema/row-ids.ts';
import { getTable } from '../../../../src/core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import {
  CheckpointFile,
  CheckpointPointEncoder,
  encodeCheckpointRow,
  readCheckpoint,
} from '../../../../src/storage/write/checkpoint-file.ts';
import { LineProtocolEncoder } from '../../../../src/storage/write/line-protocol-encoder.ts';
import type { RowChunk } from '../../../../src/storage/write/row-buffer.ts';

const SUMMARY = { timestamp: 1_800_000_000_001, count: 3, sum: 8500 };

let folder: string;
let file: CheckpointFile;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-checkpoint-'));
  file = new CheckpointFile(folder);
  path = join(folder, 'checkpoint');
});
afterEach(() => rmSync(folder, { recursive: true }));

function createRow(id: string): PerformanceMetricRow {
  return {
    ...{ timestamp: 1_800_000_000_000, service: 'shop', instance: 'shop-1', id, test: false },
    ...{ metricType: 'API_RESPONSE_TIME', name: 'http.server.request.duration', unit: 'ms' },
    ...{ count: 3, errorCount: 1, sum: 21.5, endpoint: '/rooms/:id' },
  } as PerformanceMetricRow;
}

/** A point with two successful values of 0, and one of about 8.5 s. */
function createPoint(id: string): string {
  const encoder = new CheckpointPointEncoder(createRow(id), 1000, false);
  return encoder.encode(SUMMARY, {
    scale: 3,
    zeroCount: 2,
    positive: { offset: 24, bucketCounts: [1] },
  });
}

function toBatch({ table, rows }: RowChunk) {
  return { table, lines: new LineProtocolEncoder().encode(getTable(table), rows) };
}

it('contains the rows and the buckets of each point', async () => {
  const error = { ...createRow('e-1'), message: 'no "rooms"\n', count: 7 };
  await file.write([createPoint('a'), encodeCheckpointRow('error_logs', error)]);
  expect(readdirSync(folder)).toEqual(['checkpoint']);
  const point = computePointId('a');
  expect(readCheckpoint(path)?.toChunks()).toMatchObject([
    { table: 'performance_metrics', rows: [{ ...createRow('a'), ...SUMMARY }] },
    {
      table: 'metric_buckets',
      rows: [
        { point, bucketUpper: 0, count: 2, errorCount: 0, endpoint: '/rooms/:id' },
        { point, bucketUpper: 1000 * 2 ** (25 / 8), count: 1, errorCount: 0 },
      ],
    },
    { table: 'error_logs', rows: [error] },
  ]);
});

it('contains only the latest entries, and is deleted if there are none', async () => {
  await file.write([createPoint('a'), createPoint('b')]);
  await file.write([createPoint('c')]);
  expect(readCheckpoint(path)?.toChunks()[0]?.rows).toMatchObject([{ id: 'c' }]);
  await file.write([]);
  expect(readdirSync(folder)).toEqual([]);
  expect(readCheckpoint(path)?.toChunks()).toEqual([]);
});

it('deletes the file if it is removed during a write', async () => {
  await file.write([createPoint('a')]);
  const writing = file.write([createPoint('b')]);
  file.removeSync();
  await writing;
  expect(readdirSync(folder)).toEqual([]);
});

it('returns undefined for a file that was cut or changed at any byte', async () => {
  await file.write([createPoint('a')]);
  const data = readFileSync(path);
  for (let i = 0; i < data.length; i++) {
    writeFileSync(path, data.subarray(0, i));
    expect(readCheckpoint(path)).toBeUndefined();
    const changed = Buffer.from(data);
    changed[i]! ^= 1;
    writeFileSync(path, changed);
    expect(readCheckpoint(path)).toBeUndefined();
  }
});

it('excludes the rows that the process wrote to the spool before it was killed', async () => {
  await file.write([createPoint('a'), createPoint('b')]);
  const [metrics, buckets] = readCheckpoint(path)!.toChunks();
  const checkpoint = readCheckpoint(path)!;
  checkpoint.excludeStored(
    toBatch({ table: 'performance_metrics', rows: [createRow('a') as never] }),
  );
  expect(checkpoint.toChunks()).toEqual([
    { table: 'performance_metrics', rows: metrics?.rows.slice(1) },
    buckets,
  ]);
  // The batch contains only part of a point.
  checkpoint.excludeStored(toBatch({ table: 'metric_buckets', rows: buckets!.rows.slice(1, 3) }));
  expect(checkpoint.toChunks()[1]?.rows).toEqual([buckets!.rows[0], buckets!.rows[3]]);
  checkpoint.excludeStored(toBatch(buckets!));
  checkpoint.excludeStored(toBatch(metrics!));
  expect(checkpoint.toChunks()).toEqual([]);
});
