import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { addSpoolCommand } from '../../../src/cli/spool-command.ts';
import { errorMessage } from '../../../src/core/perfscope-error.ts';
import { DeadLetterStore } from '../../../src/storage/dead-letters/dead-letter-store.ts';
import { migrate } from '../../../src/storage/migrations/migrate.ts';
import { DroppedRowCounter } from '../../../src/storage/spool/dropped-rows.ts';
import { Spool } from '../../../src/storage/spool/spool.ts';
import { DEFAULT_RETENTION } from '../../support/default-retention.ts';
import { ExternalQuestdb } from '../../support/external-questdb.ts';
import { waitFor } from '../../support/wait-for.ts';

const TABLE = 'performance_metrics';

const questdb = new ExternalQuestdb();
const spoolDir = join(questdb.folder, 'spool');
const originalEnv = { ...process.env };

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  Object.assign(process.env, questdb.serviceEnv);
});
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (!(name in originalEnv)) delete process.env[name];
  Object.assign(process.env, originalEnv);
  await questdb.remove();
});
beforeEach(() => {
  rmSync(spoolDir, { recursive: true, force: true });
  mkdirSync(spoolDir, { recursive: true });
});

/** Runs `perfscope spool`. Returns its output and its exit code. */
async function run(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  let out = '';
  let err = '';
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  process.exitCode = 0;
  try {
    const program = new Command('perfscope').exitOverride();
    addSpoolCommand(program);
    for (const command of program.commands[0]?.commands ?? []) command.exitOverride();
    await program.parseAsync(['spool', ...args], { from: 'user' });
    return { out, err, code: Number(process.exitCode) };
  } catch (error) {
    const code = error instanceof CommanderError ? 2 : 1;
    return { out, err: err + errorMessage(error), code };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
    process.exitCode = 0;
  }
}

async function addRows(table: string, lines: readonly string[], reason: string, dir = spoolDir) {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const dropped = new DroppedRowCounter();
  const store = new DeadLetterStore({ spoolDir: dir, spoolMaxBytes: 64e6, dropped, log });
  await store.add(table, Buffer.from(lines.join('')), lines.length, reason);
}

const line = (service: string, id: string, field = 'value=1.0') =>
  `${TABLE},service=${service} id="${id}",${field} ${Date.now()}000000\n`;

interface Listing {
  spoolDir: string;
  rejected: { id: string; table: string; reason: string; rows: number; owner: string }[];
}

async function list(): Promise<Listing['rejected']> {
  return (JSON.parse((await run('ls', '--json')).out) as Listing).rejected;
}

async function countStored(service: string): Promise<number> {
  const [[count] = []] = await questdb.sql(
    `SELECT count() FROM ${TABLE} WHERE service = '${service}'`,
  );
  return Number(count);
}

describe('ls', () => {
  it('lists groups of rejected rows', async () => {
    await addRows(TABLE, [line('a', '1'), line('a', '2')], 'cast error');
    await addRows('alerts', ['alerts id="1" 1\n'], 'no column', join(spoolDir, 'server'));
    const { out, code } = await run('ls');
    expect(code).toBe(0);
    expect(out).toMatch(
      /[\da-f]{8} +2 +performance_metrics +services +[-\d]+ [:\d]+ +[-\d]+ [:\d]+ +cast error/,
    );
    expect(out).toMatch(/alerts +server .*no column/);
    expect(await list()).toMatchObject([
      { table: 'alerts', owner: 'server', rows: 1 },
      { table: TABLE, owner: 'services', rows: 2 },
    ]);
  });

  it('uses another folder, and lists nothing if it does not exist', async () => {
    await addRows(TABLE, [line('a', '1')], 'r', join(questdb.folder, 'other'));
    expect((await run('ls')).out).toContain('No rejected rows.');
    const other = await run('ls', '--spool-dir', join(questdb.folder, 'other'));
    expect(other.out).toContain(TABLE);
    const missing = await run('ls', '--spool-dir', join(questdb.folder, 'missing'));
    expect([missing.code, missing.err]).toEqual([0, '']);
  });
});

it('lists the rows that wait in the spool, and whether their process is running', async () => {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const dropped = new DroppedRowCounter();
  const deadLetters = { bytes: 0, add: async () => {} };
  const createSpool = (isServer: boolean) =>
    new Spool({
      ...{ dir: spoolDir, isServer, maxBytes: 64e6, deadLetters, dropped, log },
    });
  const lines = Buffer.from(line('waiting', '1') + line('waiting', '2'));
  const batch = { table: TABLE, rows: 2, newestMs: Date.now(), lines } as const;
  const running = createSpool(true);
  await running.add(batch);
  const ended = createSpool(false);
  await ended.add(batch);
  await ended.add(batch);
  ended.close();
  const { out } = await run('ls');
  expect(out).toMatch(/spool-\d+-[-\w]+ +server +running +2 +\d+ B/);
  expect(out).toMatch(/spool-\d+-[-\w]+ +services +ended +4 +\d+ B/);
  expect(JSON.parse((await run('ls', '--json')).out).waiting).toMatchObject([
    { owner: 'services', isRunning: false, rows: 4, segments: 1 },
    { owner: 'server', isRunning: true, rows: 2, segments: 1 },
  ]);
  running.close();
});

describe('show', () => {
  it('prints the reason and the rows', async () => {
    await addRows(TABLE, [line('a', '\u001b[31m'), line('a', '2'), line('a', '3')], 'cast error');
    const [group] = await list();
    const { out, err } = await run('show', group!.id, '--limit', '2');
    expect(out).toContain('cast error');
    expect(out).toContain('performance_metrics,service=a id="2"');
    expect(out).not.toContain('id="3"');
    expect(out).not.toContain('\u001b');
    expect(err).toContain('Only the first 2 of 3 rows are shown');
    const json = JSON.parse((await run('show', group!.id, '--json')).out);
    expect(json).toMatchObject({ id: group!.id, rows: 3, reason: 'cast error' });
    expect(json.letters).toHaveLength(3);
  });

  it('suggests a similar ID', async () => {
    await addRows(TABLE, [line('a', '1')], 'r');
    const [group] = await list();
    const wrong = `${group!.id.slice(0, 7)}x`;
    const { err, code } = await run('show', wrong);
    expect(code).toBe(1);
    expect(err).toContain(`Did you mean ${group!.id}?`);
  });
});

describe('retry', () => {
  it('stores the rows whose cause was corrected, and keeps the others', async () => {
    await addRows(TABLE, [line('retried', '1'), line('retried', '2')], 'no column');
    await addRows(TABLE, [line('retried', '3', 'value="text"')], 'another reason');
    const { out, err, code } = await run('retry', '--all');
    expect(out).toContain('Stored 2 rows. Kept 1 row.');
    expect([code, err]).toEqual([1, expect.stringContaining('rejected rows again')]);
    expect(await waitFor(async () => (await countStored('retried')) === 2)).toBe(true);
    expect(await list()).toMatchObject([
      { rows: 1, reason: expect.stringContaining('cast error') },
    ]);
  });

  it('creates missing columns', async () => {
    await questdb.sql(`ALTER TABLE ${TABLE} DROP COLUMN tags`);
    await addRows(TABLE, [line('repaired', '1', 'tags="{}"')], 'no column');
    const [group] = await list();
    const { out, code } = await run('retry', group!.id, '--json');
    expect([JSON.parse(out), code]).toEqual([{ stored: 1, rejected: 0 }, 0]);
    expect(await waitFor(async () => (await countStored('repaired')) === 1)).toBe(true);
    expect(await list()).toEqual([]);
  });

  it('never sends rows that services must not write', async () => {
    const key = `api_keys id="x" ${Date.now()}000000\n`;
    await addRows('api_keys', [key], 'r');
    await addRows(TABLE, ['api_keys id="x" 1\n', 'garbage\n'], 'r');
    expect((await run('retry', '--all')).out).toContain('Stored 0 rows. Kept 3 rows.');
    expect(await questdb.sql("SELECT count() FROM api_keys WHERE id = 'x'")).toEqual([[0]]);
    expect(await list()).toHaveLength(2);
  });

  it('keeps all rows if QuestDB is unreachable', async () => {
    await addRows(TABLE, [line('kept', '1'), line('kept', '2')], 'r');
    const { PERFORMANCE_QUESTDB_URL } = process.env;
    process.env.PERFORMANCE_QUESTDB_URL = 'http://127.0.0.1:1';
    const { err, code } = await run('retry', '--all');
    process.env.PERFORMANCE_QUESTDB_URL = PERFORMANCE_QUESTDB_URL;
    expect([code, err]).toEqual([1, expect.stringContaining('is unreachable')]);
    expect(await list()).toMatchObject([{ rows: 2, reason: 'r' }]);
    expect((await run('retry', '--all')).code).toBe(0);
    expect(await waitFor(async () => (await countStored('kept')) === 2)).toBe(true);
  });
});

describe('drop', () => {
  it('deletes the rows of one group, or all rows', async () => {
    await addRows(TABLE, [line('a', '1'), line('a', '2')], 'a');
    await addRows(TABLE, [line('a', '3')], 'b');
    const group = (await list()).find(({ reason }) => reason === 'a');
    expect((await run('drop', group!.id, '--yes')).out).toContain('Deleted 2 rows.');
    expect(await list()).toMatchObject([{ reason: 'b', rows: 1 }]);
    expect((await run('drop', '--all', '--yes', '--json')).out).toBe('{"deleted":1}\n');
    expect(await list()).toEqual([]);
  });

  it('needs --yes without a terminal', async () => {
    await addRows(TABLE, [line('a', '1')], 'a');
    expect((await run('drop', '--all')).code).toBe(2);
    expect(await list()).toHaveLength(1);
  });
});

it.each([['retry'], ['drop'], ['retry', '--all', 'abc'], ['show'], ['show', 'x', '--limit', '0']])(
  'rejects %s %s %s as invalid usage',
  async (...args) => {
    expect((await run(...args)).code).toBe(2);
  },
);
