import { setTimeout as delay } from 'node:timers/promises';
import { coded } from '../errors.ts';
import type { Query } from '../questdb/reader.ts';
import { PerformanceMetricType, QueueJobStatus } from '../schema/metric-type.ts';
import { dashboard } from '../windows/dashboard.ts';
import { cleanup } from './cleanup.ts';
import type { Parts } from './parts.ts';

const METRICS = 20;
const JOBS = 5;
const VISIBLE_WITHIN_MS = 10_000;
const NAME = 'perfscope.test';
const COUNT_METRICS = `SELECT count() AS rows FROM performance_metrics
  WHERE test = true AND count > 0 AND timestamp >= $1`;
const COUNT_JOBS = `SELECT count() AS rows FROM queue_metrics
  WHERE test = true AND created_at >= $1 AND timestamp >= $1`;

/** The actions of `/api/performance/test`. Each does the real thing and says what it did. */
const TEST_ACTIONS: Readonly<Record<string, (parts: Parts) => Promise<object>>> = {
  setup: async (parts) => ({ schema: await parts.migrate() }),
  'test-metrics': writeMetrics,
  'test-queue': writeJobs,
  health: (parts) => parts.health.getHealthSnapshot(),
  dashboard: (parts) => dashboard(parts.query, { includeTest: true }),
  'start-monitoring': async ({ health, healthIntervalMs }) => {
    health.startMonitoring(healthIntervalMs);
    return { monitoring: health.isMonitoring, intervalMs: healthIntervalMs };
  },
  'stop-monitoring': async ({ health }) => {
    health.stopMonitoring();
    return { monitoring: health.isMonitoring };
  },
  cleanup: async (parts) => ({ neutralised: await cleanup(parts) }),
};

/** @throws PS_REQUEST_INVALID when there is no such action */
export async function runTestAction(action: unknown, parts: Parts): Promise<object> {
  const run = typeof action === 'string' ? TEST_ACTIONS[action] : undefined;
  if (!run || !Object.hasOwn(TEST_ACTIONS, action as string)) {
    const known = Object.keys(TEST_ACTIONS).join(', ');
    throw coded('PS_REQUEST_INVALID', { reason: `action must be one of ${known}` });
  }
  return { action, ok: true, ...(await run(parts)) };
}

async function writeMetrics({ recorder, query, flush }: Parts): Promise<object> {
  const from = new Date();
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
  return { written: METRICS, readBack: await seen(query, COUNT_METRICS, from, METRICS) };
}

async function writeJobs({ recorder, query, flush }: Parts): Promise<object> {
  const from = new Date();
  const started = from.getTime();
  for (let i = 0; i < JOBS; i++) {
    const job = { queueName: NAME, jobId: `${started}-${i}`, jobType: 'test', test: true };
    const times = { createdAt: started, startedAt: started + 5 };
    recorder.recordQueueMetric({ ...job, status: QueueJobStatus.WAITING, createdAt: started + 1 });
    recorder.recordQueueMetric({
      ...{ ...job, ...times, status: QueueJobStatus.COMPLETED },
      ...{ completedAt: started + 25, waitTime: 5, duration: 20, attempts: 1 },
    });
  }
  await flush();
  return { jobs: JOBS, written: 2 * JOBS, readBack: await seen(query, COUNT_JOBS, from, 2 * JOBS) };
}

/** Acknowledged rows become visible a little later: asks until they are, or ten seconds are over. */
async function seen(query: Query, sql: string, from: Date, expected: number): Promise<number> {
  const deadline = Date.now() + VISIBLE_WITHIN_MS;
  for (;;) {
    const [row] = await query(sql, [from]);
    const rows = Number(row?.rows ?? 0);
    if (rows >= expected || Date.now() > deadline) return rows;
    await delay(50);
  }
}
