import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
  toBucketRows,
} from '../../src/core/histogram/histogram-buckets.ts';
import { computePointId } from '../../src/core/schema/row-ids.ts';
import type { MetricBucketRow } from '../../src/core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';
import type { QueueMetricRow } from '../../src/core/schema/tables/queue-metrics-table.ts';
import type { SystemHealthRow } from '../../src/core/schema/tables/system-health-table.ts';

import { createRandom } from './random.ts';

const SERVICES = ['shop', 'mail'];
const ENDPOINTS = ['/rooms/:id', "/o'hara", '/bookings', undefined];
const ORGANIZATIONS = ['anna', 'bert', undefined];
const PROPERTIES = ['north', 'south'];
const VERSIONS = ['1.0', '1.1'];

/** A histogram point with its individual values. */
export interface RandomPoint {
  row: PerformanceMetricRow;
  buckets: MetricBucketRow[];
  values: { ms: number; failed: boolean }[];
}

export interface RandomRows {
  points: RandomPoint[];
  gauges: PerformanceMetricRow[];
  jobs: QueueMetricRow[];
  health: SystemHealthRow[];
}

/** Creates random rows like Perfscope's, from `fromMs` to `fromMs + lengthMs`. */
export function makeRandomRows(
  seed: number,
  fromMs: number,
  lengthMs: number,
  points: number,
): RandomRows {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const randomTime = () => Math.floor(fromMs + random() * lengthMs);
  const resource = () => {
    const service = pick(SERVICES);
    const instance = `${service}-${Math.floor(random() * 2)}`;
    return { service, serviceVersion: pick(VERSIONS), environment: 'test', instance };
  };
  const tenant = () => {
    const organizationId = pick(ORGANIZATIONS);
    return { organizationId, propertyId: organizationId && pick(PROPERTIES) };
  };
  const point = (i: number): RandomPoint => {
    const failed = random() < 0.2;
    const count = 1 + Math.floor(random() * 20);
    const values = Array.from({ length: count }, () => Math.exp(random() * 8 - 1));
    const timestamp = randomTime();
    const sum = values.reduce((all, value) => all + value, 0);
    const row: PerformanceMetricRow = {
      ...resource(),
      ...tenant(),
      timestamp,
      id: `p${seed}-${i}`,
      test: random() < 0.05,
      metricType: 'API_RESPONSE_TIME',
      name: 'http.server.request.duration',
      unit: 'ms',
      endpoint: pick(ENDPOINTS),
      operation: pick(['GET', 'POST']),
      count,
      sum,
      errorCount: failed ? count : 0,
      abortedCount: 0,
      value: sum / count,
      min: Math.min(...values),
      max: Math.max(...values),
    };
    const buckets: BucketCounts = new Map();
    for (const value of values)
      addToBucket(buckets, computeStoredBound(value, 1000), 1, failed ? 1 : 0);
    return {
      row,
      buckets: toBucketRows(row, buckets, computePointId(row.id!), timestamp),
      values: values.map((ms) => ({ ms, failed })),
    };
  };
  const gauge = (i: number): PerformanceMetricRow => ({
    ...resource(),
    timestamp: randomTime(),
    id: `g${seed}-${i}`,
    test: false,
    unit: '{job}',
    metricType: 'QUEUE_DEPTH',
    name: 'perfscope.queue.depth',
    value: Math.floor(random() * 99),
    endpoint: pick(['emails', 'invoices']),
    operation: pick(['waiting', 'active']),
  });
  const job = (i: number): QueueMetricRow => {
    const status = pick(['waiting', 'active', 'completed', 'failed', 'stalled']);
    const isFinished = status === 'completed' || status === 'failed';
    return {
      ...resource(),
      ...tenant(),
      timestamp: randomTime(),
      id: `j${seed}-${i}`,
      test: false,
      status,
      queueName: pick(['emails', 'invoices']),
      jobId: String(i),
      jobType: pick(['a', 'b']),
      ...(isFinished && { duration: random() * 1000, waitTime: random() * 5000 }),
    };
  };
  const health = (i: number): SystemHealthRow => ({
    ...resource(),
    timestamp: randomTime(),
    id: `h${seed}-${i}`,
    status: 'healthy',
    cpuUsage: random() * 100,
    memoryUsage: random() * 100,
    uptime: i,
    ...(random() < 0.5 && { avgResponseTime: random() * 100 }),
  });
  const repeat = <T>(count: number, make: (i: number) => T) =>
    Array.from({ length: count }, (_, i) => make(i));
  return {
    points: repeat(points, point),
    gauges: repeat(points / 2, gauge),
    jobs: repeat(points, job),
    health: repeat(points / 4, health),
  };
}
