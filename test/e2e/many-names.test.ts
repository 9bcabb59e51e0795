import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresServer } from '../../demo/database-servers.ts';
import { MAX_SERIES } from '../../src/agent/instrumentation/histograms/cardinality-limit.ts';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { waitFor } from '../support/wait-for.ts';

/** The names of the second half would need ten times as much. */
const MAX_GROWTH_BYTES = 8_000_000;

const postgres = new PostgresServer();
const questdb = new ExternalQuestdb();
beforeAll(() => Promise.all([postgres.start(), questdb.start()]));
afterAll(() => Promise.all([postgres.remove(), questdb.remove()]));

async function checkManyNames(count: number): Promise<void> {
  const service = `many-${count}`;
  const app = new InstrumentedApp('test/apps/many-names.cjs', {
    flags: ['--expose-gc', '--import', resolve('dist/agent-package/register.js')],
    args: [String(count)],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      OTEL_SERVICE_NAME: service,
      DATABASE_URL: postgres.url,
      PERFORMANCE_ORGANIZATION_HEADER: 'x-organization-id',
      PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool-${count}`,
      ...questdb.env,
    },
  });
  expect(await app.exited, app.output).toBe(0);
  const { half, end } = JSON.parse(app.stdout) as { half: number; end: number };
  expect(end - half).toBeLessThan(MAX_GROWTH_BYTES);

  const expected = {
    'db.client.operation.duration': 2 * count,
    'http.client.request.duration': 3 * count,
    'http.server.request.duration': 3 * count,
  };
  const totals = await waitFor(async () => {
    const rows = await questdb.sql(
      `SELECT name, sum(count), count_distinct(endpoint), count_distinct(organization_id)
       FROM performance_metrics WHERE service = '${service}' AND metric_type != 'CUSTOM'
         AND name IN ('${Object.keys(expected).join("','")}') ORDER BY name`,
    );
    const sums = rows.map(([name, sum]) => [String(name), Number(sum)] as const);
    return sums.every(([name, sum]) => sum >= expected[name as keyof typeof expected]) && rows;
  });
  expect(Object.fromEntries(totals.map(([name, sum]) => [name, sum]))).toEqual(expected);
  for (const [, , endpoints, tenants] of totals) {
    expect(endpoints).toBeLessThanOrEqual(MAX_SERIES + 1);
    expect(tenants).toBeLessThanOrEqual(MAX_SERIES + 1);
  }

  const [metrics] = await questdb.sql(
    `SELECT sum(count), count_distinct(name), count_distinct(endpoint)
     FROM performance_metrics
     WHERE service = '${service}' AND (name LIKE 'metric-%' OR name = '(other)')`,
  );
  expect(metrics).toEqual([count, MAX_SERIES + 1, MAX_SERIES + 1]);
  const [jobs] = await questdb.sql(
    `SELECT count(), count_distinct(queue_name) FROM queue_metrics WHERE service = '${service}'`,
  );
  expect(jobs).toEqual([count, MAX_SERIES + 1]);
  const [errors] = await questdb.sql(
    `SELECT sum(count) FROM error_logs WHERE service = '${service}'`,
  );
  expect(errors).toEqual([count]);
}

it('keeps memory flat and totals exact with 6,000 names of each kind', () => checkManyNames(6000));

// Long: CI runs the same test with fewer names.
it('keeps memory flat and totals exact with one million names of each kind', { tags: 'long' }, () =>
  checkManyNames(1_000_000),
);
