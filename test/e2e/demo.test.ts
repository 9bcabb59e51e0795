import { Queue } from 'bullmq';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { fingerprintSql } from '../../src/core/sql/sql-fingerprint.ts';
import { checkDashboards, openReadOnly } from '../support/check-dashboards.ts';
import { expectRows } from '../support/expect-rows.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

/** Number of responses after which the traffic stops. */
const RESPONSE_COUNT = 300;
const QUEUES = ['confirmation-emails', 'invoices', 'night-audit'];

const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '1000' });
const demo = new Demo({ fast: true, scenarios: ['error-burst'], env: server.env, log: () => {} });
beforeAll(() => demo.start());
afterAll(async () => {
  await demo.stop();
  await server.remove();
});

it('measures the same counts as the traffic generator, PostgreSQL, and Redis', async () => {
  await waitFor(async () => {
    const responses = [...demo.traffic!.responses];
    const count = responses.reduce((sum, [, each]) => sum + each, 0);
    const hasFailed = responses.some(([key]) => key.endsWith(' 500'));
    return count >= RESPONSE_COUNT && hasFailed;
  });
  const listActiveQueues = () =>
    server.sql(
      `SELECT DISTINCT queue_name FROM queue_metrics WHERE status IN ('completed', 'failed')
       ORDER BY queue_name`,
    );
  await expectRows(
    listActiveQueues,
    QUEUES.map((name) => [name]),
  );
  await demo.stopService();

  const sent = new Map<string, number[]>();
  for (const [key, count] of demo.traffic!.responses) {
    const [method, route, organization, property, status] = key.split(' ');
    const endpoint = `/api/properties/:property/${route}`;
    const group = JSON.stringify([endpoint, method, organization, property]);
    const counts = sent.get(group) ?? [0, 0, 0, 0];
    sent.set(group, counts);
    counts[Number(status![0]) - 2]! += count;
  }
  const expected = [...sent].map(([group, counts]) => [...JSON.parse(group), ...counts]);
  await expectRows(async () => (await server.sql(API)).sort(byText), expected.sort(byText));

  const statements = await countStatements();
  await expectRows(
    async () => (await server.sql(DATABASE)).map(withoutParameters).sort(byText),
    statements,
  );

  const { hostname: host, port } = new URL(demo.redis!.url);
  for (const name of QUEUES) {
    const queue = new Queue(name, { connection: { host, port: Number(port) } });
    const jobCounts = await queue.getJobCounts(
      'waiting',
      'active',
      'delayed',
      'prioritized',
      'failed',
    );
    // The agent records the next audit job, which is delayed, when it next reads the queue.
    const condition = name === 'night-audit' ? ` AND status != 'delayed'` : '';
    const readCounts = async () => {
      const [[finished, jobs, failed] = []] = await server.sql(
        `SELECT count(), count_distinct(job_id), sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END)
         FROM queue_metrics WHERE queue_name = '${name}' AND status IN ('completed', 'failed')`,
      );
      const [[added] = []] = await server.sql(
        `SELECT count_distinct(job_id) FROM queue_metrics WHERE queue_name = '${name}'${condition}`,
      );
      const repeated = Number(finished) - Number(jobs);
      return [[repeated, failed ?? 0, Number(added) - Number(finished)]];
    };
    const waiting =
      jobCounts.waiting! + jobCounts.active! + jobCounts.delayed! + jobCounts.prioritized!;
    const unfinished = name === 'night-audit' ? 0 : waiting;
    await expectRows(readCounts, [[0, jobCounts.failed, unfinished]]);
    expect(
      await server.sql(
        `SELECT job_id FROM queue_metrics WHERE queue_name = '${name}' AND status IN ('completed', 'failed')
         AND (created_at > started_at OR started_at > coalesce(completed_at, failed_at))`,
      ),
    ).toEqual([]);
    await queue.close();
  }
  await expectRows(
    () =>
      server.sql(
        `SELECT metric_type, count_distinct(property_id) FROM performance_metrics
         WHERE metric_type IN ('ACTIVE_USERS', 'ONGOING_RESERVATIONS') ORDER BY metric_type`,
      ),
    [
      ['ACTIVE_USERS', 4],
      ['ONGOING_RESERVATIONS', 4],
    ],
  );
});

it('has data for the Grafana dashboards', async () => {
  const client = await openReadOnly(server.questdb.read);
  let organizations: readonly object[] = [];
  const listEmptyPanels = async () => {
    const toMs = Date.now();
    const results = await checkDashboards(client, { fromMs: toMs - 15 * 60_000, toMs });
    organizations = results.get('perfscope-overview: $organization')!.rows;
    return [...results.values()]
      .filter(({ name, rows }) => rows.length === 0 && !EMPTY_PANELS.test(name))
      .map(({ name }) => [name]);
  };
  await expectRows(listEmptyPanels, []);
  await client.end();
  const names = ['(none)', 'city-inns', 'grand-hotels'];
  expect(organizations).toEqual(names.map((name) => ({ name })));
});

/** Panels for problems and events that don't always occur in the demo, or that need a day of data. */
const EMPTY_PANELS =
  /Failed outgoing calls|[Dd]ropped|Alert|alert|Incidents|Deploys|Noise|Remaining error budgets|Setting values|Decisions|Slow and failed requests|Streams|New versions|Repeated statements|OTLP|Forecasts|normal values/;

const API = `SELECT endpoint, operation, organization_id, property_id,
  sum(count_2xx), sum(count_3xx), sum(count_4xx), sum(count_5xx)
  FROM performance_metrics WHERE service = 'booking' AND metric_type = 'API_RESPONSE_TIME'`;
const DATABASE = `SELECT endpoint, sum(count) FROM performance_metrics
  WHERE service = 'booking' AND metric_type = 'DATABASE_QUERY_TIME'`;

/** Returns the calls of each service statement, as counted by PostgreSQL. Excludes setup statements. */
async function countStatements(): Promise<unknown[][]> {
  const client = new pg.Client(demo.postgres!.url);
  await client.connect();
  try {
    await client.query('CREATE EXTENSION pg_stat_statements');
    const { rows } = await client.query('SELECT query, calls::int FROM pg_stat_statements');
    const sums = new Map<string, number>();
    for (const { query, calls } of rows) {
      if (
        /CREATE|ALTER|DROP|GRANT|REVOKE|INTO rooms|generate_series\(1|generate_series\(\$|AS rooms|pg_stat/.test(
          query,
        ) &&
        !/LEFT JOIN/.test(query)
      )
        continue;
      const [text] = withoutParameters([fingerprintSql(query, 'postgresql').text, 0]);
      sums.set(text, (sums.get(text) ?? 0) + calls);
    }
    return [...sums].sort(byText);
  } finally {
    await client.end();
  }
}

/** Replaces numbered parameters, because PostgreSQL also replaces literals with parameters. */
function withoutParameters([text, count]: unknown[]): [string, unknown] {
  const plain = String(text).replaceAll(/\$\d+/g, '?').replaceAll(/\(…\)/g, '(?)');
  return [plain, count];
}

function byText(a: unknown[], b: unknown[]): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
