import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { ROLLUP_DEFINITIONS } from '../../src/core/schema/rollup-definitions.ts';
import { getTableAndRollupNames } from '../../src/core/schema/rollup-names.ts';
import { STATE_TABLES } from '../../src/core/schema/table-registry.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';
import { selectLatestHealth } from './health-queries.ts';
import { quote } from './sql-text.ts';

/** These counters belong to processes, so tenant filters don't apply to them. */
const BY = ['service', 'environment'] as const;
const COUNTER = { type: PerformanceMetricType.CUSTOM, by: BY, keys: ['service'] } as const;
const DROPPED = { ...COUNTER, name: 'perfscope.rows.dropped' } as const;
const WAITING = {
  ...COUNTER,
  name: 'perfscope.spool.rows',
  keys: ['service', 'instance'],
} as const;
const LAG = { ...WAITING, name: 'perfscope.spool.lag' } as const;
const DEAD_LETTERS = { ...WAITING, name: 'perfscope.spool.dead_letters' } as const;
const REJECTED = { ...COUNTER, name: 'perfscope.tenant.refused' } as const;
/** Points and spans in OTLP requests. `endpoint` is the outcome, and `operation` is the reason. */
const OTLP_ITEMS = {
  ...COUNTER,
  conditions: [`name IN ('perfscope.otlp.points', 'perfscope.otlp.spans')`],
} as const;
const OTLP_SERIES = { ...WAITING, name: 'perfscope.otlp.series.kept' } as const;
const OTLP_LIMITS = {
  ...COUNTER,
  keys: ['name'],
  conditions: [
    "name IN ('perfscope.otlp.series.forgotten', 'perfscope.otlp.facts.forgotten', 'perfscope.otlp.texts.shortened')",
  ],
} as const;
const TABLE_NAMES = [
  ...ROLLUP_DEFINITIONS.flatMap(getTableAndRollupNames),
  ...STATE_TABLES.map(({ name }) => name),
];
const IN_TABLES = `IN (${TABLE_NAMES.map(quote).join(', ')})`;

/** Selects the number of rows that processes dropped in each interval, by service. */
export function selectDroppedOverTime(): string {
  return `SELECT time, service AS metric, value_total AS value FROM ${selectGaugeOverTime(DROPPED)} ORDER BY time`;
}

/** Selects the number of rows that processes dropped in the time range. */
export function selectDropped(): string {
  return `SELECT coalesce(sum(value_total), 0) AS dropped FROM ${selectGaugeOverRange(DROPPED)}`;
}

/** Selects the maximum number of rows in the spools in each interval, by service. */
export function selectWaitingRowsOverTime(): string {
  return `SELECT time, service AS metric, sum(maximum) AS value FROM ${selectGaugeOverTime(WAITING)} ORDER BY time`;
}

/** Selects the maximum age of the oldest row in the spools in each interval in ms, by service. */
export function selectSpoolLagOverTime(): string {
  return `SELECT time, service AS metric, max(maximum) AS value FROM ${selectGaugeOverTime(LAG)} ORDER BY time`;
}

/**
 * Selects the highest number of rows that a process reports as rejected. Processes that share a spool folder report the
 * same rows, so the numbers can't be added.
 */
export function selectDeadLetters(): string {
  return `SELECT coalesce(max(last), 0) AS dead_letters FROM ${selectGaugeOverRange(DEAD_LETTERS)}`;
}

/** Selects the number of requests with an invalid tenant name. */
export function selectRejectedTenants(): string {
  return `SELECT coalesce(sum(value_total), 0) AS rejected FROM ${selectGaugeOverRange(REJECTED)}`;
}

/** Selects the number of points and spans that the server received over OTLP in each interval, by outcome. */
export function selectOtlpItemsOverTime(): string {
  const items = { ...OTLP_ITEMS, keys: ['name', 'endpoint'] } as const;
  const metric = "replace(name, 'perfscope.otlp.', '') || ' ' || endpoint";
  return `SELECT time, ${metric} AS metric, value_total AS value FROM ${selectGaugeOverTime(items)} ORDER BY time`;
}

/** Selects the number of points and spans that the server rejected in each interval, by reason. */
export function selectOtlpRejectedOverTime(): string {
  const conditions = [...OTLP_ITEMS.conditions, "endpoint = 'rejected'"];
  const rejected = { ...OTLP_ITEMS, conditions, keys: ['operation'] } as const;
  return `SELECT time, operation AS metric, value_total AS value FROM ${selectGaugeOverTime(rejected)} ORDER BY time`;
}

/** Selects the maximum number of cumulative series that servers keep in each interval, by service. */
export function selectOtlpSeriesOverTime(): string {
  return `SELECT time, service AS metric, sum(maximum) AS value FROM ${selectGaugeOverTime(OTLP_SERIES)} ORDER BY time`;
}

/** Selects what servers forgot or shortened in each interval because of their limits. */
export function selectOtlpLimitsOverTime(): string {
  const metric = "replace(replace(name, 'perfscope.otlp.', ''), '.', ' ')";
  return `SELECT time, ${metric} AS metric, value_total AS value FROM ${selectGaugeOverTime(OTLP_LIMITS)} ORDER BY time`;
}

/** Counts suspended tables. QuestDB doesn't apply new transactions to them, so new rows can't be read. */
export function selectSuspended(): string {
  return `SELECT coalesce(sum(CASE WHEN suspended THEN 1 ELSE 0 END), 0) AS suspended FROM wal_tables() WHERE name ${IN_TABLES}`;
}

/** Selects the number of transactions of each table that are written but not applied yet. */
export function selectWalTables(): string {
  return `SELECT name AS "Table", sequencerTxn - writerTxn AS "Pending", suspended AS "Suspended" FROM wal_tables() WHERE name ${IN_TABLES} ORDER BY "Pending" DESC, "Table"`;
}

/** Selects the roll-ups with their last refresh. */
export function selectRollups(): string {
  return `SELECT view_name AS "Roll-up", view_status AS "Status", last_refresh_finish_timestamp AS "Last refresh", base_table_txn - refresh_base_table_txn AS "Pending",
  invalidation_reason AS "Reason" FROM materialized_views() WHERE view_name ${IN_TABLES} ORDER BY "Roll-up"`;
}

/** Selects the number of rows and the size of each table and roll-up. */
export function selectTableSizes(): string {
  const sizes = TABLE_NAMES.map(
    (name) =>
      `SELECT '${name}' AS name, sum(numRows) AS row_count, sum(diskSize) AS size, min(minTimestamp) AS oldest, max(maxTimestamp) AS newest FROM table_partitions('${name}')`,
  );
  return `SELECT name AS "Table", row_count AS "Rows", size AS "On disk", oldest AS "Oldest row", newest AS "Newest row" FROM (${sizes.join('\n  UNION ALL ')}) ORDER BY "On disk" DESC`;
}

/** Selects when each service wrote its latest health row. */
export function selectNewestRows(): string {
  return `SELECT service AS "Service", max(timestamp) AS "Newest row", sum(CASE WHEN is_running THEN 1 ELSE 0 END) AS "Processes" FROM ${selectLatestHealth()} ORDER BY "Newest row"`;
}
