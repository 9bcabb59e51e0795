import type { AnyRow, Table } from './column.ts';
import { type MetricBucket, metricBuckets } from './metric-buckets.ts';
import { type PerformanceMetric, performanceMetrics } from './performance-metrics.ts';
import { type QueueMetric, queueMetrics } from './queue-metrics.ts';
import { type SystemHealth, systemHealth } from './system-health.ts';

/** The tables of measurements: partitioned by day, with a TTL. */
export const MEASUREMENT_TABLES = [
  performanceMetrics,
  metricBuckets,
  queueMetrics,
  systemHealth,
] as const;

export interface RowTypes {
  performance_metrics: PerformanceMetric;
  metric_buckets: MetricBucket;
  queue_metrics: QueueMetric;
  system_health: SystemHealth;
}

export type TableName = keyof RowTypes;

const TABLES: Readonly<Record<TableName, Table>> = {
  performance_metrics: performanceMetrics,
  metric_buckets: metricBuckets,
  queue_metrics: queueMetrics,
  system_health: systemHealth,
};

export function tableNamed(name: TableName): Table {
  return TABLES[name];
}

export function isTableName(name: string): name is TableName {
  return Object.hasOwn(TABLES, name);
}

/** Rows of one table on their way to it. */
export type Add = <N extends TableName>(table: N, rows: readonly RowTypes[N][]) => void;

/** The same rows without their table's own type, for code that treats all tables alike. */
export function asAnyRows<N extends TableName>(rows: readonly RowTypes[N][]): readonly AnyRow[] {
  return rows as readonly AnyRow[];
}
