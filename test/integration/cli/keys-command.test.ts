import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addKeysCommand } from '../../../src/cli/keys-command.ts';
import { DAY_MS } from '../../../src/core/duration.ts';
import { parseApiKey } from '../../../src/server/access/api-key-secret.ts';
import { AccessServer } from '../../support/access-server.ts';
import { ExternalQuestdb } from '../../support/external-questdb.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-keys-'));
const questdb = new ExternalQuestdb();
const log = { info: () => {}, warn: () => {}, error: () => {} };
const before = { ...process.env };

/** Makes this process look as if it was started with `env`. */
function startedWith(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, {
    XDG_RUNTIME_DIR: join(folder, 'run'),
    PERFORMANCE_DATA_DIR: join(folder, 'data'),
    ...env,
  });
}

async function run(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  let out = '';
  let err = '';
  const take = (to: (text: string) => void) => (text: string | Uint8Array) => {
    to(String(text));
    return true;
  };
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(take((t) => (out += t)));
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(take((t) => (err += t)));
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
  startedWith({});
  await questdb.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe('perfscope keys, with a QuestDB that is configured', () => {
  beforeAll(() => startedWith(questdb.env));

  it('makes the first key, which a server takes at once and on any address', async () => {
    const { out, err, code } = await run('create', '--role', 'ADMIN', '--name', 'first');
    expect(code).toBe(0);
    expect(parseApiKey(out.trim())).toBeDefined();
    expect(err).toContain('From now on every request needs a key');
    expect(err).not.toContain(parseApiKey(out.trim())?.secret);
    const env = { ...questdb.env, HOST: '0.0.0.0' };
    const server = await AccessServer.start({ env, spoolDir: join(folder, 'spool'), log });
    expect((await server.request('/who', out.trim())).body.role).toBe('ADMIN');
    await server.close();
  });

  it('makes, lists and revokes keys, for people and for programs', async () => {
    const limits = ['--organization', 'acme', '--property', 'sea', 'hill', '--expires', '90d'];
    const made = await run('create', '--role', 'VIEWER', '--name', 'wall', ...limits, '--json');
    const key = JSON.parse(made.out) as Record<string, string>;
    expect(key).toMatchObject({ organizationId: 'acme', properties: ['sea', 'hill'] });
    expect(Date.parse(String(key.expiresAt)) - Date.now()).toBeGreaterThan(89 * DAY_MS);
    const people = await run('list');
    expect(people.out).toMatch(/wall.*VIEWER.*acme.*sea, hill.*active/);
    const revoked = await run('revoke', String(key.id));
    expect(revoked.out).toContain(`${key.id} (wall) is revoked`);
    const programs = JSON.parse((await run('list', '--json')).out) as Record<string, string>[];
    expect(programs.map(({ name, state }) => [name, state])).toEqual([
      ['first', 'active'],
      ['wall', 'revoked'],
    ]);
    expect(people.out + JSON.stringify(programs)).not.toMatch(/psk_|hash/);
    const [[author] = []] = await questdb.sql(
      `SELECT author FROM audit_log WHERE action = 'key.revoke' AND object = '${key.id}'`,
    );
    expect(author).toMatch(/^cli:/);
  });

  it('says that there is no such key with a code of its own, and repeats no secret', async () => {
    const pasted = `psk_0123456789abcdef_${'s'.repeat(51)}`;
    const { err, code } = await run('revoke', pasted);
    expect(code).toBe(2);
    expect(err).toContain('PS_KEY_NOT_FOUND');
    expect(err).not.toContain('sss');
  });

  it('explains what is wrong, and makes nothing', async () => {
    await expect(run('create', '--role', 'VIEWER', '--name', 'x')).rejects.toThrow(
      /VIEWER needs an organization/,
    );
    await expect(run('create', '--role', 'ROOT', '--name', 'x')).rejects.toThrow(/ADMIN/);
    await expect(
      run('create', '--role', 'ADMIN', '--name', 'x', '--expires', 'soon'),
    ).rejects.toThrow(/90d/);
    const [[count] = []] = await questdb.sql("SELECT count() FROM api_keys WHERE name = 'x'");
    expect(count).toBe(0);
  });
});

describe('perfscope keys, before any server has run', () => {
  it('starts the embedded QuestDB for the moment, and what it makes stays', async () => {
    startedWith({});
    const made = await run('create', '--role', 'ADMIN', '--name', 'bootstrap');
    expect(parseApiKey(made.out.trim())).toBeDefined();
    const { out } = await run('list', '--json');
    expect(JSON.parse(out)).toMatchObject([{ name: 'bootstrap', state: 'active' }]);
  }, 120_000);
});

it.each(['create', 'list', 'revoke'])('perfscope keys %s --help shows examples', async (verb) => {
  await expect(run(verb, '--help')).rejects.toThrow(/outputHelp/);
  const program = new Command();
  addKeysCommand(program);
  const help = program.commands[0]?.commands.find((command) => command.name() === verb);
  let text = '';
  help?.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  expect(text).toContain('Examples:\n  perfscope keys create --role ADMIN');
  expect(text).toContain('Exit codes: 0 done');
});
