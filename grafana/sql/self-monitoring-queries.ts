import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import {
  getTableAndRollupNames,
  ROLLUP_DEFINITIONS,
} from '../../src/core/schema/rollup-definitions.ts';
import { STATE_TABLES } from '../../src/core/schema/table-registry.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';
import { selectLatestHealth } from './health-queries.ts';
import { quote } from './sql-text.ts';

/** What counts for processes, and so for no tenant. */
const BY = ['service', 'environment'] as const;
const COUNTER = { type: PerformanceMetricType.CUSTOM, by: BY, keys: ['service'] } as const;
const DROPPED = { ...COUNTER, name: 'perfscope.rows.dropped' } as const;
const REJECTED = { ...COUNTER, name: 'perfscope.tenant.refused' } as const;
const TABLE_NAMES = [
  ...ROLLUP_DEFINITIONS.flatMap(getTableAndRollupNames),
  ...STATE_TABLES.map(({ name }) => name),
];
const IS_OURS = `IN (${TABLE_NAMES.map(quote).join(', ')})`;

/** Rows that processes have given up, of each service. */
export function selectDroppedOverTime(): string {
  return `SELECT time, service AS metric, value_total AS value FROM ${selectGaugeOverTime(DROPPED)} ORDER BY time`;
}

export function selectDropped(): string {
  return `SELECT coalesce(sum(value_total), 0) AS dropped FROM ${selectGaugeOverRange(DROPPED)}`;
}

/** Names of tenants that were given and could not be taken. */
export function selectRejectedTenants(): string {
  return `SELECT coalesce(sum(value_total), 0) AS refused FROM ${selectGaugeOverRange(REJECTED)}`;
}

/** Tables that QuestDB has stopped to apply: what is written to them cannot be read. */
export function selectSuspended(): string {
  return `SELECT sum(CASE WHEN suspended THEN 1 ELSE 0 END) AS suspended FROM wal_tables() WHERE name ${IS_OURS}`;
}

/** Transactions that are written and not applied yet. */
export function selectWalTables(): string {
  return `SELECT name AS "Table", sequencerTxn - writerTxn AS "Behind", suspended AS "Suspended" FROM wal_tables() WHERE name ${IS_OURS} ORDER BY "Behind" DESC, "Table"`;
}

/** Roll-ups and when they were summed up last. */
export function selectRollups(): string {
  return `SELECT view_name AS "Roll-up", view_status AS "Status", last_refresh_finish_timestamp AS "Refreshed", base_table_txn - refresh_base_table_txn AS "Behind",
  invalidation_reason AS "Reason" FROM materialized_views() WHERE view_name ${IS_OURS} ORDER BY "Roll-up"`;
}

/** Rows and size of each table and roll-up. */
export function selectTableSizes(): string {
  const sizes = TABLE_NAMES.map(
    (name) =>
      `SELECT '${name}' AS name, sum(numRows) AS held, sum(diskSize) AS size, min(minTimestamp) AS oldest, max(maxTimestamp) AS newest FROM table_partitions('${name}')`,
  );
  return `SELECT name AS "Table", held AS "Rows", size AS "On disk", oldest AS "Oldest row", newest AS "Newest row" FROM (${sizes.join('\n  UNION ALL ')}) ORDER BY "On disk" DESC`;
}

/** When each service wrote its latest health row. */
export function selectNewestRows(): string {
  return `SELECT service AS "Service", max(timestamp) AS "Newest row", count() AS "Processes" FROM ${selectLatestHealth()} ORDER BY "Newest row"`;
}
