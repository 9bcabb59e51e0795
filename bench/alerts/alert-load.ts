import type { MetricBucketRow } from '../../src/core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';

export const SERVICE_COUNT = 40;
const OPERATION_COUNT = 40;
export const RULE_COUNT = 200;
export const ROWS_PER_SECOND = 5000;
/** Every fourth row of a histogram has a bucket beside it. */
const BUCKET_EVERY = 4;

const TYPES = [
  'API_RESPONSE_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_PROCESSING_TIME',
  'CPU_USAGE',
  'HEAP_USAGE',
] as const;
const AGGREGATES = ['mean', 'p95', 'error_ratio', 'mean', 'max'] as const;

/** 200 rules that look at 200 different parts of the rows, of 40 services each. */
export function formatRulesFile(): string {
  const rules = Array.from({ length: RULE_COUNT }, (_, i) => {
    const at = i % TYPES.length;
    const operation = `op-${Math.floor(i / TYPES.length)}`;
    return `  - name: bench-${i}
    measure: { type: ${TYPES[at]}, aggregate: ${AGGREGATES[at]}, groupBy: [service], filter: { operation: ${operation} }, window: 5m }
    thresholds: { warning: ${i % 10 === 0 ? 99 : 1000}, critical: 5000 }
    for: 1m`;
  });
  return `interval: 30s\nrules:\n${rules.join('\n')}\n`;
}

/** The same in Prometheus' words, in ten groups. */
export function formatPrometheusRules(): string {
  const of = (i: number) => {
    const at = i % TYPES.length;
    const operation = `op-${Math.floor(i / TYPES.length)}`;
    const over = AGGREGATES[at] === 'max' ? 'max' : AGGREGATES[at] === 'p95' ? 'quantile' : 'avg';
    const range = `bench_value{type="${TYPES[at]}",operation="${operation}"}[5m]`;
    const value =
      over === 'quantile' ? `quantile_over_time(0.95, ${range})` : `${over}_over_time(${range})`;
    return {
      alert: `bench-${i}`,
      for: '1m',
      labels: { severity: 'warning' },
      expr: `max by (service) (${value}) > ${i % 10 === 0 ? 99 : 1000}`,
    };
  };
  const groups = Array.from({ length: 10 }, (_, group) => ({
    name: `bench-${group}`,
    interval: '30s',
    rules: Array.from({ length: RULE_COUNT / 10 }, (_, i) => of(group * (RULE_COUNT / 10) + i)),
  }));
  return JSON.stringify({ groups });
}

/** What an exporter of the same 8,000 series would show. */
export function formatExposition(): string {
  const lines: string[] = ['# TYPE bench_value gauge'];
  for (let i = 0; i < SERVICE_COUNT * OPERATION_COUNT * TYPES.length; i++) {
    const { type, service, operation } = getSeries(i);
    const labels = `type="${type}",service="${service}",operation="${operation}"`;
    lines.push(`bench_value{${labels}} ${getValue(i + Math.floor(Date.now() / 1000))}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `count` rows of both tables, one series after another, at the times that `timeOf` gives. */
export function makeRows(first: number, count: number, timeOf: (i: number) => number) {
  const metrics: PerformanceMetricRow[] = [];
  const buckets: MetricBucketRow[] = [];
  for (let i = 0; metrics.length + buckets.length < count; i++) {
    const at = first + i;
    const { type, service, operation } = getSeries(at);
    const [timestamp, value] = [timeOf(i), getValue(at)];
    const names = { metricType: type, service, operation, instance: `${service}-1`, name: 'bench' };
    const gauge = type === 'CPU_USAGE' || type === 'HEAP_USAGE';
    metrics.push({
      ...names,
      timestamp,
      id: `bench-${at}`,
      value,
      unit: gauge ? '%' : 'ms',
      test: false,
      ...(!gauge && { count: 10, errorCount: 0, sum: value * 10, min: value, max: value }),
    });
    if (gauge || at % BUCKET_EVERY !== 0) continue;
    buckets.push({
      ...names,
      timestamp,
      point: at,
      bucketUpper: 128,
      count: 10,
      errorCount: 0,
      test: false,
    });
  }
  return { metrics, buckets, next: first + metrics.length };
}

/** Neighbours in time are of different series. */
function getSeries(i: number) {
  return {
    type: TYPES[i % TYPES.length]!,
    service: `service-${Math.floor(i / TYPES.length) % SERVICE_COUNT}`,
    operation: `op-${Math.floor(i / (TYPES.length * SERVICE_COUNT)) % OPERATION_COUNT}`,
  };
}

function getValue(i: number): number {
  return 80 + (i % 37);
}
