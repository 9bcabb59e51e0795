import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../../../../src/core/config/questdb-targets.ts';
import { COVERAGE_METRIC } from '../../../../src/core/coverage-metric.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { recommendServiceReplicas } from '../../../../src/server/actions/scaling/service-recommendation.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { queryDashboard } from '../../../../src/storage/queries/dashboard-query.ts';
import { queryCrashes } from '../../../../src/storage/queries/process-crashes.ts';
import { floorTo } from '../../../../src/storage/queries/time-range.ts';
import { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { insertRows } from '../../../support/insert-rows.ts';
import { waitForWal } from '../../../support/wait-for-rollups.ts';

/** A restart: the old processes ended ten minutes before the new ones report for the last time. */
const END_MS = floorTo(Date.now(), MINUTE_MS) - 30 * MINUTE_MS;
const RESTART_MS = END_MS - 10 * MINUTE_MS;
const PROCESSES = [
  { instance: 'old-1', status: 'unhealthy', lastMs: RESTART_MS },
  { instance: 'old-2', status: 'degraded', lastMs: RESTART_MS },
  { instance: 'new-1', status: 'healthy', lastMs: END_MS - 10_000 },
  { instance: 'new-2', status: 'healthy', lastMs: END_MS - 20_000 },
];

/** Short scripts, days before the other processes. Three of them ended normally. */
const SCRIPTS_MS = RESTART_MS - 3 * DAY_MS;
const SCRIPTS = [
  { instance: 'script-1', statuses: ['healthy', 'stopped'] },
  { instance: 'script-2', statuses: ['unhealthy'] },
  { instance: 'script-3', statuses: ['stopped'] },
  { instance: 'script-4', statuses: ['healthy', 'degraded'] },
  { instance: 'script-5', statuses: ['degraded', 'stopped'] },
].map((each, i) => ({ ...each, startMs: SCRIPTS_MS + i * MINUTE_MS }));

const questdb = new ExternalQuestdb({ isShared: true });
let queryClient: QuestdbQueryClient;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  const reports = PROCESSES.flatMap(({ lastMs, ...row }) =>
    [0, 1, 2, 3].map((i) => ({ ...row, service: 'hotel', timestamp: lastMs - i * MINUTE_MS })),
  );
  await insertRows(
    questdb,
    'system_health',
    reports.map((row, i) => ({ ...row, id: `health ${i}`, host: 'db-1', processCpuUsage: 25 })),
  );
  await insertRows(
    questdb,
    'system_health',
    SCRIPTS.flatMap(({ instance, statuses, startMs }) =>
      statuses.map((status, i) => {
        const id = `${instance} ${i}`;
        return { id, instance, service: 'scripts', status, timestamp: startMs + 1000 * i };
      }),
    ),
  );
  const metrics = reports.flatMap(({ status: _, ...row }) => [
    {
      ...row,
      metricType: 'DATABASE_CONNECTIONS',
      name: 'db.client.connection.count',
      endpoint: 'pool',
      operation: 'used',
      value: 4,
    },
    {
      ...row,
      metricType: 'DATABASE_CONNECTIONS',
      name: 'db.client.connection.count',
      endpoint: 'pool',
      operation: 'idle',
      value: 1,
    },
    {
      ...row,
      metricType: 'API_RESPONSE_TIME',
      name: 'http.server.request.duration',
      endpoint: '/',
      count: 60,
      sum: 600,
      value: 10,
    },
    {
      ...row,
      metricType: 'CUSTOM',
      name: 'perfscope.queue.workers',
      endpoint: row.instance.startsWith('old') ? 'old queue' : 'new queue',
      value: 2,
    },
    {
      ...row,
      metricType: 'QUEUE_DEPTH',
      name: 'perfscope.queue.depth',
      endpoint: row.instance.startsWith('old') ? 'old queue' : 'new queue',
      operation: 'waiting',
      value: 7,
    },
  ]);
  const coverage = SCRIPTS.map(({ instance, startMs }) => ({
    ...{ instance, service: 'scripts', metricType: 'CUSTOM', name: COVERAGE_METRIC },
    ...{ endpoint: 'pg', operation: '8.23.1', value: 1, timestamp: startMs },
  }));
  await insertRows(
    questdb,
    'performance_metrics',
    [...metrics, ...coverage].map((row, i) => ({ ...row, id: `metric ${i}`, test: false })),
  );
  await waitForWal(questdb);
  queryClient = new QuestdbQueryClient(
    getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read,
  );
});
afterAll(async () => {
  await queryClient?.close();
  await questdb.remove();
});

it.each([
  ['short', 25],
  ['long', 24 * 60],
])(
  'counts only the processes that are running at the end of a %s range',
  async (_title, minutes) => {
    const range = { fromMs: END_MS - minutes * MINUTE_MS, toMs: END_MS };
    const { systemHealth, database, queues } = await queryDashboard(
      queryClient,
      { scope: UNRESTRICTED_SCOPE, range },
      'utc',
    );
    expect(systemHealth.map(({ instance }) => instance).sort()).toEqual(['new-1', 'new-2']);
    expect(systemHealth[0]).toMatchObject({ status: 'healthy', host: 'db-1', processCpuUsage: 25 });
    expect(database.connections).toBe(10);
    expect(queues.map(({ queue, workers, depth }) => [queue, workers, depth])).toEqual([
      ['new queue', 2, 7],
      ['old queue', undefined, 7],
    ]);
  },
);

it('counts the processes that were running at the end of a range in the past', async () => {
  const range = { fromMs: RESTART_MS - 20 * MINUTE_MS, toMs: RESTART_MS + MINUTE_MS };
  const { systemHealth, database } = await queryDashboard(
    queryClient,
    { scope: UNRESTRICTED_SCOPE, range },
    'utc',
  );
  expect(systemHealth.map(({ instance }) => instance).sort()).toEqual(['old-1', 'old-2']);
  expect(database.connections).toBe(10);
});

it('compares the recommended replicas with the running processes', async () => {
  const target = { waitMs: 1000, concurrency: 1, min: 0, max: 100 };
  const [hotel] = await recommendServiceReplicas(queryClient, {
    scope: UNRESTRICTED_SCOPE,
    filter: {},
    target,
    stabilizationMs: 20 * MINUTE_MS,
    now: END_MS,
  });
  expect(hotel?.current).toBe(2);
});

it('counts only processes that did not end normally as crashes', async () => {
  const range = { fromMs: SCRIPTS_MS - MINUTE_MS, toMs: SCRIPTS_MS + HOUR_MS };
  const query = { scope: UNRESTRICTED_SCOPE, range, groupBy: ['service'] } as const;
  expect(await queryCrashes(queryClient, query, MINUTE_MS)).toMatchObject([
    { group: { service: 'scripts' }, count: 2 },
  ]);
});
