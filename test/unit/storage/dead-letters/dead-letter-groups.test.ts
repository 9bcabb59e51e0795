import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createDeadLetterFileName,
  readDeadLetters,
} from '../../../../src/storage/dead-letters/dead-letter-files.ts';
import {
  getGroupId,
  listDeadLetterGroups,
  replaceDeadLetters,
} from '../../../../src/storage/dead-letters/dead-letter-groups.ts';
import { DeadLetterStore } from '../../../../src/storage/dead-letters/dead-letter-store.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };

let spoolDir: string;
let folder: string;
let problems: string[];
const onUnreadable = (path: string) => void problems.push(path);
beforeEach(() => {
  spoolDir = mkdtempSync(join(tmpdir(), 'perfscope-groups-'));
  folder = join(spoolDir, 'dead-letters');
  problems = [];
});
afterEach(() => rmSync(spoolDir, { recursive: true }));

function createStore(dir = spoolDir): DeadLetterStore {
  const dropped = new DroppedRowCounter();
  return new DeadLetterStore({ spoolDir: dir, spoolMaxBytes: 64e6, dropped, log });
}

const add = (store: DeadLetterStore, table: string, id: string, reason: string) =>
  store.add(table, Buffer.from(`${table} id="${id}"\n`), reason);

const readIds = () =>
  readdirSync(folder)
    .sort()
    .flatMap((name) => readDeadLetters(folder, name))
    .map(({ line }) => /"(.*)"/.exec(line)?.[1]);

it('groups the rows of all files by table and reason', async () => {
  const services = createStore();
  await add(services, 'error_logs', '1', 'a');
  await add(services, 'error_logs', '2', 'b');
  await add(createStore(), 'error_logs', '3', 'a');
  await add(createStore(join(spoolDir, 'server')), 'error_logs', '4', 'a');
  const groups = listDeadLetterGroups(spoolDir, onUnreadable);
  expect(groups.map(({ reason, rows }) => [reason, rows]).sort()).toEqual([
    ['a', 3],
    ['b', 1],
  ]);
  for (const group of groups) {
    expect(group.id).toBe(getGroupId(group));
    expect(group.first <= group.last).toBe(true);
  }
  expect(new Set(groups.map(({ id }) => id)).size).toBe(2);
});

it('replaces only the rows of the given groups', async () => {
  const store = createStore();
  for (const id of ['1', '2', '3']) await add(store, 'error_logs', id, id === '2' ? 'b' : 'a');
  const ids = new Set([getGroupId({ table: 'error_logs', reason: 'a' })]);
  await replaceDeadLetters(spoolDir, ids, async (letters) => letters.slice(1), onUnreadable);
  expect(readIds()).toEqual(['2', '3']);
  await replaceDeadLetters(spoolDir, ids, async () => [], onUnreadable);
  expect(readIds()).toEqual(['2']);
  expect(problems).toEqual([]);
});

it('keeps rows that a process adds at the same time', async () => {
  const store = createStore();
  const ids = new Set([getGroupId({ table: 'error_logs', reason: 'a' })]);
  await add(store, 'error_logs', 'first', 'a');
  let added = 0;
  let isAdding = true;
  const adding = (async () => {
    while (isAdding) await add(store, 'error_logs', `${added++}`, 'a');
  })();
  const removed: string[] = [];
  for (let i = 0; i < 3; i++) {
    const handle = async (letters: readonly { line: string }[]) => {
      removed.push(...letters.map(({ line }) => line));
      return [];
    };
    await replaceDeadLetters(spoolDir, ids, handle, onUnreadable);
  }
  isAdding = false;
  await adding;
  const kept = readIds();
  expect(new Set([...kept, ...removed.map((line) => /"(.*)"/.exec(line)?.[1])]).size).toBe(
    added + 1,
  );
  expect(kept.length + removed.length).toBe(added + 1);
});

it('keeps all rows if a command is killed while it sends them', async () => {
  await add(createStore(), 'error_logs', '1', 'a');
  const ids = new Set([getGroupId({ table: 'error_logs', reason: 'a' })]);
  await replaceDeadLetters(spoolDir, ids, async () => undefined, onUnreadable);
  expect(readIds()).toEqual(['1']);
});

it('reports a file that another user could have changed, and leaves it alone', async () => {
  await add(createStore(), 'error_logs', '1', 'a');
  const path = join(folder, '000000000000001-x.jsonl');
  writeFileSync(path, '{}\n');
  chmodSync(path, 0o666);
  const groups = listDeadLetterGroups(spoolDir, onUnreadable);
  expect(groups).toHaveLength(1);
  expect(problems).toEqual([path]);
});

it.each([
  ['dead-letters', 'dead-letters'],
  ['server/dead-letters', 'server/dead-letters'],
  ['server/dead-letters', 'server'],
])('skips the files in %s if other users can write to %s', async (name, changed) => {
  await add(createStore(join(spoolDir, name, '..')), 'error_logs', '1', 'a');
  const [{ id } = { id: '' }] = listDeadLetterGroups(spoolDir, onUnreadable);
  chmodSync(join(spoolDir, changed), 0o770);
  expect(listDeadLetterGroups(spoolDir, onUnreadable)).toEqual([]);
  expect(problems).toEqual([join(spoolDir, changed)]);
  const replaced: unknown[] = [];
  const replace = async (letters: readonly unknown[]) => {
    replaced.push(...letters);
    return [];
  };
  await replaceDeadLetters(spoolDir, new Set([id]), replace, onUnreadable);
  expect(replaced).toEqual([]);
});

it('uses the time of the file for a damaged dead letter', () => {
  mkdirSync(folder);
  const at = '2026-11-27T05:49:30.000Z';
  const name = createDeadLetterFileName('x', Date.parse(at));
  writeFileSync(join(folder, name), '{"at":\n', { mode: 0o600 });
  expect(listDeadLetterGroups(spoolDir, onUnreadable)).toMatchObject([
    { table: 'unknown', first: at, last: at },
  ]);
});
