import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createDeadLetterFileName,
  type DeadLetter,
  formatDeadLetter,
} from '../../../../src/storage/dead-letters/dead-letter-files.ts';
import { KnownDeadLetters } from '../../../../src/storage/dead-letters/known-dead-letters.ts';

let folders: string[];
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perfscope-known-'));
  folders = ['a', 'b'].map((name) => join(root, name));
  for (const folder of folders) mkdirSync(folder, { mode: 0o700 });
});
afterEach(() => rmSync(root, { recursive: true }));

const createLetter = (id: number): DeadLetter => ({
  ...{ at: '2026-01-01T00:00:00.000Z', table: 'performance_metrics', reason: 'r', line: `a ${id}` },
});

function write(folder: string | undefined, timeMs: number, ids: readonly number[]): void {
  const path = join(folder!, createDeadLetterFileName('1-a', timeMs));
  writeFileSync(path, ids.map((id) => formatDeadLetter(createLetter(id))).join(''), {
    mode: 0o600,
  });
}

it('remembers the newest rows of all folders', async () => {
  write(folders[0], 1, [1, 2]);
  write(folders[1], 3, [5, 6]);
  write(folders[0], 2, [3, 4]);
  const known = new KnownDeadLetters(folders, 4);
  await known.load();
  expect([3, 4, 5, 6].map((id) => known.add(createLetter(id)))).toEqual([
    ...[false, false, false, false],
  ]);
  // The row that was remembered first is forgotten first.
  expect(known.add(createLetter(7))).toBe(true);
  expect([4, 5, 6, 7].map((id) => known.add(createLetter(id)))).toEqual([
    ...[false, false, false, false],
  ]);
  expect(known.add(createLetter(3))).toBe(true);
});

it('reads the dead letters of other processes again, also if it remembers many rows', async () => {
  const known = new KnownDeadLetters(folders, 3);
  await known.load();
  for (const id of [1, 2, 3]) known.add(createLetter(id));
  write(folders[1], 1, [9]);
  await known.load();
  known.invalidate();
  await known.load();
  expect(known.add(createLetter(9))).toBe(false);
});
