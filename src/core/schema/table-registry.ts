import type { AnyRow, Table } from './table-definition.ts';
import { type AlertRow, alertsTable } from './tables/alerts-table.ts';
import { type ApiKeyRow, apiKeysTable } from './tables/api-keys-table.ts';
import { type AuditLogRow, auditLogTable } from './tables/audit-log-table.ts';
import { type DeployRow, deploysTable } from './tables/deploys-table.ts';
import { type ErrorLogRow, errorLogsTable } from './tables/error-logs-table.ts';
import { type ForecastRow, forecastsTable } from './tables/forecasts-table.ts';
import { type IncidentRow, incidentsTable } from './tables/incidents-table.ts';
import { type MetricBandRow, metricBandsTable } from './tables/metric-bands-table.ts';
import { type MetricBucketRow, metricBucketsTable } from './tables/metric-buckets-table.ts';
import { type NotificationRow, notificationsTable } from './tables/notifications-table.ts';
import { type ObjectiveRow, objectivesTable } from './tables/objectives-table.ts';
import { type PersonRow, peopleTable } from './tables/people-table.ts';
import {
  type PerformanceMetricRow,
  performanceMetricsTable,
} from './tables/performance-metrics-table.ts';
import { type QueueMetricRow, queueMetricsTable } from './tables/queue-metrics-table.ts';
import { type RuleDecisionRow, ruleDecisionsTable } from './tables/rule-decisions-table.ts';
import { type SilenceRow, silencesTable } from './tables/silences-table.ts';
import {
  type SuggestionDismissalRow,
  suggestionDismissalsTable,
} from './tables/suggestion-dismissals-table.ts';
import { type SystemHealthRow, systemHealthTable } from './tables/system-health-table.ts';

/** Measurement tables: partitioned by day, with a TTL. */
export const MEASUREMENT_TABLES = [
  performanceMetricsTable,
  metricBucketsTable,
  queueMetricsTable,
  systemHealthTable,
  errorLogsTable,
] as const;

/** State tables: append-only, with one row per change. `objectives`, `forecasts`, and `metric_bands` have a TTL. */
export const STATE_TABLES = [
  apiKeysTable,
  auditLogTable,
  alertsTable,
  silencesTable,
  incidentsTable,
  notificationsTable,
  ruleDecisionsTable,
  peopleTable,
  objectivesTable,
  forecastsTable,
  deploysTable,
  suggestionDismissalsTable,
  metricBandsTable,
] as const;

export interface RowTypes {
  performance_metrics: PerformanceMetricRow;
  metric_buckets: MetricBucketRow;
  queue_metrics: QueueMetricRow;
  system_health: SystemHealthRow;
  error_logs: ErrorLogRow;
  api_keys: ApiKeyRow;
  audit_log: AuditLogRow;
  alerts: AlertRow;
  silences: SilenceRow;
  incidents: IncidentRow;
  notifications: NotificationRow;
  rule_decisions: RuleDecisionRow;
  notification_people: PersonRow;
  objectives: ObjectiveRow;
  forecasts: ForecastRow;
  deploys: DeployRow;
  suggestion_dismissals: SuggestionDismissalRow;
  metric_bands: MetricBandRow;
}

export type TableName = keyof RowTypes;

const TABLES_BY_NAME: ReadonlyMap<string, Table> = new Map(
  [...MEASUREMENT_TABLES, ...STATE_TABLES].map((table) => [table.name, table as Table]),
);

export function getTable(name: TableName): Table {
  return TABLES_BY_NAME.get(name)!;
}

/** Returns whether a table contains measurements, which expire. */
export function isMeasurementTable(name: TableName): boolean {
  return MEASUREMENT_TABLES.some((table) => table.name === name);
}

/** Name of the table in which migrations record the versions of the schema. */
export const MIGRATIONS_TABLE = 'schema_migrations';

export function isTableName(name: string): name is TableName {
  return TABLES_BY_NAME.has(name);
}

/**
 * Returns whether services write to a table. They write measurements, and the outcomes of decisions.
 * Only servers and commands write to the other tables.
 */
export function isServiceTable(name: TableName): boolean {
  return isMeasurementTable(name) || name === ruleDecisionsTable.name;
}

/** Adds rows to a table. */
export type AddRows = <N extends TableName>(table: N, rows: readonly RowTypes[N][]) => void;

/** Returns the same rows without the row type of their table. */
export function toAnyRows<N extends TableName>(rows: readonly RowTypes[N][]): readonly AnyRow[] {
  return rows as readonly AnyRow[];
}
