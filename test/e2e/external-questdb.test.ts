import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';
import { waitForWal } from '../support/wait-for-rollups.ts';

const questdb = new ExternalQuestdb();
let server: PerfscopeServer;
beforeAll(async () => {
  await questdb.start();
  server = new PerfscopeServer(questdb.env);
});
afterAll(async () => {
  await server.remove();
  await questdb.remove();
});

it('migrates once if several processes start at the same time', async () => {
  const codes = await Promise.all(
    Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['dist/bin.js', 'migrate'], { env: server.env });
      return new Promise((done) => child.once('exit', done));
    }),
  );
  expect(codes).toEqual([0, 0, 0, 0]);
  const tables = (await questdb.sql('SELECT table_name FROM tables()')).flat();
  expect(tables).toEqual(
    expect.arrayContaining([
      ...['performance_metrics', 'metric_buckets', 'queue_metrics', 'system_health'],
    ]),
  );
  await waitForWal(questdb);
  const versions = await questdb.sql('SELECT version FROM schema_migrations');
  expect(versions).not.toEqual([]);
  expect(new Set(versions.flat()).size).toBe(versions.length);
  expect((await runPerfscope(['migrate'], server.env)).stdout).toContain('No changes');
});

it('uses an existing QuestDB and does not stop it', async () => {
  await server.start();
  await waitFor(async () => (await fetch(`${server.url}/readyz`)).status === 200);
  const path = '/api/performance/test?action=';
  expect(await server.get(`${path}setup`)).toMatchObject({ ok: true, schema: { applied: [] } });
  expect(await server.get(`${path}test-metrics`)).toMatchObject({ written: 20, readBack: 20 });
  expect(await server.stop()).toBe(0);
  expect(await questdb.sql('SELECT 1')).toEqual([[1]]);
});

it('is not ready while QuestDB is down', async () => {
  await server.start();
  await questdb.kill();
  const response = await waitFor(async () => {
    const found = await fetch(`${server.url}/readyz`);
    return found.status === 503 && found;
  });
  expect(await response.json()).toMatchObject({ code: 'PS_UNAVAILABLE' });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  await questdb.start();
  await waitFor(async () => (await fetch(`${server.url}/readyz`)).status === 200);
  await server.stop();
});

it('rejects a schema from a newer version', async () => {
  await questdb.sql(
    "INSERT INTO schema_migrations VALUES ('2026-01-01', 999, 'tomorrow', '2026-01-01')",
  );
  await waitForWal(questdb);
  for (const command of ['migrate', 'serve']) {
    const run = await runPerfscope([command], server.env);
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/PS_SCHEMA_NEWER.*999.*Upgrade/);
  }
});

it('lists the settings to check if the password is wrong', async () => {
  const env = { ...server.env, PERFORMANCE_QUESTDB_PASSWORD: 'no' };
  const run = await runPerfscope(['migrate'], env);
  expect(run.status).toBe(1);
  expect(run.stderr).toMatch(/PS_QUESTDB_REFUSED.*PERFORMANCE_QUESTDB_USER/);
  expect(run.stderr).not.toContain('write-secret');
});
