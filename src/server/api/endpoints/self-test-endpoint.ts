import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { PerformanceMetricType, QueueJobStatus } from '../../../core/schema/enums.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { queryDashboard, toDashboardQuery } from '../../../storage/queries/dashboard-query.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromTable, type Sql, sql } from '../../../storage/sql/sql-builder.ts';
import { defineEndpoint, type EndpointDependencies } from '../endpoint-definition.ts';
import { cleanUpMetrics } from './clean-up-metrics.ts';

/** Actions of `/api/performance/test`. Each performs a real operation and returns the result. */
const TEST_ACTION_HANDLERS = {
  setup: async (dependencies) => {
    const { conflicts, ...report } = await dependencies.migrate();
    return { schema: { ...report, conflicts: conflicts.map(({ message }) => message) } };
  },
  'test-metrics': writeTestMetrics,
  'test-queue': writeTestJobs,
  health: (dependencies) => dependencies.health.getHealthSnapshot(),
  dashboard: ({ queryClient, zone }, scope) =>
    queryDashboard(queryClient, toDashboardQuery({ includeTest: true }, scope), zone),
  'start-monitoring': async ({ health, healthIntervalMs }) => {
    health.startMonitoring(healthIntervalMs);
    return { monitoring: health.isMonitoring, intervalMs: healthIntervalMs };
  },
  'stop-monitoring': async ({ health }) => {
    health.stopMonitoring();
    return { monitoring: health.isMonitoring };
  },
  cleanup: (dependencies) => cleanUpMetrics(dependencies),
} as const satisfies Readonly<
  Record<string, (dependencies: EndpointDependencies, scope: TenantScope) => Promise<object>>
>;

export type TestAction = keyof typeof TEST_ACTION_HANDLERS;
const TEST_ACTION_NAMES = Object.keys(TEST_ACTION_HANDLERS) as [TestAction, ...TestAction[]];

export const testEndpoint = defineEndpoint({
  path: '/api/performance/test',
  methods: ['get', 'post'],
  summary: 'Performs a real operation for testing and returns the result.',
  permission: 'test',
  isMutating: true,
  query: z.strictObject({
    action: z
      .enum(TEST_ACTION_NAMES)
      .describe(`Action to perform: one of ${TEST_ACTION_NAMES.join(', ')}.`),
  }),
  response: z.looseObject({ action: z.enum(TEST_ACTION_NAMES), ok: z.literal(true) }),
  handle({ query, dependencies, scope, principal, address }) {
    const { action } = query;
    dependencies.access.audit({
      author: principal.subject,
      action: `test.${action}`,
      object: '',
      address,
    });
    return runTestAction(action, dependencies, scope);
  },
});

async function runTestAction(
  action: TestAction,
  dependencies: EndpointDependencies,
  scope: TenantScope,
) {
  return {
    action,
    ok: true as const,
    ...(await TEST_ACTION_HANDLERS[action](dependencies, scope)),
  };
}

const TEST_METRIC_COUNT = 20;
const TEST_JOB_COUNT = 5;
const VISIBILITY_TIMEOUT_MS = 10_000;
const TEST_NAME = 'perfscope.test';
const toMetricCountQuery = (
  since: Date,
) => sql`SELECT count() AS rows ${fromTable('performance_metrics')}
  AND test = true AND count > 0 AND timestamp >= ${since}`;
const toJobCountQuery = (since: Date) => sql`SELECT count() AS rows ${fromTable('queue_metrics')}
  AND test = true AND created_at >= ${since} AND timestamp >= ${since}`;

async function writeTestMetrics({
  recorder,
  queryClient,
  flush,
}: EndpointDependencies): Promise<object> {
  const since = new Date();
  for (let i = 0; i < TEST_METRIC_COUNT; i++) {
    recorder.recordMetric({
      metricType: PerformanceMetricType.CUSTOM,
      name: TEST_NAME,
      value: 10 + i,
      unit: 'ms',
      operation: 'test-metrics',
      test: true,
    });
  }
  await flush();
  return {
    written: TEST_METRIC_COUNT,
    readBack: await waitForRows(queryClient, toMetricCountQuery(since), TEST_METRIC_COUNT),
  };
}

async function writeTestJobs({
  recorder,
  queryClient,
  flush,
}: EndpointDependencies): Promise<object> {
  const since = new Date();
  const startMs = since.getTime();
  for (let i = 0; i < TEST_JOB_COUNT; i++) {
    const job = { queueName: TEST_NAME, jobId: `${startMs}-${i}`, jobType: 'test', test: true };
    const times = { createdAt: startMs, startedAt: startMs + 5 };
    recorder.recordQueueMetric({ ...job, status: QueueJobStatus.WAITING, createdAt: startMs + 1 });
    recorder.recordQueueMetric({
      ...job,
      ...times,
      status: QueueJobStatus.COMPLETED,
      completedAt: startMs + 25,
      waitTime: 5,
      duration: 20,
      attempts: 1,
    });
  }
  await flush();
  return {
    jobs: TEST_JOB_COUNT,
    written: 2 * TEST_JOB_COUNT,
    readBack: await waitForRows(queryClient, toJobCountQuery(since), 2 * TEST_JOB_COUNT),
  };
}

/** Waits up to 10 s until the rows are visible, because QuestDB applies acknowledged rows later. */
async function waitForRows(
  queryClient: QueryClient,
  statement: Sql,
  expected: number,
): Promise<number> {
  const deadline = Date.now() + VISIBILITY_TIMEOUT_MS;
  for (;;) {
    const [row] = await queryClient.read(UNRESTRICTED_SCOPE, statement);
    const rows = Number(row?.rows ?? 0);
    if (rows >= expected || Date.now() > deadline) return rows;
    await delay(50);
  }
}
