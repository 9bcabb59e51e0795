import { bucketRows } from '../../src/histogram/bucket-rows.ts';
import { addAt, type Buckets, boundOf } from '../../src/histogram/buckets.ts';
import { pointOf } from '../../src/schema/identity.ts';
import type { MetricBucket } from '../../src/schema/metric-buckets.ts';
import type { PerformanceMetric } from '../../src/schema/performance-metrics.ts';
import type { QueueMetric } from '../../src/schema/queue-metrics.ts';
import type { SystemHealth } from '../../src/schema/system-health.ts';

const SERVICES = ['shop', 'mail'];
const ENDPOINTS = ['/rooms/:id', "/o'hara", '/bookings', undefined];
const ORGANIZATIONS = ['anna', 'bert', undefined];
const PROPERTIES = ['north', 'south'];
const VERSIONS = ['1.0', '1.1'];

/** One point of a histogram, with the single values that it was made of. */
export interface SamplePoint {
  row: PerformanceMetric;
  buckets: MetricBucket[];
  values: { ms: number; failed: boolean }[];
}

export interface Sample {
  points: SamplePoint[];
  gauges: PerformanceMetric[];
  jobs: QueueMetric[];
  health: SystemHealth[];
}

/** Random rows as the product makes them, from `fromMs` on over `lengthMs`. */
export function makeSample(seed: number, fromMs: number, lengthMs: number, points: number): Sample {
  const random = generator(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const moment = () => Math.floor(fromMs + random() * lengthMs);
  const origin = () => {
    const service = pick(SERVICES);
    const instance = `${service}-${Math.floor(random() * 2)}`;
    return { service, serviceVersion: pick(VERSIONS), environment: 'test', instance };
  };
  const tenant = () => {
    const organizationId = pick(ORGANIZATIONS);
    return { organizationId, propertyId: organizationId && pick(PROPERTIES) };
  };
  const point = (i: number): SamplePoint => {
    const failed = random() < 0.2;
    const count = 1 + Math.floor(random() * 20);
    const values = Array.from({ length: count }, () => Math.exp(random() * 8 - 1));
    const timestamp = moment();
    const sum = values.reduce((all, value) => all + value, 0);
    const row: PerformanceMetric = {
      ...origin(),
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
    const buckets: Buckets = new Map();
    for (const value of values) addAt(buckets, boundOf(value, 1000), 1, failed ? 1 : 0);
    return {
      row,
      buckets: bucketRows(row, buckets, pointOf(row.id!), timestamp),
      values: values.map((ms) => ({ ms, failed })),
    };
  };
  const gauge = (i: number): PerformanceMetric => ({
    ...origin(),
    timestamp: moment(),
    id: `g${seed}-${i}`,
    test: false,
    unit: '{job}',
    metricType: 'QUEUE_DEPTH',
    name: 'perfscope.queue.depth',
    value: Math.floor(random() * 99),
    endpoint: pick(['emails', 'invoices']),
    operation: pick(['waiting', 'active']),
  });
  const job = (i: number): QueueMetric => {
    const status = pick(['waiting', 'active', 'completed', 'failed', 'stalled']);
    const ended = status === 'completed' || status === 'failed';
    return {
      ...origin(),
      ...tenant(),
      timestamp: moment(),
      id: `j${seed}-${i}`,
      test: false,
      status,
      queueName: pick(['emails', 'invoices']),
      jobId: String(i),
      jobType: pick(['a', 'b']),
      ...(ended && { duration: random() * 1000, waitTime: random() * 5000 }),
    };
  };
  const health = (i: number): SystemHealth => ({
    ...origin(),
    timestamp: moment(),
    id: `h${seed}-${i}`,
    status: 'healthy',
    cpuUsage: random() * 100,
    memoryUsage: random() * 100,
    uptime: i,
    ...(random() < 0.5 && { avgResponseTime: random() * 100 }),
  });
  const many = <T>(count: number, make: (i: number) => T) =>
    Array.from({ length: count }, (_, i) => make(i));
  return {
    points: many(points, point),
    gauges: many(points / 2, gauge),
    jobs: many(points, job),
    health: many(points / 4, health),
  };
}

/** Mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
