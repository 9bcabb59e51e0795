import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Segment } from '../../../../src/storage/spool/segment.ts';
import {
  createSegmentName,
  formatSegmentName,
} from '../../../../src/storage/spool/segment-name.ts';
import {
  createBatch,
  ORPHAN_NAME,
  readValues,
  TestSpool,
} from '../../../support/spool-fixtures.ts';

const SEGMENTS = 250;
const SEGMENT_BYTES = 16 * 1024 * 1024;
const ROWS = 10_000_000;
const ROWS_PER_SEGMENT = ROWS / SEGMENTS;
const ROWS_PER_BATCH = 1000;
/** More than one request contains. */
const READING_BYTES = 4_000_000;

let folder: string;
let dir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-spool-memory-'));
  dir = join(folder, 'spool');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes the segments of a process that has ended. Only the first one contains rows, and the others are sparse. */
async function writeSegments(): Promise<void> {
  const killed = join(dir, ORPHAN_NAME);
  mkdirSync(killed, { recursive: true, mode: 0o700 });
  const first = Segment.create(killed, 1);
  for (let value = 0; value < ROWS_PER_SEGMENT; value += ROWS_PER_BATCH) {
    first.appendSync(createBatch(value, ROWS_PER_BATCH));
  }
  await first.seal(false);
  for (let i = 1; i < SEGMENTS; i++) {
    const name = { ...createSegmentName(i + 1), rows: ROWS_PER_SEGMENT };
    const fd = openSync(join(killed, formatSegmentName(name)), 'wx', 0o600);
    ftruncateSync(fd, SEGMENT_BYTES);
    closeSync(fd);
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function readUsedBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it('needs less than 20 MB of memory for 10 million waiting rows', async () => {
  await writeSegments();
  const spool = new TestSpool({ dir, maxBytes: 4 * 1024 ** 3 });
  const emptyBytes = readUsedBytes();
  expect(await spool.adopt()).toBe(ROWS);
  expect(spool.waitingRows).toBe(ROWS);
  const reading = await spool.read(READING_BYTES);
  expect(readValues(reading?.batches.slice(0, 1) ?? []).slice(0, 3)).toEqual([0, 1, 2]);
  expect(readUsedBytes() - emptyBytes).toBeLessThan(20_000_000);
  spool.close();
});
