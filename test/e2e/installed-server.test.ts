import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VERSION } from '../../src/core/version.ts';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PackedInstall } from '../support/packed-install.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { buildQuestdbPackage } from '../support/questdb-package.ts';
import { RegistryStub } from '../support/registry-stub.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-installed-'));
const registry = new RegistryStub();
const install = new PackedInstall('perfscope', registry);
const bin = join(folder, 'bin');
const home = join(folder, 'home');
const service = join(folder, 'service');
const server = new PerfscopeServer({ PATH: bin, HOME: home, XDG_CACHE_HOME: join(home, 'cache') });
server.cwd = install.folder;
server.command = ['npx', 'perfscope'];

beforeAll(async () => {
  for (const path of [bin, home, service]) mkdirSync(path);
  // npm starts commands with a shell.
  for (const name of ['node', 'npm', 'npx', 'sh']) symlinkSync(findCommand(name), join(bin, name));
  await registry.start();
  await install.install(await buildQuestdbPackage());
});
afterAll(async () => {
  await server.remove();
  install.remove();
  registry.remove();
  rmSync(folder, { recursive: true, force: true });
});

function findCommand(name: string): string {
  if (name === 'node') return process.execPath;
  const folders = process.env.PATH?.split(delimiter) ?? [];
  return realpathSync(folders.map((path) => join(path, name)).find((path) => existsSync(path))!);
}

/** Runs an installed Perfscope command with only Node in the `PATH`. */
async function runInstalled(...args: string[]): Promise<string> {
  const { env } = server;
  const { stdout } = await run('npx', ['perfscope', ...args], { env, cwd: install.folder });
  return stdout;
}

it('starts with neither Java nor Maven', async () => {
  for (const command of ['java', 'mvn', 'jlink'])
    await expect(run(command, ['--version'], { env: server.env })).rejects.toThrow('ENOENT');
  await server.start();
  const java = realpathSync(`/proc/${server.questdbPid}/exe`);
  expect(java.startsWith(join(realpathSync(install.folder), 'node_modules', '@perfscope'))).toBe(
    true,
  );
  expect(server.output).not.toMatch(/Java|Maven|Downloading/);
});

it('stores the requests of a service that has the agent of this server', async () => {
  const file = `perfscope-agent-${VERSION}.tgz`;
  await runInstalled('agent', 'pack', '--output', join(service, 'vendor'));
  writeFileSync(join(service, 'package.json'), '{ "private": true }');
  for (const name of ['hotel-cjs.cjs', 'hotel.cjs'])
    cpSync(join('test/apps', name), join(service, name));
  await run('npm', ['install', `./vendor/${file}`, 'express@5'], {
    cwd: service,
    env: registry.env(),
  });
  const app = new InstrumentedApp('hotel-cjs.cjs', {
    env: { ...server.env, OTEL_SERVICE_NAME: 'installed' },
    cwd: service,
    register: '@perfscope/agent/register',
  });
  await sendRequests(`${await app.url()}/rooms/7`, 20);
  await app.stop();
  const statement = `SELECT endpoint, sum(count) requests FROM performance_metrics
    WHERE service = 'installed'
      AND metric_type = 'API_RESPONSE_TIME' AND endpoint = '/rooms/:id'`;
  await expectRows(
    async () => JSON.parse(await runInstalled('query', '--json', statement)).map(Object.values),
    [['/rooms/:id', 20]],
  );
});

it('runs the other commands', async () => {
  const backup = join(folder, 'backup');
  expect(await runInstalled('backup', backup)).toMatch(
    /^perfscope: Backed up \d+ rows in \d+ tables/,
  );
  expect(existsSync(join(backup, 'manifest.json'))).toBe(true);
  const app = join(service, 'hotel-cjs.cjs');
  expect(await runInstalled('doctor', app)).toMatch(/✓ express 5\.\d/);
  expect(await runInstalled('check-config')).toMatch(/valid/);
});

it('stops with QuestDB, and restores the backup', async () => {
  const { questdbPid } = server;
  await server.stop();
  await waitFor(async () => !existsSync(`/proc/${questdbPid}`));
  const restored = join(folder, 'restored');
  server.env.PERFORMANCE_DATA_DIR = restored;
  expect(await runInstalled('restore', join(folder, 'backup'))).toMatch(/Restored/);
  await server.start();
  await expectRows(
    () =>
      server.sql(
        "SELECT sum(count) FROM performance_metrics WHERE metric_type = 'API_RESPONSE_TIME' AND endpoint = '/rooms/:id'",
      ),
    [[20]],
  );
});
