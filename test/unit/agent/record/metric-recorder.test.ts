import { afterEach, expect, it, vi } from 'vitest';
import { MetricRecorder } from '../../../../src/agent/record/metric-recorder.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';
import type { QueueMetricRow } from '../../../../src/core/schema/tables/queue-metrics-table.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';

afterEach(() => vi.useRealTimers());

it('records correct timestamps although the clock of the process is 60 days ahead', () => {
  const timestamp = Date.now();
  vi.useFakeTimers({ now: timestamp + 60 * DAY_MS, toFake: ['Date'] });
  const dropped = new DroppedRowCounter();
  const tables: string[] = [];
  const recorder = new MetricRecorder({
    resource: { service: 's', instance: 'i' },
    add: (table) => tables.push(table),
    strict: false,
    dropped,
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  recorder.recordMetric({ name: 'checkout', value: 1, timestamp });
  recorder.recordQueueMetric({ queueName: 'q', jobId: '1', status: 'completed', timestamp });
  recorder.recordMetric({ name: 'checkout', value: 1, timestamp: -1 });
  expect(tables).toEqual(['performance_metrics', 'queue_metrics']);
  expect([...dropped.byReason]).toEqual([['invalid', 1]]);
});

it('does not report an invalid value at exit if the caller or the log has reported it', () => {
  const dropped = new DroppedRowCounter();
  const warnings: string[] = [];
  const createRecorder = (strict: boolean) =>
    new MetricRecorder({
      resource: { service: 's', instance: 'i' },
      add: () => {},
      strict,
      dropped,
      log: { info: () => {}, warn: (message) => warnings.push(message), error: () => {} },
    });
  const strict = createRecorder(true);
  expect(() => strict.recordMetric({ name: '', value: 1 })).toThrow('name is missing');
  expect(dropped.hasUnreportedRows).toBe(false);
  const lenient = createRecorder(false);
  lenient.recordMetric({ name: '', value: 1 });
  expect(warnings).toHaveLength(1);
  expect(dropped.hasUnreportedRows).toBe(false);
  lenient.recordMetric({ name: '', value: 1 });
  expect(dropped.hasUnreportedRows).toBe(true);
});

it('keeps the jobs of queues apart that have too many scopes', () => {
  const jobs = new Set<string>();
  const recorder = new MetricRecorder({
    resource: { service: 's', instance: 'i' },
    add: (_, rows) => {
      for (const row of rows as unknown as readonly QueueMetricRow[])
        jobs.add(`${row.queueName} ${row.queueScope} ${row.jobId}`);
    },
    strict: true,
    dropped: new DroppedRowCounter(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  for (let i = 0; i < 2000; i++)
    recorder.recordQueueMetric({
      queueName: 'q',
      queueScope: `${i}`,
      jobId: '1',
      status: 'active',
    });
  expect(jobs.size).toBe(2000);
});
