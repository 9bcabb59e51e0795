import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/core/version.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';
import { waitForWal } from '../support/wait-for-rollups.ts';

const server = new PerfscopeServer({ OTEL_METRIC_EXPORT_INTERVAL: '1000' });
const service = join(server.folder, 'service');
const fileName = `perfscope-agent-${VERSION}.tgz`;
const file = join(service, 'vendor', fileName);
const url = () => `${server.url}/agent-${VERSION}.tgz`;

beforeAll(async () => {
  mkdirSync(service);
  await server.start();
});
afterAll(() => server.remove());

/** Runs `perfscope agent pack` in the folder of the service. */
function pack(...options: string[]) {
  const args = [resolve('dist/bin.js'), 'agent', 'pack', ...options];
  return spawnSync(process.execPath, args, { cwd: service, encoding: 'utf8' });
}

async function download(): Promise<Buffer> {
  const response = await fetch(url());
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

function computeIntegrity(bytes: Buffer): string {
  const hash = execFileSync('openssl', ['dgst', '-sha512', '-binary'], { input: bytes });
  return `sha512-${hash.toString('base64')}`;
}

describe('the agent package', () => {
  it('is offered in the start lines, with its SHA-512', async () => {
    const integrity = computeIntegrity(await download());
    const lines = server.output.split('\n').map((line) => line.replace('perfscope: ', '').trim());
    expect(lines.slice(lines.indexOf('To measure a service, run in its folder:') + 1)).toEqual(
      expect.arrayContaining([
        `curl --fail --create-dirs -o ./vendor/${fileName} ${url()}`,
        `npm install ./vendor/${fileName}`,
        'node --import @perfscope/agent/register app.js',
        `SHA-512 of the agent: ${integrity}`,
      ]),
    );
  });

  it('is the same file from `agent pack`, in vendor by default', async () => {
    const bytes = await download();
    const integrity = computeIntegrity(bytes);
    const packed = pack();
    expect([packed.status, packed.stderr]).toEqual([0, '']);
    expect(packed.stdout).toContain(`Saved ./vendor/${fileName} (`);
    expect(packed.stdout).toContain(`SHA-512: ${integrity}\n`);
    expect(packed.stdout).toMatch(
      /npm install \.\/vendor\/perfscope-agent-.*\n.*node --import @perfscope\/agent\/register app\.js\n$/,
    );
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(JSON.parse(pack('--json').stdout)).toEqual({
      file,
      version: VERSION,
      integrity,
      bytes: bytes.length,
    });
  });

  it('does not overwrite a different file, unless --force is set', async () => {
    expect(pack().stdout).toContain('Already saved: ');
    appendFileSync(file, 'changed');
    const changed = readFileSync(file);
    const rejected = pack();
    expect([rejected.status, rejected.stdout]).toEqual([1, '']);
    expect(rejected.stderr).toContain(`PS_AGENT_FILE_DIFFERS: ${file} already exists`);
    expect(readFileSync(file).equals(changed)).toBe(true);
    expect(pack('--force').status).toBe(0);
    expect(readFileSync(file).equals(await download())).toBe(true);
  });

  it('can be saved in another folder or file', async () => {
    const bytes = await download();
    expect(pack('--output', 'packages/npm').stdout).toContain(
      `npm install ./packages/npm/${fileName}`,
    );
    expect(readFileSync(join(service, 'packages/npm', fileName)).equals(bytes)).toBe(true);
    const other = join(server.folder, 'other.tgz');
    expect(pack('--output', other).stdout).toContain(`npm install ${other}\n`);
    expect(readFileSync(other).equals(bytes)).toBe(true);
    const failed = pack('--output', join(other, 'x.tgz'));
    expect([failed.status, failed.stderr]).toEqual([
      1,
      expect.stringContaining('PS_EXPORT_FAILED'),
    ]);
  });

  it('is installed from the file with the same SHA-512, and again without a server', () => {
    writeFileSync(join(service, 'package.json'), '{ "private": true }');
    const flags = ['--offline', '--legacy-peer-deps', '--no-audit', '--no-fund'];
    const npm = (...args: string[]) => spawnSync('npm', [...args, ...flags], { cwd: service });
    expect(npm('install', `./vendor/${fileName}`).status).toBe(0);
    const lock = JSON.parse(readFileSync(join(service, 'package-lock.json'), 'utf8'));
    expect(lock.packages['node_modules/@perfscope/agent']).toMatchObject({
      version: VERSION,
      resolved: `file:vendor/${fileName}`,
      integrity: computeIntegrity(readFileSync(file)),
    });
    expect(npm('ci').status).toBe(0);
  });

  it('is strict code, so that a wrapped function gets no global object as `this`', () => {
    const code = `
      const { traceFunction, withPerformanceTracking } = require('@perfscope/agent');
      function readThis() { 'use strict'; return this; }
      console.log(traceFunction(readThis)(), withPerformanceTracking(readThis)());`;
    const args = ['--require', '@perfscope/agent/register', '--eval', code];
    const env = { ...process.env, PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1' };
    const { stdout } = spawnSync(process.execPath, args, { cwd: service, env, encoding: 'utf8' });
    expect(stdout).toBe('undefined undefined\n');
  });
});

const INCOMPATIBLE = /Agent (\S+) in service (\S+) is incompatible with server (\S+)\. .*/g;

describe('incompatible versions', () => {
  let restartTime = '';

  it('are logged once by the agent, which still writes rows', async () => {
    const runFolder = join(server.folder, 'newer', 'perfscope');
    mkdirSync(runFolder, { recursive: true });
    const discovery = readFileSync(join(server.folder, 'run/perfscope/server.json'), 'utf8');
    expect(JSON.parse(discovery).version).toBe(VERSION);
    writeFileSync(
      join(runFolder, 'server.json'),
      JSON.stringify({ ...JSON.parse(discovery), version: '9.1.0' }),
    );
    const env = {
      ...server.env,
      XDG_RUNTIME_DIR: join(server.folder, 'newer'),
      OTEL_SERVICE_NAME: 'older',
    };
    const app = new InstrumentedApp('test/apps/steady.mjs', { env });
    await waitFor(async () => {
      const [[count] = []] = await server.sql(
        "SELECT count() FROM performance_metrics WHERE service = 'older' AND name = 'steady'",
      );
      return Number(count) > 100;
    });
    await app.stop();
    expect([...app.output.matchAll(INCOMPATIBLE)].map((match) => [...match])).toEqual([
      [
        expect.stringContaining(`Get agent 9.1.0 from ${server.url}/agent-9.1.0.tgz`),
        VERSION,
        'older',
        '9.1.0',
      ],
    ]);
  });

  it('are logged once by an agent that polls a server on another machine', async () => {
    let requests = 0;
    const remote: Server = createServer((request, response) => {
      requests += 1;
      expect(request.headers).toMatchObject({
        'perfscope-agent-version': VERSION,
        'perfscope-agent-service': 'poller',
      });
      response.writeHead(404, { 'perfscope-version': '9.2.0' }).end();
    });
    await new Promise<void>((done) => remote.listen(0, '127.0.0.1', done));
    const env = {
      ...server.env,
      OTEL_SERVICE_NAME: 'poller',
      PERFORMANCE_SERVER_URL: `http://127.0.0.1:${(remote.address() as AddressInfo).port}`,
    };
    const app = new InstrumentedApp('test/apps/on-rule.mjs', { env, args: ['0'] });
    await waitFor(async () => requests > 1);
    await app.stop();
    remote.close();
    const versions = [...app.output.matchAll(INCOMPATIBLE)].map((match) => match.slice(1));
    expect(versions).toEqual([[VERSION, 'poller', '9.2.0']]);
  });

  it('are logged once by the server, from rows and from requests', async () => {
    const tags = JSON.stringify({
      'telemetry.distro.name': 'perfscope',
      'telemetry.distro.version': '9.3.0',
    });
    await server.sql(`INSERT INTO performance_metrics
      (timestamp, id, metric_type, name, unit, service, instance, tags, value, sum, test)
      VALUES (now(), 'v', 'CUSTOM', 'perfscope.spool.size', 'By', 'newer', 'n1', '${tags}', 0, 0, false)`);
    // The server checks the rows when it starts.
    await waitForWal(server);
    await server.stop();
    restartTime = new Date().toISOString();
    await server.start();
    const headers = { 'perfscope-agent-version': '9.4.0', 'perfscope-agent-service': 'caller' };
    for (let i = 0; i < 2; i++) {
      await fetch(`${server.url}/api/performance/actions`, { headers });
    }
    const readVersions = () =>
      [...server.output.matchAll(INCOMPATIBLE)].map((match) => match.slice(1)).sort();
    await waitFor(async () => readVersions().length >= 2);
    expect(readVersions()).toEqual([
      ['9.3.0', 'newer', VERSION],
      ['9.4.0', 'caller', VERSION],
    ]);
    expect(server.output).toContain(`Get agent ${VERSION} from ${url()}`);
  });

  it("compatible agents export their version, and aren't logged", async () => {
    const [row] = await waitFor(async () => {
      const rows = await server.sql(
        `SELECT DISTINCT tags FROM performance_metrics WHERE service = 'perfscope'
         AND name = 'perfscope.spool.size' AND timestamp >= '${restartTime}'`,
      );
      return rows.length > 0 && rows;
    });
    expect(JSON.parse(String(row?.[0]))).toMatchObject({ 'telemetry.distro.version': VERSION });
    expect(server.output).not.toContain('in service perfscope');
  });
});

it('needs no key, unlike the API', async () => {
  const args = ['keys', 'create', '--role', 'ADMIN', '--name', 'admin'];
  expect((await runPerfscope(args, server.env)).status).toBe(0);
  await waitFor(async () => (await fetch(`${server.url}/api/performance/actions`)).status === 401);
  await download();
});
