import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new PerfscopeServer();
const run = (...args: string[]) => runPerfscope(args, server.env);
const silenceArgs = ['alerts', 'silence', 'service=booking', '--for', '1h', '--comment', 'test'];

beforeAll(() => server.start());
afterAll(() => server.remove());

async function post(path: string, body: object): Promise<{ status: number; code: unknown }> {
  const response = await fetch(`${server.url}/api/performance/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, code: ((await response.json()) as { code?: unknown }).code };
}

it('needs no key for reading and for the test API, but for changing keys and people', async () => {
  await waitFor(async () => server.output.includes('Behind any proxy, a key is required'));
  expect(await server.get('/api/performance/test?action=health')).toMatchObject({ ok: true });
  const required = { status: 403, code: 'PS_KEY_REQUIRED' };
  expect(await post('keys', { role: 'ADMIN', name: 'x' })).toEqual(required);
  expect(await post('people', { role: 'ADMIN', name: 'x' })).toEqual(required);
});

it('publishes its local token in a file that only its user can read', () => {
  const file = join(server.folder, 'run', 'perfscope', 'server.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(server.discovery.localToken).toMatch(/^[\w-]{43}$/);
  expect(server.output).not.toContain(server.discovery.localToken);
});

it('loads stored silences that are too large as invalid, and starts normally', async () => {
  const matchers = JSON.stringify(Array(50).fill('service=~"(.?){999}"'));
  await server.sql(`INSERT INTO silences
    (timestamp, id, seq, author, comment, matchers, starts_at, ends_at, organization_id)
    VALUES (now(), 'old', 1, 'key:a', 'c', '${matchers}', now(), dateadd('h', 1, now()), 'acme')`);
  expect((await run(...silenceArgs)).status).toBe(0);
  const oldToken = server.discovery.localToken;
  await server.stop();
  await server.start();
  await waitFor(async () => /Some stored silences .* IDs: old/.test(server.output));
  expect(server.discovery.localToken).not.toBe(oldToken);
  // After a start, QuestDB can still be applying the last rows. The server reads them again later.
  const readSilences = async () => (await server.get('/api/performance/silences')).silences;
  await expect
    .poll(readSilences, { timeout: 240_000 })
    .toMatchObject([{ matchers: ['service=booking'] }]);
  expect(server.output.match(/stored silences have no effect/g)).toHaveLength(1);
});

it('accepts commands of its user without a key, even after a key was created', async () => {
  const created = await run('keys', 'create', '--role', 'ADMIN', '--name', 'admin');
  expect(created.stdout).toMatch(/^psk_/);
  const readStatus = async () => (await fetch(`${server.url}/api/performance/alerts`)).status;
  await waitFor(async () => (await readStatus()) === 401);
  const { status, stdout, stderr } = await run(...silenceArgs);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('Created silence');
  const foreign = { ...server.env, XDG_RUNTIME_DIR: join(server.folder, 'other') };
  const rejected = await runPerfscope([...silenceArgs, '--url', server.url], foreign);
  expect([rejected.status, rejected.stderr]).toEqual([1, expect.stringContaining('API key')]);
});
