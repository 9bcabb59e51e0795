import type { MetricBucketRow } from '../../src/core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';

export const SERVICE_COUNT = 40;
const OPERATION_COUNT = 40;
export const RULE_COUNT = 200;
export const ROWS_PER_SECOND = 5000;
/** Every fourth histogram row has a bucket row. */
const BUCKET_EVERY = 4;

const TYPES = [
  'API_RESPONSE_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_PROCESSING_TIME',
  'CPU_USAGE',
  'HEAP_USAGE',
] as const;
const AGGREGATES = ['mean', 'p95', 'error_ratio', 'mean', 'max'] as const;

/** Returns a rules file with 200 rules. Each rule has a different filter and matches 40 services. */
export function formatRulesFile(): string {
  const rules = Array.from({ length: RULE_COUNT }, (_, i) => {
    const at = i % TYPES.length;
    const operation = `op-${Math.floor(i / TYPES.length)}`;
    return `  - name: bench-${i}
    measure: { type: ${TYPES[at]}, aggregate: ${AGGREGATES[at]}, groupBy: [service], filter: { operation: ${operation} }, window: 5m }
    thresholds: ${formatThresholds(i)}
    for: 1m`;
  });
  return `interval: 30s\nrules:\n${rules.join('\n')}\n`;
}

/** Every tenth rule fires if its aggregate is a value. */
function formatThresholds(i: number): string {
  if (AGGREGATES[i % TYPES.length] === 'error_ratio') return '{ warning: 90, critical: 95 }';
  return `{ warning: ${i % 10 === 0 ? 99 : 1000}, critical: 5000 }`;
}

/** Returns the same rules for Prometheus, in ten groups. */
export function formatPrometheusRules(): string {
  const toRule = (i: number) => {
    const at = i % TYPES.length;
    const operation = `op-${Math.floor(i / TYPES.length)}`;
    const aggregation =
      AGGREGATES[at] === 'max' ? 'max' : AGGREGATES[at] === 'p95' ? 'quantile' : 'avg';
    const range = `bench_value{type="${TYPES[at]}",operation="${operation}"}[5m]`;
    const value =
      aggregation === 'quantile'
        ? `quantile_over_time(0.95, ${range})`
        : `${aggregation}_over_time(${range})`;
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
    rules: Array.from({ length: RULE_COUNT / 10 }, (_, i) => toRule(group * (RULE_COUNT / 10) + i)),
  }));
  return JSON.stringify({ groups });
}

/** Returns the same 8,000 series in Prometheus text format. */
export function formatExposition(): string {
  const lines: string[] = ['# TYPE bench_value gauge'];
  for (let i = 0; i < SERVICE_COUNT * OPERATION_COUNT * TYPES.length; i++) {
    const { type, service, operation } = getSeries(i);
    const labels = `type="${type}",service="${service}",operation="${operation}"`;
    lines.push(`bench_value{${labels}} ${getValue(i + Math.floor(Date.now() / 1000))}`);
  }
  return `${lines.join('\n')}\n`;
}

/**
 * Creates `count` rows of both tables, one series after another, starting at series `first`.
 *
 * @param getTimeMs timestamp of the i-th row, in ms
 */
export function makeRows(first: number, count: number, getTimeMs: (i: number) => number) {
  const metrics: PerformanceMetricRow[] = [];
  const buckets: MetricBucketRow[] = [];
  for (let i = 0; metrics.length + buckets.length < count; i++) {
    const index = first + i;
    const { type, service, operation } = getSeries(index);
    const [timestamp, value] = [getTimeMs(i), getValue(index)];
    const names = { metricType: type, service, operation, instance: `${service}-1`, name: 'bench' };
    const isGauge = type === 'CPU_USAGE' || type === 'HEAP_USAGE';
    metrics.push({
      ...names,
      timestamp,
      id: `bench-${index}`,
      value,
      unit: isGauge ? '%' : 'ms',
      test: false,
      ...(!isGauge && { count: 10, errorCount: 0, sum: value * 10, min: value, max: value }),
    });
    if (isGauge || index % BUCKET_EVERY !== 0) continue;
    buckets.push({
      ...names,
      timestamp,
      point: index,
      bucketUpper: 128,
      count: 10,
      errorCount: 0,
      test: false,
    });
  }
  return { metrics, buckets, next: first + metrics.length };
}

/** Returns the labels of the i-th series. Consecutive rows belong to different series. */
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
