import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addKeysCommand } from '../../../src/cli/keys-command.ts';
import { DAY_MS } from '../../../src/core/duration.ts';
import { generateApiKey, parseApiKey } from '../../../src/server/access/api-key-secret.ts';
import { AccessServer } from '../../support/access-server.ts';
import { ExternalQuestdb } from '../../support/external-questdb.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-keys-'));
const questdb = new ExternalQuestdb({ isShared: true });
const log = { info: () => {}, warn: () => {}, error: () => {} };
const originalEnv = { ...process.env };

/** Sets the environment variables of this process to the original ones plus `env`. */
function setEnvironment(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in originalEnv)) delete process.env[name];
  Object.assign(process.env, {
    XDG_RUNTIME_DIR: join(folder, 'run'),
    PERFORMANCE_DATA_DIR: join(folder, 'data'),
    ...env,
  });
}

async function run(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  let out = '';
  let err = '';
  const capture = (append: (text: string) => void) => (text: string | Uint8Array) => {
    append(String(text));
    return true;
  };
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(capture((t) => (out += t)));
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(capture((t) => (err += t)));
  process.exitCode = 0;
  try {
    const program = new Command('perfscope').exitOverride();
    addKeysCommand(program);
    for (const command of [...program.commands, ...(program.commands[0]?.commands ?? [])]) {
      command.exitOverride();
    }
    await program.parseAsync(['keys', ...args], { from: 'user' });
    return { out, err, code: Number(process.exitCode) };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
    process.exitCode = 0;
  }
}

beforeAll(async () => {
  mkdirSync(join(folder, 'run'));
  await questdb.start();
});
afterAll(async () => {
  setEnvironment({});
  await questdb.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe('perfscope keys, with a configured QuestDB', () => {
  beforeAll(() => setEnvironment(questdb.env));

  it('creates the first key, so a server can listen on all addresses', async () => {
    const { out, err, code } = await run('create', '--role', 'ADMIN', '--name', 'first');
    expect(code).toBe(0);
    expect(parseApiKey(out.trim())).toBeDefined();
    expect(err).toContain('Keyless access has ended: from now on, each sender, reader, and');
    expect(err).not.toContain("can't read data");
    expect(err).not.toContain(parseApiKey(out.trim())?.secret);
    const env = { ...questdb.env, HOST: '0.0.0.0' };
    const server = await AccessServer.start({ env, spoolDir: join(folder, 'spool'), log });
    expect((await server.request('/whoami', out.trim())).body.role).toBe('ADMIN');
    await server.close();
  });

  it('creates, lists, and revokes keys, as text and as JSON', async () => {
    const limits = ['--organization', 'acme', '--property', 'sea', 'hill', '--expires', '90d'];
    const created = await run('create', '--role', 'VIEWER', '--name', 'wall', ...limits, '--json');
    const key = JSON.parse(created.out) as Record<string, string>;
    expect(key).toMatchObject({ organizationId: 'acme', properties: ['sea', 'hill'] });
    expect(Date.parse(String(key.expiresAt)) - Date.now()).toBeGreaterThan(89 * DAY_MS);
    const table = await run('list');
    expect(table.out).toMatch(/wall.*VIEWER.*acme.*sea, hill.*active/);
    const revoked = await run('revoke', String(key.id));
    expect(revoked.out).toContain(`Revoked key ${key.id} (wall)`);
    const keys = JSON.parse((await run('list', '--json')).out) as Record<string, string>[];
    expect(keys.map(({ name, state }) => [name, state])).toEqual([
      ['first', 'active'],
      ['wall', 'revoked'],
    ]);
    expect(table.out + JSON.stringify(keys)).not.toMatch(/psk_|hash/);
    const [[author] = []] = await questdb.sql(
      `SELECT author FROM audit_log WHERE action = 'key.revoke' AND object = '${key.id}'`,
    );
    expect(author).toMatch(/^cli:/);
  });

  it('stores the key from a file only once', async () => {
    const file = join(folder, 'collector-key');
    const { text, id } = generateApiKey();
    writeFileSync(file, `${text}\n`);
    const args = ['create', '--role', 'INGEST', '--name', 'collector', '--key-file', file];
    const created = await run(...args);
    expect([created.out, created.err]).toEqual(['', expect.stringContaining(`It is in ${file}`)]);
    expect((await run(...args)).err).toContain('A key was already created');
    const keys = JSON.parse((await run('list', '--json')).out) as Record<string, string>[];
    expect(keys.filter(({ name }) => name === 'collector')).toMatchObject([{ id, role: 'INGEST' }]);

    writeFileSync(file, text.slice(0, -1));
    await expect(run(...args)).rejects.toThrow('the text is not a complete key');
    rmSync(file);
    await expect(run(...args)).rejects.toThrow('the file does not exist');
  });

  it('fails for an unknown key, as other commands do for an unknown ID, and hides secrets', async () => {
    const fullKey = `psk_0123456789abcdef_${'s'.repeat(51)}`;
    const error = await run('revoke', fullKey).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'PS_KEY_NOT_FOUND' });
    expect((error as Error).message).not.toContain('sss');
  });

  it('explains invalid arguments and creates no key', async () => {
    await expect(run('create', '--role', 'VIEWER', '--name', 'x')).rejects.toThrow(
      /VIEWER requires an organization/,
    );
    await expect(run('create', '--role', 'ROOT', '--name', 'x')).rejects.toThrow(/ADMIN/);
    await expect(
      run('create', '--role', 'ADMIN', '--name', 'x', '--expires', 'soon'),
    ).rejects.toThrow(/90d/);
    const [[count] = []] = await questdb.sql("SELECT count() FROM api_keys WHERE name = 'x'");
    expect(count).toBe(0);
  });
});

describe('perfscope keys, before the first server start', () => {
  it('temporarily starts the embedded QuestDB, and stores the key permanently', async () => {
    setEnvironment({});
    const created = await run('create', '--role', 'ADMIN', '--name', 'bootstrap');
    expect(parseApiKey(created.out.trim())).toBeDefined();
    const { out } = await run('list', '--json');
    expect(JSON.parse(out)).toMatchObject([{ name: 'bootstrap', state: 'active' }]);
  });
});

it.each(['create', 'list', 'revoke'])('perfscope keys %s --help shows examples', async (name) => {
  await expect(run(name, '--help')).rejects.toThrow(/outputHelp/);
  const program = new Command();
  addKeysCommand(program);
  const help = program.commands[0]?.commands.find((command) => command.name() === name);
  let text = '';
  help?.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  expect(text).toContain('Examples:\n  perfscope keys create --role ADMIN');
  expect(text).toContain('Exit codes: 0 success');
});
