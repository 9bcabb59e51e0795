import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';

const questdb = new ExternalQuestdb();
let product: PerfscopeServer;
beforeAll(async () => {
  await questdb.start();
  product = new PerfscopeServer(questdb.env);
});
afterAll(async () => {
  await product.remove();
  await questdb.remove();
});

it('migrates once, however many try at the same time', async () => {
  const codes = await Promise.all(
    Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['dist/bin.js', 'migrate'], { env: product.env });
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
  const versions = await questdb.sql('SELECT version FROM schema_migrations');
  expect(new Set(versions.flat()).size).toBe(versions.length);
  expect(runPerfscope(['migrate'], product.env).stdout).toContain('No changes');
});

it('serves from an existing QuestDB, and leaves it running', async () => {
  await product.start();
  expect((await fetch(`${product.url}/readyz`)).status).toBe(200);
  const path = '/api/performance/test?action=';
  expect(await product.get(`${path}setup`)).toMatchObject({ ok: true, schema: { applied: [] } });
  expect(await product.get(`${path}test-metrics`)).toMatchObject({ written: 20, readBack: 20 });
  expect(await product.stop()).toBe(0);
  expect(await questdb.sql('SELECT 1')).toEqual([[1]]);
});

it('says that it is not ready while QuestDB is away, and is again afterwards', async () => {
  await product.start();
  await questdb.kill();
  const away = await fetch(`${product.url}/readyz`);
  expect([away.status, ((await away.json()) as { code: string }).code]).toEqual([
    ...[503, 'PS_UNAVAILABLE'],
  ]);
  expect((await fetch(`${product.url}/healthz`)).status).toBe(200);
  await questdb.start();
  expect((await fetch(`${product.url}/readyz`)).status).toBe(200);
  await product.stop();
});

it('refuses a schema that a newer version made', async () => {
  await questdb.sql(
    "INSERT INTO schema_migrations VALUES ('2026-01-01', 999, 'tomorrow', '2026-01-01')",
  );
  for (const verb of ['migrate', 'serve']) {
    const run = runPerfscope([verb], product.env);
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/PS_SCHEMA_NEWER.*999.*Upgrade/);
  }
});

it('says which setting to check when the password is wrong', () => {
  const run = runPerfscope(['migrate'], { ...product.env, PERFORMANCE_QUESTDB_PASSWORD: 'no' });
  expect(run.status).toBe(1);
  expect(run.stderr).toMatch(/PS_QUESTDB_REFUSED.*PERFORMANCE_QUESTDB_USER/);
  expect(run.stderr).not.toContain('write-secret');
});
