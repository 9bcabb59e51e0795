// Runs the stack in docker-compose.yml without containers. Uses the same commands, environments, and health
// checks as the services, but free ports and a temporary folder for the secrets.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { findFreePort } from '../../demo/server-process.ts';
import { parseApiKey } from '../../src/server/access/api-key-secret.ts';
import { stopProcess } from '../../src/storage/questdb/launch-questdb.ts';
import { CollectorProcess } from '../support/collector-process.ts';
import { mapContainerPaths, mapSecretsFolder, readCompose } from '../support/compose.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { QuestdbContainer } from '../support/questdb-container.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const { services } = readCompose();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-stack-'));
const secrets = join(folder, 'secrets');
const secret = (name: string) => readFileSync(join(secrets, name), 'utf8').trim();
const questdb = new QuestdbContainer(folder);
let perfscope: PerfscopeServer;
let demo: Demo | undefined;
const collectors: CollectorProcess[] = [];

function createSecrets(): void {
  const { status, stderr } = spawnSync(process.execPath, ['deploy/secrets.mjs', secrets], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
}

/** Returns a service's environment with addresses and paths that work outside its container. */
function environmentOf(service: string): NodeJS.ProcessEnv {
  const replacements = { ...questdb.addresses, ...mapSecretsFolder(secrets) };
  return mapContainerPaths(services[service]!.environment!, replacements);
}

function queryQuestdb(sql: string): Promise<unknown[][]> {
  return questdb.sql(sql, secret('questdb/writer-password'));
}

function isQuestdbHealthy(): boolean {
  const [, command = '', ...args] = mapContainerPaths(services.questdb!.healthcheck!.test!, {
    '/9003': `/${questdb.ports.min}`,
  });
  return spawnSync(command, args).status === 0;
}

beforeAll(async () => {
  createSecrets();
  await questdb.reservePorts();
  await questdb.start(environmentOf('questdb'));
  perfscope = new PerfscopeServer();
  // Replaces the container name with the loopback address.
  const address = secret('perfscope/questdb-pg-url').replace(
    'questdb:8812',
    `127.0.0.1:${questdb.ports.pg}`,
  );
  const { PERFORMANCE_QUESTDB_PG_URL_FILE: _, ...environment } = environmentOf('perfscope');
  Object.assign(perfscope.env, environment, { PERFORMANCE_QUESTDB_PG_URL: address });
});
afterAll(async () => {
  await demo?.stop();
  for (const collector of collectors) await collector.stop();
  await perfscope?.remove();
  await questdb.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('creates secrets that only their owner can read, and keeps existing secrets', () => {
  const files = readdirSync(secrets, { recursive: true, withFileTypes: true });
  expect(files.filter((each) => each.isFile()).length).toBeGreaterThan(12);
  for (const each of files) {
    const { mode } = statSync(join(each.parentPath, each.name));
    expect([each.name, mode & 0o777]).toEqual([each.name, each.isDirectory() ? 0o700 : 0o400]);
  }
  const copy = join(folder, 'before');
  cpSync(secrets, copy, { recursive: true });
  createSecrets();
  for (const each of files.filter((file) => file.isFile())) {
    const name = join(each.parentPath, each.name).slice(secrets.length + 1);
    expect(secret(name)).toBe(readFileSync(join(copy, name), 'utf8').trim());
  }
  expect(secret('questdb/writer-password')).toMatch(/^[\w-]{32}$/);
  expect(secret('questdb/writer-password')).not.toBe(secret('questdb/reader-password'));
  expect(parseApiKey(secret('gateway/ingest-key'))).toBeDefined();
});

it('starts a healthy QuestDB that accepts only the generated passwords', async () => {
  expect(await waitFor(async () => isQuestdbHealthy())).toBe(true);
  const url = `${questdb.url}/exec?query=SELECT+1`;
  const status = async (user: string, password: string) => {
    const basic = Buffer.from(`${user}:${password}`).toString('base64');
    return (await fetch(url, { headers: { Authorization: `Basic ${basic}` } })).status;
  };
  expect(await status('admin', 'quest')).toBe(401);
  expect(await status('perfscope', secret('questdb/writer-password'))).toBe(200);
});

it('writes the first key to a file only once', async () => {
  const [command, ...args] = mapContainerPaths(
    services['first-key']!.command!,
    mapSecretsFolder(secrets),
  );
  const createKey = () => runPerfscope([command!, ...args], perfscope.env);
  const first = await createKey();
  expect([first.status, first.stdout]).toEqual([0, '']);
  expect(statSync(join(secrets, 'perfscope/admin-key')).mode & 0o777).toBe(0o600);
  const key = secret('perfscope/admin-key');
  expect(first.stderr).not.toContain(key);
  const again = await createKey();
  expect([again.status, again.stderr]).toEqual([
    0,
    expect.stringContaining('A key was already created'),
  ]);
  expect(secret('perfscope/admin-key')).toBe(key);
});

it('stores the key of the gateway only once', async () => {
  const [command, ...args] = mapContainerPaths(
    services['gateway-key']!.command!,
    mapSecretsFolder(secrets),
  );
  const createKey = () => runPerfscope([command!, ...args], perfscope.env);
  expect(await createKey()).toMatchObject({ status: 0, stdout: '' });
  expect((await createKey()).stderr).toContain('A key was already created');
});

it('serves the API with the key and the metrics with the token', async () => {
  await perfscope.start();
  const status = async (path: string, key?: string) => {
    const headers = key === undefined ? {} : { Authorization: `Bearer ${key}` };
    return (await fetch(`${perfscope.url}${path}`, { headers })).status;
  };
  const dashboard = '/api/performance/dashboard';
  expect(await status(dashboard)).toBe(401);
  expect(await status(dashboard, secret('perfscope/admin-key'))).toBe(200);
  expect(await status('/metrics')).toBe(401);
  expect(await status('/metrics', secret('prometheus/metrics-token'))).toBe(200);
  expect(await status(dashboard, secret('prometheus/metrics-token'))).not.toBe(200);
});

it("passes its container's health check", async () => {
  const [, program, ...args] = services.perfscope!.healthcheck!.test!;
  expect(program).toBe('perfscope');
  const env = { ...perfscope.env, HOST: '0.0.0.0', PORT: new URL(perfscope.url).port };
  const healthy = await waitFor(async () => {
    const run = await runPerfscope(args, env);
    return run.status === 0 && run;
  });
  expect([healthy.status, healthy.stdout, healthy.stderr]).toEqual([0, '', '']);
  expect(await runPerfscope([...args, `${perfscope.url}/nowhere`], env)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/PS_NOT_READY.*HTTP 404/),
  });
  expect((await runPerfscope([...args, 'perfscope'], env)).status).toBe(2);
});

it('starts a Redis that requires the password', async () => {
  const port = String(await findFreePort());
  const [command = '', ...args] = mapContainerPaths(
    services.redis!.command!,
    mapSecretsFolder(secrets),
  );
  const redis = spawn(command, [...args, '--port', port, '--bind', '127.0.0.1'], { cwd: folder });
  try {
    const [, check = ''] = mapContainerPaths(services.redis!.healthcheck!.test!, {
      'redis-cli': `redis-cli -p ${port}`,
    });
    expect(await waitFor(async () => spawnSync('sh', ['-c', check]).status === 0)).toBe(true);
    const url = secret('demo/redis-url').replace('redis:6379', `127.0.0.1:${port}`);
    const ping = (...args: string[]) =>
      spawnSync('redis-cli', [...args, 'ping'], { encoding: 'utf8' });
    expect(ping('--no-auth-warning', '-u', url).stdout).toBe('PONG\n');
    expect(ping('-p', port).stdout).toContain('NOAUTH');
  } finally {
    await stopProcess(redis);
  }
});

it('stores the metrics of a demo that does not start its own server', async () => {
  const port = await findFreePort();
  const env = { ...perfscope.env, DEMO_PORT: String(port) };
  demo = new Demo({
    fast: true,
    withoutServer: true,
    env,
    log: () => {},
  });
  await demo.start();
  expect(demo.serviceUrl).toBe(`http://127.0.0.1:${port}`);
  const [, , ...args] = mapContainerPaths(services.demo!.healthcheck!.test!, {
    ':4100': `:${port}`,
  });
  await waitFor(async () => (await runPerfscope(args, env)).status === 0);
  const requests = await waitFor(async () => {
    const [row] = await queryQuestdb(
      "SELECT sum(count) FROM performance_metrics WHERE service = 'booking'",
    );
    return Number(row?.[0]) > 10 && Number(row?.[0]);
  });
  expect(requests).toBeGreaterThan(10);
  await demo.stop();
});

/** Starts a Collector with the files and the environment of its container, but listens only on loopback. */
async function startCollector(service: string, perfscopeUrl: string): Promise<CollectorProcess> {
  const files = services[service]!.command!.map((each) =>
    each.replace('--config=/etc/otelcol/', ''),
  );
  const collector = await CollectorProcess.start({
    files,
    queueDir: join(folder, service),
    env: {
      ...(environmentOf(service) as Record<string, string>),
      COLLECTOR_HOST: '127.0.0.1',
      HOST_ROOT: '/',
      HOST_NAME: 'docker-host',
      PERFSCOPE_URL: perfscopeUrl,
    },
  });
  collectors.push(collector);
  return collector;
}

it('stores the host metrics of the Collector, through the gateway', async () => {
  expect(environmentOf('collector').PERFSCOPE_URL).toBe('http://gateway:4318');
  expect(environmentOf('gateway').PERFSCOPE_URL).toBe('http://perfscope:4001');
  const gateway = await startCollector('gateway', perfscope.url);
  await startCollector('collector', gateway.url());
  const row = await waitFor(async () => {
    const [found] = await queryQuestdb(
      "SELECT memory_usage FROM system_health WHERE host = 'docker-host' AND memory_usage > 0",
    );
    return found;
  });
  expect(row[0]).toBeLessThan(100);
  const page = await (await fetch(`${gateway.url('PROMETHEUS_PORT')}/metrics`)).text();
  expect(page).toMatch(/^system_memory_usage_bytes\{/m);
});

it('is unhealthy while QuestDB is down and recovers after a restart', async () => {
  const check = () => runPerfscope(['healthcheck', `${perfscope.url}/readyz`], perfscope.env);
  await questdb.stop();
  expect(isQuestdbHealthy()).toBe(false);
  const unhealthy = await waitFor(async () => {
    const run = await check();
    return run.status !== 0 && run;
  });
  expect(unhealthy).toMatchObject({ status: 1, stderr: expect.stringContaining('HTTP 503') });
  await questdb.start(environmentOf('questdb'));
  await waitFor(async () => isQuestdbHealthy());
  expect(await waitFor(async () => (await check()).status === 0)).toBe(true);
});
