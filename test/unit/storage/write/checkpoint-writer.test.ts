import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import { Segment } from '../../../../src/storage/spool/segment.ts';
import { BatchEncoder } from '../../../../src/storage/write/batch-encoder.ts';
import { encodeCheckpointRow } from '../../../../src/storage/write/checkpoint-file.ts';
import { CheckpointWriter } from '../../../../src/storage/write/checkpoint-writer.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };
const encoder = new BatchEncoder({ dropped: new DroppedRowCounter(), log });

let folder: string;
let segment: Segment;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-checkpoint-'));
});
afterEach(async () => {
  await segment.close();
  rmSync(folder, { recursive: true });
});

function createRow(id: string, timestamp: number): PerformanceMetricRow {
  return {
    id,
    timestamp,
    name: 'x',
    count: 1,
    service: 's',
    instance: 'i',
  } as PerformanceMetricRow;
}

/** Writes rows to a segment, as at the end of an interval. */
function endInterval(...ids: string[]): void {
  segment = Segment.create(folder, Date.now());
  const rows = ids.map((id) => createRow(id, Date.now()));
  for (const batch of encoder.toBatches({ table: 'performance_metrics', rows: rows as never })) {
    segment.appendSync(batch);
  }
}

async function readIds(): Promise<string[]> {
  const reader = new CheckpointWriter(encoder);
  const batches = await reader.readBatches(join(folder, 'checkpoint'), [segment.path]);
  const text = (batches ?? []).map(({ lines }) => lines.toString()).join('');
  return [...text.matchAll(/id="([^"]+)"/g)].map(([, id]) => id!);
}

it('reads the rows that are not in the segments of the process', async () => {
  const writer = new CheckpointWriter(encoder);
  const entries = ['a', 'b'].map((id) =>
    encodeCheckpointRow('performance_metrics', createRow(id, 1)),
  );
  writer.collect = () => entries;
  await writer.write(() => folder);
  endInterval('a', 'c');
  expect(await readIds()).toEqual(['b']);
});

it('reads no rows of an interval that has ended', async () => {
  const writer = new CheckpointWriter(encoder);
  writer.collect = () => [encodeCheckpointRow('performance_metrics', createRow('a', 1))];
  await writer.write(() => folder);
  endInterval('a');
  expect(await readIds()).toEqual([]);
});

it('reads no rows of an interval that ended while its checkpoint was written', async () => {
  const writer = new CheckpointWriter(encoder);
  writer.collect = () => [encodeCheckpointRow('performance_metrics', createRow('a', 1))];
  await writer.write(() => folder);
  endInterval('a');
  const endSeconds = Date.now() / 1000;
  utimesSync(segment.path, endSeconds - 1, endSeconds - 1);
  expect(await readIds()).toEqual([]);
});

it('divides many rows into batches', async () => {
  const writer = new CheckpointWriter(encoder);
  writer.collect = () =>
    Array.from({ length: 2500 }, (_, i) =>
      encodeCheckpointRow('performance_metrics', createRow(String(i), 1)),
    );
  await writer.write(() => folder);
  endInterval('a');
  const batches = await writer.readBatches(join(folder, 'checkpoint'), [segment.path]);
  expect(batches?.map(({ rows }) => rows)).toEqual([1000, 1000, 500]);
});
