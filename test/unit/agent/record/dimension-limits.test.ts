import { expect, it, vi } from 'vitest';
import { ErrorTracker } from '../../../../src/agent/error-tracking/error-tracker.ts';
import { BucketAccumulator } from '../../../../src/agent/record/bucket-accumulator.ts';
import { DimensionLimits } from '../../../../src/agent/record/dimension-limits.ts';
import { MetricRecorder } from '../../../../src/agent/record/metric-recorder.ts';
import type { AddRows } from '../../../../src/core/schema/table-registry.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';

const LIMIT = 1900;
const COUNT = 200_000;
const resource = { service: 'shop', instance: 'shop-1' };

const COLUMNS = [
  ...['name', 'endpoint', 'operation', 'unit', 'service', 'organizationId', 'propertyId'],
  ...['queueName', 'jobType', 'jobId', 'fingerprint'],
];

/** Counts rows by column value, without keeping the rows. */
class CountingSink {
  readonly rows = new Map<string, number>();
  readonly sums = new Map<string, number>();
  readonly values = new Map<string, Set<unknown>>();

  readonly add: AddRows = (table, rows) => {
    this.rows.set(table, (this.rows.get(table) ?? 0) + rows.length);
    for (const row of rows as unknown as Record<string, unknown>[]) {
      this.sums.set(table, (this.sums.get(table) ?? 0) + Number(row.count ?? 1));
      for (const column of COLUMNS) {
        const value = row[column];
        const key = `${table}.${column}`;
        let values = this.values.get(key);
        if (!values) {
          values = new Set();
          this.values.set(key, values);
        }
        values.add(value);
      }
    }
  };
}

function createRecorder() {
  const sink = new CountingSink();
  const warn = vi.fn<(message: string) => void>();
  const recorder = new MetricRecorder({
    resource,
    add: sink.add,
    strict: true,
    dropped: new DroppedRowCounter(),
    log: { info: () => {}, warn, error: () => {} },
  });
  return { sink, warn, recorder };
}

const TITLE = 'keeps 1,900 of %i names and endpoints, all rows, and exact counts';
it.each([20_000])(TITLE, expectLimited);
// Long: 20,000 names cover the limit in CI.
it.each([COUNT])(TITLE, { tags: 'long' }, expectLimited);

function expectLimited(count: number): void {
  const { sink, warn, recorder } = createRecorder();
  for (let i = 0; i < count; i++) {
    const field = { endpoint: `/rooms/${i}`, operation: `book ${i}`, unit: `u${i}` };
    recorder.recordMetric({ name: `name-${i}`, value: i, ...field, service: `shop-${i}` });
  }
  recorder.addBucketRows();
  expect(sink.rows.get('performance_metrics')).toBe(count);
  expect(sink.sums.get('performance_metrics')).toBe(count);
  expect(sink.sums.get('metric_buckets')).toBe(count);
  for (const column of ['name', 'endpoint', 'operation', 'unit', 'service']) {
    const values = sink.values.get(`performance_metrics.${column}`);
    expect(values?.size).toBe(LIMIT + 1);
    expect(values).toContain('(other)');
  }
  expect(sink.values.get('metric_buckets.name')?.size).toBe(LIMIT + 1);
  expect(recorder.limits.countValues('name')).toBe(LIMIT);
  const messages = warn.mock.calls.map(([message]) => message);
  expect(messages).toHaveLength(5);
  expect(messages[0]).toMatch(/more than 1900 distinct values of name/);
}

it('keeps the values that were recorded before the limit', () => {
  const { sink, recorder } = createRecorder();
  for (let i = 0; i < 2 * LIMIT; i++) recorder.recordMetric({ name: `name-${i}`, value: i });
  recorder.recordMetric({ name: 'name-0', value: 1 });
  expect(sink.values.get('performance_metrics.name')).toContain('name-0');
  expect(recorder.limits.limit('name', `name-${LIMIT - 1}`)).toBe(`name-${LIMIT - 1}`);
});

it('groups tenants over their limit without a tenant', () => {
  const { sink, warn, recorder } = createRecorder();
  for (let i = 0; i < 20_000; i++) {
    const tenant = { organizationId: `org-${i % 2}`, propertyId: `property-${i}` };
    recorder.recordMetric({ name: 'x', value: 1, ...tenant });
  }
  expect(sink.values.get('performance_metrics.organizationId')?.size).toBe(2);
  const properties = sink.values.get('performance_metrics.propertyId');
  expect(properties?.size).toBe(10_001);
  expect(properties).toContain(undefined);
  expect(recorder.limits.limitTenant({ organizationId: 'org-1', propertyId: 'new' })).toEqual({
    organizationId: 'org-1',
    propertyId: undefined,
  });
  expect(warn).toHaveBeenCalledOnce();
});

it('keeps the jobs of queues over the limit apart', () => {
  const { sink, recorder } = createRecorder();
  for (let i = 0; i < 2 * LIMIT; i++) {
    recorder.recordQueueMetric(
      { queueName: `queue-${i}`, jobId: '1', jobType: `type-${i}`, status: 'completed' },
      1_800_000_000_000,
    );
  }
  expect(sink.values.get('queue_metrics.queueName')?.size).toBe(LIMIT + 1);
  expect(sink.values.get('queue_metrics.jobType')?.size).toBe(LIMIT + 1);
  expect(sink.values.get('queue_metrics.jobId')?.size).toBe(LIMIT + 1);
});

it('keeps a bounded number of rows and counts in memory while the event loop is blocked', () => {
  let count = 0;
  const buckets = new BucketAccumulator(
    () => 'id',
    (rows) => {
      for (const row of rows) count += row.count ?? 0;
    },
  );
  let largest = 0;
  const row = { ...resource, metricType: 'CUSTOM' as const, unit: '1', value: 1, test: false };
  for (let i = 0; i < COUNT; i++) {
    buckets.add({ ...row, name: `name-${i}`, timestamp: i });
    largest = Math.max(largest, buckets.size);
  }
  buckets.flush();
  expect(largest).toBeLessThan(12_000);
  expect(count).toBe(COUNT);
});

it('groups errors after 10,000 fingerprints', () => {
  const sink = new CountingSink();
  const limits = new DimensionLimits({ info: () => {}, warn: () => {}, error: () => {} });
  const tracker = new ErrorTracker({ resource, add: sink.add, limits });
  const toLetters = (i: number) =>
    [...String(i)].map((digit) => 'ghijklmnop'[Number(digit)]).join('');
  for (let i = 0; i < 12_000; i++) {
    const error = { type: `E${toLetters(i)}`, message: 'failed', stack: undefined };
    tracker.track({ kind: 'uncaught', level: 'error', error, organizationId: `org-${i}` });
    if (i % 400 === 0) tracker.addCountRows();
  }
  tracker.addCountRows();
  expect(sink.sums.get('error_logs')).toBe(12_000);
  expect(sink.values.get('error_logs.fingerprint')?.size).toBe(10_001);
  expect(sink.values.get('error_logs.organizationId')?.size).toBeLessThanOrEqual(10_001);
});
