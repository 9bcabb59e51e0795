import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import { BatchEncoder } from '../../../../src/storage/write/batch-encoder.ts';
import {
  CheckpointFile,
  encodeCheckpointRow,
} from '../../../../src/storage/write/checkpoint-file.ts';
import { CheckpointWriter } from '../../../../src/storage/write/checkpoint-writer.ts';
import { ORPHAN_NAME, TestSpool } from '../../../support/spool-fixtures.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };
const reader = new CheckpointWriter(new BatchEncoder({ dropped: new DroppedRowCounter(), log }));
const ENTRY = encodeCheckpointRow('performance_metrics', {
  ...{ id: 'a', timestamp: 1, name: 'a', value: 7, service: 's', instance: 'i' },
});

let folder: string;
let dir: string;
let killed: string;
let spool: TestSpool;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-adoption-'));
  dir = join(folder, 'spool');
  killed = join(dir, ORPHAN_NAME);
  mkdirSync(killed, { recursive: true, mode: 0o700 });
  spool = new TestSpool({
    dir,
    readCheckpoint: (path, segments) => reader.readBatches(path, segments),
  });
});
afterEach(() => {
  spool.close();
  rmSync(folder, { recursive: true });
});

it('sends the rows in the checkpoint of a killed process', async () => {
  await new CheckpointFile(killed).write([ENTRY]);
  expect(await spool.adopt()).toBe(1);
  const reading = await spool.read(1e6);
  expect(reading?.batches.map(({ lines }) => lines.toString())).toEqual([
    expect.stringContaining('id="a"'),
  ]);
  expect(spool.warnings).toEqual([]);
});

it.each([
  ['empty', ''],
  ['incomplete', `perfscope-checkpoint 1 00000000 500\n${ENTRY}\n`],
])('reports and deletes an %s checkpoint', async (_kind, text) => {
  const path = join(killed, 'checkpoint');
  writeFileSync(path, text, { mode: 0o600 });
  expect(await spool.adopt()).toBe(0);
  expect(spool.warnings).toEqual([expect.stringContaining(`${path} is damaged`)]);
  expect(readdirSync(dir)).not.toContain(ORPHAN_NAME);
});
