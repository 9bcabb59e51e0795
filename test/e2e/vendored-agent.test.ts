import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { getAgentFileName, getAgentPath } from '../../src/core/agent-download.ts';
import { VERSION } from '../../src/core/version.ts';
import { areVersionsCompatible } from '../../src/core/version-compatibility.ts';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { RegistryStub } from '../support/registry-stub.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-vendored-'));
const service = join(folder, 'service');
const vendored = `vendor/${getAgentFileName()}`;
const nextVersion = VERSION.replace(/\d+$/, (patch) => String(Number(patch) + 1));
const registry = new RegistryStub();
const server = new PerfscopeServer({ OTEL_METRIC_EXPORT_INTERVAL: '500' });

beforeAll(async () => {
  await Promise.all([server.start(), registry.start()]);
  mkdirSync(join(service, 'vendor'), { recursive: true });
  writeFileSync(join(service, 'package.json'), '{ "private": true }');
  writeFileSync(join(service, '.gitignore'), 'node_modules/\n');
  for (const name of ['hotel.cjs', 'hotel-esm.mjs'])
    cpSync(join('test/apps', name), join(service, name));
});
afterAll(async () => {
  await server.remove();
  registry.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Clones the service, and installs its packages with an empty npm cache. */
async function installCopy(name: string): Promise<string> {
  const copy = join(folder, name);
  await run('git', ['clone', '-q', service, copy]);
  await run('npm', ['ci'], { cwd: copy, env: registry.env(name) });
  return copy;
}

/** Creates a copy of the compiled server that has the next version. */
function createUpgradedServer(): string {
  const upgraded = join(folder, 'upgraded');
  const dist = join(upgraded, 'dist');
  cpSync('dist', dist, { recursive: true });
  symlinkSync(resolve('node_modules'), join(upgraded, 'node_modules'));
  const manifest = { ...JSON.parse(readFileSync('package.json', 'utf8')), version: nextVersion };
  writeFileSync(join(upgraded, 'package.json'), JSON.stringify(manifest));
  renameSync(join(dist, getAgentFileName()), join(dist, getAgentFileName(nextVersion)));
  return join(dist, 'bin.js');
}

it("the lock file has the vendored path and the server's SHA-512", async () => {
  const response = await fetch(server.url + getAgentPath());
  writeFileSync(join(service, vendored), Buffer.from(await response.arrayBuffer()));
  const args = ['install', `./${vendored}`, 'express@5'];
  await run('npm', args, { cwd: service, env: registry.env() });
  const lock = JSON.parse(readFileSync(join(service, 'package-lock.json'), 'utf8'));
  const integrity = await waitFor(
    async () => /SHA-512 of the agent: (\S+)\n/.exec(server.output)?.[1],
  );
  expect(integrity).toMatch(/^sha512-/);
  expect(lock.packages['node_modules/@perfscope/agent']).toMatchObject({
    resolved: `file:${vendored}`,
    integrity,
  });
  const git = (...params: string[]) => run('git', params, { cwd: service });
  await git('init', '-q');
  await git('add', '.');
  const author = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
  await git(...author, 'commit', '-q', '-m', 'Add the agent');
});

it('npm ci installs the agent in a copy of the service while no server is running', async () => {
  await server.stop();
  const copy = await installCopy('without-server');
  const installed = readFileSync(join(copy, 'node_modules/@perfscope/agent/register.js'));
  expect(installed.equals(readFileSync('dist/agent-package/register.js'))).toBe(true);
  expect(registry.ownLookups).toEqual([]);
});

it('npm ci and the agent work after an upgrade of the server', async () => {
  expect(areVersionsCompatible(VERSION, nextVersion)).toBe(true);
  server.command = [process.execPath, createUpgradedServer()];
  await server.start();
  await waitFor(async () => server.output.includes(getAgentPath(nextVersion)));
  expect((await fetch(server.url + getAgentPath())).status).toBe(404);

  const copy = await installCopy('after-upgrade');
  expect(registry.ownLookups).toEqual([]);
  const app = new InstrumentedApp('hotel-esm.mjs', {
    env: { ...server.env, OTEL_SERVICE_NAME: 'vendored' },
    cwd: copy,
    register: '@perfscope/agent/register',
  });
  const url = await app.url();
  await sendRequests(`${url}/rooms/7`, 30);
  await sendRequests(`${url}/api/o/properties/p/bookings`, 10, { method: 'POST' });
  await app.stop();
  expect(app.stderr).toBe('');
  await expectRows(
    () =>
      server.sql(`SELECT coalesce(endpoint, name) subject, sum(count) FROM performance_metrics
        WHERE service = 'vendored' AND (endpoint LIKE '/%' OR name = 'hotel.price')
        ORDER BY subject`),
    [
      ['/api/:organization/properties/:property/bookings', 10],
      ['/rooms/:id', 30],
      // The application's own histogram, which shares the OpenTelemetry API with the agent.
      ['hotel.price', 10],
    ],
  );
});
