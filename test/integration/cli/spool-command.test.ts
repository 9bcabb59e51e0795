import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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

const questdb = new ExternalQuestdb({ isShared: true });
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
  await store.add(table, Buffer.from(lines.join('')), reason);
}

const line = (service: string, id: string, field = 'value=1.0') =>
  `${TABLE},service=${service} id="${id}",${field} ${Date.now()}000000\n`;

interface Listing {
  spoolDir: string;
  folders: unknown[];
  deadLetters: { id: string; table: string; reason: string; rows: number }[];
  skipped: { path: string; reason: string }[];
}

async function list(): Promise<Listing['deadLetters']> {
  return (JSON.parse((await run('ls', '--json')).out) as Listing).deadLetters;
}

async function countStored(service: string): Promise<number> {
  const [[count] = []] = await questdb.sql(
    `SELECT count() FROM ${TABLE} WHERE service = '${service}'`,
  );
  return Number(count);
}

describe('ls', () => {
  it('lists groups of dead letters', async () => {
    await addRows(TABLE, [line('a', '1'), line('a', '2')], 'cast error');
    await addRows('alerts', ['alerts id="1" 1\n'], 'no column', join(spoolDir, 'server'));
    const { out, code } = await run('ls');
    expect(code).toBe(0);
    expect(out).toMatch(
      /[\da-f]{8} +2 +performance_metrics +[-\d]+ [:\d]+ +[-\d]+ [:\d]+ +cast error/,
    );
    expect(out).toMatch(/alerts .*no column/);
    expect(out).toMatch(/first rejected \(UTC\) +last rejected \(UTC\)/);
    expect(await list()).toMatchObject([
      { table: 'alerts', rows: 1 },
      { table: TABLE, rows: 2 },
    ]);
  });

  it('uses another folder', async () => {
    await addRows(TABLE, [line('a', '1')], 'r', join(questdb.folder, 'other'));
    expect((await run('ls')).out).toContain('No dead letters.');
    const other = await run('ls', '--spool-dir', join(questdb.folder, 'other'));
    expect(other.out).toContain(TABLE);
  });

  it('reports a file of another user once, and exits with 1', async () => {
    await addRows(TABLE, [line('a', '1')], 'r');
    const path = join(spoolDir, 'dead-letters', '000000000000001-x.jsonl');
    writeFileSync(path, '{}\n');
    chmodSync(path, 0o666);
    for (const args of [['ls'], ['retry', '--all'], ['drop', '--all', '--yes']]) {
      const { err, code } = await run(...args);
      expect(code).toBe(1);
      expect(err).toBe(
        `perfscope: Rows are not sent from ${path}: other users can write to it. To send them, see docs/security.md.\n`,
      );
    }
    const { out } = await run('ls', '--json');
    expect((JSON.parse(out) as Listing).skipped).toEqual([
      { path, reason: 'other users can write to it' },
    ]);
  });
});

describe('the spool folder', () => {
  const commands = [['ls'], ['show', 'x'], ['retry', '--all'], ['drop', '--all', '--yes']];

  it.each(commands)('must exist for %s if it is specified', async (...args) => {
    const missing = join(questdb.folder, 'missing');
    const { err, out, code } = await run(...args, '--spool-dir', missing);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`${missing} is not a spool folder: it does not exist.`);
  });

  it.each(commands)('must not be a file for %s', async (...args) => {
    const file = join(questdb.folder, 'file');
    writeFileSync(file, '');
    const { err, code } = await run(...args, '--spool-dir', file);
    expect(code).toBe(1);
    expect(err).toContain(`${file} is not a spool folder: it is not a folder.`);
  });

  it('is in the data folder', async () => {
    const { err, code } = await run('ls', '--spool-dir', join(spoolDir, '..'));
    expect(code).toBe(1);
    expect(err).toContain(`is not a spool folder: the spool is in ${spoolDir}.`);
  });

  it('can be an empty volume, but not a folder with other files', async () => {
    mkdirSync(join(spoolDir, 'lost+found'));
    expect((await run('ls', '--spool-dir', spoolDir)).code).toBe(0);
    writeFileSync(join(spoolDir, 'notes.txt'), '');
    const { err, code } = await run('ls', '--spool-dir', spoolDir);
    expect([code, err]).toEqual([1, expect.stringContaining('such as notes.txt')]);
  });

  it('is printed if the default folder does not exist', async () => {
    rmSync(spoolDir, { recursive: true });
    for (const args of [['ls'], ['retry', '--all'], ['drop', '--all']]) {
      const { out, err, code } = await run(...args);
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain(`Spool folder: ${spoolDir} (does not exist)`);
    }
  });

  it('can be the subfolder of the server, and its groups have the same IDs', async () => {
    const server = join(spoolDir, 'server');
    await addRows(TABLE, [line('a', '1')], 'r', server);
    const { out } = await run('ls', '--json', '--spool-dir', server);
    expect((JSON.parse(out) as Listing).deadLetters).toEqual(await list());
  });
});

it('lists the rows in segment files, and whether their process is running', async () => {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const dropped = new DroppedRowCounter();
  const deadLetters = { bytes: 0, add: async () => {}, onAdopted: () => {} };
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
  expect(out).toMatch(/server\/spool-\d+-[-\w]+ +running +2 +\d+ B/);
  expect(out).toMatch(/^spool-\d+-[-\w]+ +ended +4 +\d+ B/m);
  expect(JSON.parse((await run('ls', '--json')).out).folders).toMatchObject([
    { isRunning: false, rows: 4, segments: 1 },
    { isRunning: true, rows: 2, segments: 1 },
  ]);
  const root = join(spoolDir, 'server');
  chmodSync(root, 0o770);
  const [endedFolder] = readdirSync(spoolDir).filter((name) => name.startsWith('spool-'));
  chmodSync(join(spoolDir, endedFolder!), 0o770);
  expect(JSON.parse((await run('ls', '--json')).out)).toMatchObject({
    folders: [],
    skipped: [{ path: root }, { path: join(spoolDir, endedFolder!) }],
  });
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
    expect([code, err]).toEqual([1, expect.stringContaining('Rejected again: 1 row.')]);
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
    expect([JSON.parse(out), code]).toEqual([
      { spoolDir, stored: 1, kept: 0, rejected: 0, skipped: [] },
      0,
    ]);
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
    await addRows(TABLE, [line('kept', '3')], 'r');
    const { PERFORMANCE_QUESTDB_URL } = process.env;
    process.env.PERFORMANCE_QUESTDB_URL = 'http://127.0.0.1:1';
    const { out, err, code } = await run('retry', '--all');
    const json = await run('retry', '--all', '--json');
    process.env.PERFORMANCE_QUESTDB_URL = PERFORMANCE_QUESTDB_URL;
    expect([code, err]).toEqual([1, expect.stringContaining('is unreachable')]);
    expect(out).toContain('Stored 0 rows. Kept 3 rows.');
    expect(JSON.parse(json.out)).toMatchObject({ stored: 0, kept: 3, rejected: 0 });
    expect(await list()).toMatchObject([{ rows: 3, reason: 'r' }]);
    expect((await run('retry', '--all')).code).toBe(0);
    expect(await waitFor(async () => (await countStored('kept')) === 3)).toBe(true);
  });
});

it('does not send dead letters if other users can write to their folder', async () => {
  await addRows(TABLE, [line('untrusted', '1')], 'r');
  const folder = join(spoolDir, 'dead-letters');
  chmodSync(folder, 0o770);
  const { out, err, code } = await run('retry', '--all');
  expect(out).toContain('Stored 0 rows. Kept 0 rows.');
  expect([code, err]).toEqual([1, expect.stringContaining(`not sent from ${folder}: other users`)]);
  chmodSync(folder, 0o700);
  expect(await list()).toMatchObject([{ rows: 1, reason: 'r' }]);
});

describe('drop', () => {
  it('deletes the rows of one group, or all rows', async () => {
    await addRows(TABLE, [line('a', '1'), line('a', '2')], 'a');
    await addRows(TABLE, [line('a', '3')], 'b');
    const group = (await list()).find(({ reason }) => reason === 'a');
    expect((await run('drop', group!.id, '--yes')).out).toContain('Deleted 2 rows.');
    expect(await list()).toMatchObject([{ reason: 'b', rows: 1 }]);
    expect((await run('drop', '--all', '--yes', '--json')).out).toContain('"deleted":1');
    expect(await list()).toEqual([]);
  });

  it('needs --yes without a terminal', async () => {
    await addRows(TABLE, [line('a', '1')], 'a');
    // `runProgram` exits with 2 after this error.
    expect((await run('drop', '--all')).err).toContain('pass --yes');
    expect(await list()).toHaveLength(1);
  });
});

it.each([['retry'], ['drop'], ['retry', '--all', 'abc'], ['show'], ['show', 'x', '--limit', '0']])(
  'rejects %s %s %s as invalid usage',
  async (...args) => {
    expect((await run(...args)).code).toBe(2);
  },
);
