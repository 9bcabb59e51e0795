import { type AlertRow, alerts } from './alerts.ts';
import { type ApiKeyRow, apiKeys } from './api-keys.ts';
import { type AuditRow, auditLog } from './audit-log.ts';
import type { AnyRow, Table } from './column.ts';
import { type ErrorLogRow, errorLogs } from './error-logs.ts';
import { type MetricBucket, metricBuckets } from './metric-buckets.ts';
import { type NotificationRow, notifications } from './notifications.ts';
import { type PersonRow, people } from './people.ts';
import { type PerformanceMetric, performanceMetrics } from './performance-metrics.ts';
import { type QueueMetric, queueMetrics } from './queue-metrics.ts';
import { type DecisionRow, ruleDecisions } from './rule-decisions.ts';
import { type SilenceRow, silences } from './silences.ts';
import { type SystemHealth, systemHealth } from './system-health.ts';

/** The tables of measurements: partitioned by day, with a TTL. */
export const MEASUREMENT_TABLES = [
  performanceMetrics,
  metricBuckets,
  queueMetrics,
  systemHealth,
  errorLogs,
] as const;

/** The tables of states: append-only, one row for each change, kept for ever. */
export const STATE_TABLES = [
  apiKeys,
  auditLog,
  alerts,
  silences,
  notifications,
  ruleDecisions,
  people,
] as const;

export interface RowTypes {
  performance_metrics: PerformanceMetric;
  metric_buckets: MetricBucket;
  queue_metrics: QueueMetric;
  system_health: SystemHealth;
  error_logs: ErrorLogRow;
  api_keys: ApiKeyRow;
  audit_log: AuditRow;
  alerts: AlertRow;
  silences: SilenceRow;
  notifications: NotificationRow;
  rule_decisions: DecisionRow;
  notification_people: PersonRow;
}

export type TableName = keyof RowTypes;

const TABLES: ReadonlyMap<string, Table> = new Map(
  [...MEASUREMENT_TABLES, ...STATE_TABLES].map((table) => [table.name, table as Table]),
);

export function tableNamed(name: TableName): Table {
  return TABLES.get(name)!;
}

/** Whether the table's rows are kept for a time only. */
export function isMeasurementTable(name: TableName): boolean {
  return MEASUREMENT_TABLES.some((table) => table.name === name);
}

export function isTableName(name: string): name is TableName {
  return TABLES.has(name);
}

/** Rows of one table on their way to it. */
export type Add = <N extends TableName>(table: N, rows: readonly RowTypes[N][]) => void;

/** The same rows without their table's own type, for code that treats all tables alike. */
export function asAnyRows<N extends TableName>(rows: readonly RowTypes[N][]): readonly AnyRow[] {
  return rows as readonly AnyRow[];
}
