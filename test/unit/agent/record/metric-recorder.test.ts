import { afterEach, expect, it, vi } from 'vitest';
import { MetricRecorder } from '../../../../src/agent/record/metric-recorder.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';
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
