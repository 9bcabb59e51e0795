import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresServer } from '../../demo/database-servers.ts';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { MAX_SERIES } from '../../src/agent/instrumentation/histograms/cardinality-limit.ts';
import { REPEATED_STATEMENTS_METRIC_NAME } from '../../src/core/request-breakdown.ts';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { waitFor } from '../support/wait-for.ts';

/** The long texts, and the names of the second half, would need at least ten times as much. */
const MAX_GROWTH_BYTES = 5_000_000;
/** Node.js 26 often doesn't keep the whole text in memory if the agent keeps a part. */
const NODE = 24;

/** What the program did. */
interface ProgramResult {
  /** Memory before and after the long texts, in bytes. */
  readonly start: number;
  readonly long: number;
  /** Memory after half of the names, and after all names, in bytes. */
  readonly half: number;
  readonly end: number;
  readonly totals: Record<
    'statements' | 'calls' | 'requests' | 'repeating' | 'errors' | 'metrics' | 'jobs',
    number
  >;
}

const postgres = new PostgresServer();
const questdb = new ExternalQuestdb({ isShared: true });
beforeAll(() => Promise.all([postgres.start(), questdb.start()]));
afterAll(() => Promise.all([postgres.remove(), questdb.remove()]));

async function checkManyNames(count: number): Promise<void> {
  const service = `many-${count}`;
  const app = new InstrumentedApp('test/apps/many-names.cjs', {
    node: nodeBinary(NODE),
    flags: ['--expose-gc', '--import', resolve('dist/agent-package/register.js')],
    args: [String(count)],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      OTEL_SERVICE_NAME: service,
      DATABASE_URL: postgres.url,
      // The budget would omit repeated statements while the program is busy only with the agent.
      PERFORMANCE_AGENT_MAX_CPU: '0',
      PERFORMANCE_ORGANIZATION_HEADER: 'x-organization-id',
      PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool-${count}`,
      ...questdb.env,
    },
  });
  expect(await app.exited, app.output).toBe(0);
  const { start, long, half, end, totals: done } = JSON.parse(app.stdout) as ProgramResult;
  expect(long - start).toBeLessThan(MAX_GROWTH_BYTES);
  expect(end - half).toBeLessThan(MAX_GROWTH_BYTES);

  const expected = {
    'db.client.operation.duration': done.statements,
    'http.client.request.duration': done.calls,
    'http.server.request.duration': done.requests,
    [REPEATED_STATEMENTS_METRIC_NAME]: done.repeating,
  };
  const totals = await waitFor(async () => {
    const rows = await questdb.sql(
      `SELECT name, sum(count), count_distinct(endpoint), count_distinct(organization_id)
       FROM performance_metrics WHERE service = '${service}' AND name IN ('${Object.keys(expected).join("','")}') ORDER BY name`,
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
  expect(metrics).toEqual([done.metrics, MAX_SERIES + 1, MAX_SERIES + 1]);
  const [jobs] = await questdb.sql(
    `SELECT count(), count_distinct(queue_name) FROM queue_metrics WHERE service = '${service}'`,
  );
  expect(jobs).toEqual([done.jobs, MAX_SERIES + 1]);
  const [errors] = await questdb.sql(
    `SELECT sum(count) FROM error_logs WHERE service = '${service}'`,
  );
  expect(errors).toEqual([done.errors]);
}

it('keeps memory flat and totals exact with 4,000 names of each kind', () => checkManyNames(4000));

// Long: CI runs the same test with fewer names.
it('keeps memory flat and totals exact with one million names of each kind', { tags: 'long' }, () =>
  checkManyNames(1_000_000),
);
