import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type DeadLetter,
  readDeadLetters,
  toLine,
} from '../../../../src/storage/dead-letters/dead-letter-files.ts';
import { DeadLetterStore } from '../../../../src/storage/dead-letters/dead-letter-store.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import { waitFor } from '../../../support/wait-for.ts';

const TABLE = 'performance_metrics';

let spoolDir: string;
let folder: string;
let dropped: DroppedRowCounter;
let messages: string[];
beforeEach(() => {
  spoolDir = mkdtempSync(join(tmpdir(), 'perfscope-dead-letters-'));
  folder = join(spoolDir, 'dead-letters');
  dropped = new DroppedRowCounter();
  messages = [];
});
afterEach(() => {
  vi.useRealTimers();
  chmodSync(spoolDir, 0o700);
  rmSync(spoolDir, { recursive: true });
});

function createStore(spoolMaxBytes = 64e6, isServer = false): DeadLetterStore {
  const log = (message: string) => messages.push(message);
  return new DeadLetterStore({
    spoolDir,
    isServer,
    spoolMaxBytes,
    dropped,
    log: { info: log, warn: log, error: log },
  });
}

const list = () => readdirSync(folder).sort();
const read = (): DeadLetter[] => list().flatMap((name) => readDeadLetters(folder, name));

it('keeps each row with its reason, in a file that only its owner can read', async () => {
  const startMs = Date.now();
  const store = createStore();
  await store.add(TABLE, Buffer.from('a v=1\nb v="x\\\ny"\n'), 'cast error');
  await store.add('error_logs', Buffer.from('c v=1\n'), 'no column');
  expect(read()).toMatchObject([
    { table: TABLE, reason: 'cast error', line: 'a v=1' },
    { table: TABLE, reason: 'cast error', line: 'b v="x\\\ny"' },
    { table: 'error_logs', reason: 'no column', line: 'c v=1' },
  ]);
  const addedMs = Date.parse(read()[0]!.at);
  expect(addedMs).toBeGreaterThanOrEqual(startMs);
  expect(addedMs).toBeLessThanOrEqual(Date.now());
  const [name] = list();
  expect(statSync(join(folder, name!)).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect([store.rows, store.bytes]).toEqual([3, statSync(join(folder, name!)).size]);
});

it('restores rows with any bytes', async () => {
  const lines = Buffer.from([...Buffer.from('a v="'), 0, 0xff, 0xfe, 34, 10]);
  await createStore().add(TABLE, lines, 'r');
  expect(toLine(read()[0]!)).toEqual(lines);
});

describe('a row that is rejected again', () => {
  const row = Buffer.from('a v=1\n');
  const notUtf8 = Buffer.from([...Buffer.from('a v="'), 0xff, 34, 10]);

  it('is kept once', async () => {
    const store = createStore();
    for (const reason of ['r', 'another reason']) {
      await store.add(TABLE, row, reason);
      await store.add(TABLE, notUtf8, reason);
    }
    await store.add('error_logs', row, 'r');
    expect(read().map(({ table, reason }) => [table, reason])).toEqual([
      [TABLE, 'r'],
      [TABLE, 'r'],
      ['error_logs', 'r'],
    ]);
    expect(messages).toHaveLength(2);
  });

  it('is kept once if the process that rejected it has ended', async () => {
    const server = createStore(64e6, true);
    await server.add(TABLE, Buffer.from('b v=1\n'), 'r');
    const service = createStore();
    await service.add(TABLE, row, 'r');
    await service.add(TABLE, notUtf8, 'r');
    // The server has not read the latest dead letters of the service.
    server.onAdopted();
    for (const store of [server, createStore()]) {
      await store.add(TABLE, Buffer.concat([row, notUtf8, Buffer.from('c v=1\n')]), 'r');
    }
    expect(read().map(({ line }) => line)).toEqual([
      ...['a v=1', notUtf8.subarray(0, -1).toString('base64'), 'c v=1'],
    ]);
    const serverFolder = join(spoolDir, 'server', 'dead-letters');
    const [name] = readdirSync(serverFolder);
    expect(readDeadLetters(serverFolder, name!).map(({ line }) => line)).toEqual([
      ...['b v=1', 'c v=1'],
    ]);
  });

  it('is kept if the file with the first dead letter belongs to another user', async () => {
    await createStore().add(TABLE, row, 'r');
    chmodSync(join(folder, list()[0]!), 0o666);
    await createStore().add(TABLE, row, 'r');
    expect(list()).toHaveLength(2);
  });
});

it('logs each reason once, and limits the number of messages', async () => {
  const store = createStore();
  for (let i = 0; i < 3; i++) await store.add(TABLE, Buffer.from(`a v=${i}\n`), 'cast error');
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain('1 row for table performance_metrics');
  expect(messages[0]).toContain('perfscope spool ls');
  for (let i = 0; i < 300; i++) await store.add(TABLE, Buffer.from(`b v=${i}\n`), `reason ${i}`);
  expect(messages).toHaveLength(100);
});

it('counts the rows of earlier processes, and notices changes by commands', async () => {
  await createStore().add(TABLE, Buffer.from('a v=1\nb v=1\n'), 'r');
  vi.useFakeTimers({ toFake: ['performance'] });
  const store = createStore();
  await waitFor(async () => store.rows === 2);
  await createStore().add(TABLE, Buffer.from('c v=1\n'), 'r');
  expect(store.rows).toBe(2);
  vi.advanceTimersByTime(11_000);
  expect(await waitFor(async () => store.rows === 3)).toBe(true);
  vi.advanceTimersByTime(11_000);
  rmSync(folder, { recursive: true });
  expect(await waitFor(async () => store.rows === 0)).toBe(true);
});

it('continues with a new file after a command has renamed the file', async () => {
  const store = createStore();
  await store.add(TABLE, Buffer.from('a v=1\n'), 'r');
  const [name] = list();
  renameSync(join(folder, name!), join(folder, 'renamed.jsonl'));
  await store.add(TABLE, Buffer.from('b v=1\n'), 'r');
  expect(list()).toEqual([name, 'renamed.jsonl'].sort());
  expect(
    read()
      .map(({ line }) => line)
      .sort(),
  ).toEqual(['a v=1', 'b v=1']);
});

it('removes the oldest rows at the limit, and counts them exactly', async () => {
  const store = createStore(64 * 1024);
  const line = (i: number) => `${TABLE} v="${i}${'x'.repeat(100)}"`;
  for (let i = 0; i < 500; i++) await store.add(TABLE, Buffer.from(`${line(i)}\n`), 'r');
  const kept = read().map((letter) => letter.line);
  const droppedRows = dropped.byReason.get('dead_letters_full') ?? 0;
  expect(droppedRows).toBeGreaterThan(300);
  expect(kept).toEqual(Array.from({ length: 500 - droppedRows }, (_, i) => line(droppedRows + i)));
  const bytes = list().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(bytes).toBeLessThanOrEqual(16 * 1024);
  expect(bytes).toBeGreaterThan(8 * 1024);
  expect([store.rows, store.bytes]).toEqual([kept.length, bytes]);
});

it('divides a large batch into several files', async () => {
  const line = (i: number) => `${TABLE} v="${i}${'x'.repeat(1000)}"\n`;
  const lines = Array.from({ length: 3000 }, (_, i) => line(i)).join('');
  await createStore().add(TABLE, Buffer.from(lines), 'r');
  expect(list().length).toBeGreaterThan(2);
  for (const name of list()) {
    expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1024 * 1024);
  }
  expect(read()).toHaveLength(3000);
});

it('deletes the files of killed processes, and counts the removed rows', async () => {
  mkdirSync(folder, { mode: 0o700 });
  const write = (name: string, rows: number) =>
    writeFileSync(join(folder, name), '{}\n'.repeat(rows), { mode: 0o600 });
  write('1-a.jsonl.removed', 3);
  write('2-b.jsonl.removed', 4);
  const [abandoned, recent] = ['3-c.jsonl.1.0123abcd', '3-c.jsonl.2.0123abcd'] as const;
  for (const name of [abandoned, recent]) write(name, 5);
  const minuteAgo = Date.now() / 1000 - 61;
  utimesSync(join(folder, abandoned), minuteAgo, minuteAgo);
  const stores = [createStore(), createStore()];
  await Promise.all(stores.map((store, i) => store.add(TABLE, Buffer.from(`a v=${i}\n`), 'r')));
  expect(list()).toHaveLength(3);
  expect(list()).toContain(recent);
  expect([...dropped.byReason]).toEqual([['dead_letters_full', 7]]);
});

describe('if the folder is not writable', () => {
  it.each([
    ['a file has its name', () => writeFileSync(folder, '')],
    ['another folder is linked', () => symlinkSync(tmpdir(), folder)],
    [
      'other users can write to it',
      () => {
        mkdirSync(folder);
        chmodSync(folder, 0o777);
      },
    ],
  ])('counts the rows as dropped because %s', async (_name, prepare) => {
    prepare();
    const store = createStore();
    await store.add(TABLE, Buffer.from('a v=1\nb v=1\n'), 'r');
    expect([...dropped.byReason]).toEqual([['dead_letters_full', 2]]);
    expect(messages).toHaveLength(2);
    expect(messages[1]).toContain(folder);
    // The start of the store reports nothing.
    expect(messages[1]).not.toContain('scandir');
    rmSync(folder, { recursive: true, force: true });
    await store.add(TABLE, Buffer.from('c v=1\n'), 'r');
    expect(read()).toHaveLength(1);
  });
});

it('shows a damaged dead letter', () => {
  mkdirSync(folder);
  writeFileSync(
    join(folder, '1.jsonl'),
    '{"at":"2026-01-01T00:00:00Z","table":"t","rea\n{"at":1}\n',
  );
  expect(read()).toMatchObject([
    { table: 'unknown', line: '{"at":"2026-01-01T00:00:00Z","table":"t","rea' },
    { table: 'unknown', line: '{"at":1}' },
  ]);
});

describe('rejected rows of an earlier version', () => {
  const refused = () => join(spoolDir, 'refused');
  const write = (name: string, text: string) => {
    mkdirSync(refused(), { recursive: true });
    writeFileSync(join(refused(), name), text, { mode: 0o600 });
  };

  it('become dead letters once', async () => {
    write(
      '41-1700000000000-000000000007.performance_metrics.2.1700000000000.ilp',
      'a v=1\nb v=2\n',
    );
    write('41-9-abcdef01-000000000001.error_logs.1.1700000000000.ilp', 'c v=1\n');
    const store = createStore();
    await waitFor(async () => !existsSync(refused()));
    await store.add(TABLE, Buffer.from('d v=1\n'), 'r');
    expect(read()).toMatchObject([
      { table: TABLE, reason: 'rejected by an earlier version', line: 'a v=1' },
      { table: TABLE, line: 'b v=2' },
      { table: 'error_logs', line: 'c v=1' },
      { line: 'd v=1' },
    ]);
    expect(await waitFor(async () => store.rows === 4)).toBe(true);
  });

  it('stay if another user could have written them, or if they are unknown', async () => {
    write('1-2-3.performance_metrics.1.4.ilp', 'a v=1\n');
    chmodSync(join(refused(), '1-2-3.performance_metrics.1.4.ilp'), 0o666);
    write('notes.txt', 'x');
    write('1-2-3.no_table.1.4.ilp', 'a v=1\n');
    const before = readdirSync(refused());
    const store = createStore();
    await store.add(TABLE, Buffer.from('d v=1\n'), 'r');
    expect(readdirSync(refused())).toEqual(before);
    expect(read()).toHaveLength(1);
    expect(readFileSync(join(refused(), 'notes.txt'), 'utf8')).toBe('x');
  });
});
