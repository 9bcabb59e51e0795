import { setTimeout as delay } from 'node:timers/promises';
import { from, type Sql, sql } from '../questdb/statement.ts';
import { PerformanceMetricType, QueueJobStatus } from '../schema/metric-type.ts';
import { EVERYTHING, type Scope } from '../schema/scope.ts';
import { dashboard, questionOf } from '../windows/dashboard.ts';
import type { Store } from '../windows/store.ts';
import { cleanup } from './cleanup.ts';
import type { Parts } from './parts.ts';

const METRICS = 20;
const JOBS = 5;
const VISIBLE_WITHIN_MS = 10_000;
const NAME = 'perfscope.test';
const countMetrics = (since: Date) => sql`SELECT count() AS rows ${from('performance_metrics')}
  AND test = true AND count > 0 AND timestamp >= ${since}`;
const countJobs = (since: Date) => sql`SELECT count() AS rows ${from('queue_metrics')}
  AND test = true AND created_at >= ${since} AND timestamp >= ${since}`;

/** The actions of `/api/performance/test`. Each does the real thing and says what it did. */
const ACTIONS = {
  setup: async (parts) => ({ schema: await parts.migrate() }),
  'test-metrics': writeMetrics,
  'test-queue': writeJobs,
  health: (parts) => parts.health.getHealthSnapshot(),
  dashboard: ({ store, zone }, scope) =>
    dashboard(store, questionOf({ includeTest: true }, scope), zone),
  'start-monitoring': async ({ health, healthIntervalMs }) => {
    health.startMonitoring(healthIntervalMs);
    return { monitoring: health.isMonitoring, intervalMs: healthIntervalMs };
  },
  'stop-monitoring': async ({ health }) => {
    health.stopMonitoring();
    return { monitoring: health.isMonitoring };
  },
  cleanup: async (parts) => ({ neutralised: await cleanup(parts) }),
} as const satisfies Readonly<Record<string, (parts: Parts, scope: Scope) => Promise<object>>>;

export type TestAction = keyof typeof ACTIONS;
export const TEST_ACTIONS = Object.keys(ACTIONS) as [TestAction, ...TestAction[]];

export async function runTestAction(action: TestAction, parts: Parts, scope: Scope) {
  return { action, ok: true as const, ...(await ACTIONS[action](parts, scope)) };
}

async function writeMetrics({ recorder, store, flush }: Parts): Promise<object> {
  const since = new Date();
  for (let i = 0; i < METRICS; i++) {
    recorder.recordMetric({
      metricType: PerformanceMetricType.CUSTOM,
      name: NAME,
      value: 10 + i,
      unit: 'ms',
      operation: 'test-metrics',
      test: true,
    });
  }
  await flush();
  return { written: METRICS, readBack: await seen(store, countMetrics(since), METRICS) };
}

async function writeJobs({ recorder, store, flush }: Parts): Promise<object> {
  const since = new Date();
  const started = since.getTime();
  for (let i = 0; i < JOBS; i++) {
    const job = { queueName: NAME, jobId: `${started}-${i}`, jobType: 'test', test: true };
    const times = { createdAt: started, startedAt: started + 5 };
    recorder.recordQueueMetric({ ...job, status: QueueJobStatus.WAITING, createdAt: started + 1 });
    recorder.recordQueueMetric({
      ...job,
      ...times,
      status: QueueJobStatus.COMPLETED,
      completedAt: started + 25,
      waitTime: 5,
      duration: 20,
      attempts: 1,
    });
  }
  await flush();
  return { jobs: JOBS, written: 2 * JOBS, readBack: await seen(store, countJobs(since), 2 * JOBS) };
}

/** Acknowledged rows become visible a little later: asks until they are, or ten seconds are over. */
async function seen(store: Store, statement: Sql, expected: number): Promise<number> {
  const deadline = Date.now() + VISIBLE_WITHIN_MS;
  for (;;) {
    const [row] = await store.read(EVERYTHING, statement);
    const rows = Number(row?.rows ?? 0);
    if (rows >= expected || Date.now() > deadline) return rows;
    await delay(50);
  }
}
