import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBatch, readValues, TestSpool } from '../../../support/spool-fixtures.ts';

const FOLDER_NAME = '4194305-0-0123abcd';
const { lines } = createBatch(0, 3);
const LINE_BYTES = lines.length / 3;

let folder: string;
let dir: string;
let old: string;
let spool: TestSpool;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-old-spool-'));
  dir = join(folder, 'spool');
  old = join(dir, FOLDER_NAME);
  mkdirSync(old, { recursive: true, mode: 0o700 });
  spool = new TestSpool({ dir, isServer: true });
});
afterEach(() => {
  spool.close();
  rmSync(folder, { recursive: true });
});

/** Writes a file of an earlier version, whose name says that it contains 3 rows. */
function writeOldFile(data: Buffer | string, suffix = '', table = 'performance_metrics'): string {
  const name = `000000000001.${table}.3.${Date.now()}.ilp${suffix}`;
  writeFileSync(join(old, name), data, { mode: 0o600 });
  return name;
}

it.each(['', '.part'])(
  'sends the complete lines of a file%s that was cut at any byte, and counts the others',
  async (suffix) => {
    // An empty .part file never contained rows.
    for (let length = suffix === '' ? 0 : 1; length < lines.length; length++) {
      const file = writeOldFile(lines.subarray(0, length), suffix);
      const rows = Math.floor(length / LINE_BYTES);
      const damagedBefore = spool.dropped.byReason.get('damaged') ?? 0;
      expect(await spool.adopt()).toBe(rows);
      expect(await spool.drain()).toEqual([0, 1, 2].slice(0, rows));
      expect(spool.dropped.byReason.get('damaged')).toBe(damagedBefore + 3 - rows);
      expect(spool.warnings).toHaveLength(1);
      expect(spool.warnings[0]).toContain(join(dir, FOLDER_NAME));
      expect(existsSync(join(old, file))).toBe(false);
      mkdirSync(old, { recursive: true, mode: 0o700 });
    }
  },
);

it('sends the lines before a damaged line, and counts the lines after it', async () => {
  const damaged = Buffer.from(lines);
  damaged.fill(0, LINE_BYTES + 5, LINE_BYTES + 20);
  writeOldFile(damaged);
  await spool.adopt();
  expect(await spool.drain()).toEqual([0]);
  expect([...spool.dropped.byReason]).toEqual([['damaged', 2]]);
  expect(existsSync(old)).toBe(false);
});

it('reports no damage for complete files, and for empty files of a full disk', async () => {
  writeOldFile(lines);
  writeOldFile('', '.part');
  expect(await spool.adopt()).toBe(3);
  expect(await spool.drain()).toEqual([0, 1, 2]);
  expect(spool.warnings).toEqual([]);
  expect(existsSync(old)).toBe(false);
});

it('reports a batch with its own number of rows', async () => {
  writeOldFile(lines.subarray(0, LINE_BYTES));
  await spool.adopt();
  const reading = await spool.read(1e6);
  expect(reading?.batches.map(({ rows }) => rows)).toEqual([1]);
  expect(readValues(reading?.batches ?? [])).toEqual([0]);
});

it('leaves files with other contents alone, and warns about each of them once', async () => {
  const files = [writeOldFile('api_keys,name=a value=1 1\n'), 'notes.txt'];
  writeFileSync(join(old, 'notes.txt'), 'text');
  for (let i = 0; i < 3; i++) await spool.adopt();
  expect(await spool.drain()).toEqual([]);
  expect(spool.dropped.total).toBe(0);
  expect(spool.warnings.map((warning) => files.find((file) => warning.includes(file)))).toEqual(
    files,
  );
  // The name of the folder in the messages is still valid.
  expect(readdirSync(old).sort()).toEqual(files.toSorted());
});

it('warns about rows of a table that services must not write, and leaves them alone', async () => {
  const file = writeOldFile(createBatch(0, 3, 'api_keys').lines, '', 'api_keys');
  for (let i = 0; i < 2; i++) await spool.adopt();
  expect(await spool.drain()).toEqual([]);
  expect(spool.warnings).toEqual([expect.stringContaining("services can't write to api_keys")]);
  expect(readdirSync(old)).toEqual([file]);
});
