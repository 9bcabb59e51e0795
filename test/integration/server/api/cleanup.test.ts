import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS } from '../../../../src/core/duration.ts';
import { applyRetention } from '../../../../src/storage/migrations/apply-retention.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { waitForWal } from '../../../support/wait-for-rollups.ts';

const api = new TestApiServer();
const now = Date.now();
const MEASUREMENT_TABLES = ['performance_metrics', 'metric_buckets', 'queue_metrics'];

beforeAll(() => api.start());
afterAll(() => api.remove());

async function runCleanup(): Promise<Record<string, unknown>> {
  const response = await fetch(`${api.url}/api/performance/test?action=cleanup`);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

/** Records a request and a job, and returns when they are stored. */
async function record(ageDays: number, service: string): Promise<void> {
  const { recorder, flush } = api.dependencies;
  const timestamp = now - ageDays * DAY_MS;
  recorder.recordMetric({ name: 'checkout', value: 5, service, timestamp });
  const job = { queueName: service, jobId: '1', timestamp } as const;
  recorder.recordQueueMetric({ ...job, status: 'completed' });
  await flush();
  await waitForWal(api.questdb);
}

async function countRows(): Promise<number[]> {
  const counts = MEASUREMENT_TABLES.map(async (table) => {
    const isUsed = table === 'queue_metrics' ? 'id IS NOT NULL' : 'count > 0';
    const [[rows] = []] = await api.questdb.sql(`SELECT count() FROM ${table} WHERE ${isUsed}`);
    return Number(rows);
  });
  return Promise.all(counts);
}

it('removes rows that are older than the retention period, also from tables that get no new rows', async () => {
  await record(20, 'old');
  expect(await countRows()).toEqual([1, 1, 1]);
  const retention = { ...DEFAULT_RETENTION, rawDays: 10 };
  api.dependencies.retentionDays = retention.rawDays;
  api.dependencies.applyRetention = () => applyRetention(api.questdb.target, retention);
  // QuestDB compares the age of rows with the newest row, so the shorter period alone has no effect.
  await api.dependencies.applyRetention();
  await waitForWal(api.questdb);
  expect(await countRows()).toEqual([1, 1, 1]);
  const report = await runCleanup();
  expect(report).toMatchObject({
    ...{ action: 'cleanup', ok: true, retentionDays: 10 },
    removed: { performanceMetrics: 1, metricBuckets: 1, queueMetrics: 1, systemHealth: 0 },
  });
  // The day can change during the test.
  const limits = [now, Date.now()].map((ms) => Math.floor(ms / DAY_MS - 10) * DAY_MS);
  expect(limits).toContain(Date.parse(String(report.removedBefore)));
  expect(await countRows()).toEqual([0, 0, 0]);
});

it('keeps newer rows, and the history in the roll-ups', async () => {
  await record(8, 'kept');
  const before = await countRows();
  expect(await runCleanup()).toMatchObject({
    removed: { performanceMetrics: 0, metricBuckets: 0, queueMetrics: 0 },
  });
  expect(await countRows()).toEqual(before);
  const views = await api.questdb.sql('SELECT view_name, view_status FROM materialized_views()');
  expect(views.filter(([, status]) => status !== 'valid')).toEqual([]);
});
