import { PerformanceMetricType } from '../../src/schema/metric-type.ts';
import { presentNames, ROLLINGS } from '../../src/schema/rollups.ts';
import { STATE_TABLES } from '../../src/schema/tables.ts';
import { gaugeOverRange, gaugeOverTime } from './gauges.ts';
import { latestHealth } from './health.ts';
import { quoted } from './text.ts';

/** What counts for processes, and so for no tenant. */
const BY = ['service', 'environment'] as const;
const COUNTER = { type: PerformanceMetricType.CUSTOM, by: BY, keys: ['service'] } as const;
const DROPPED = { ...COUNTER, name: 'perfscope.rows.dropped' } as const;
const REFUSED = { ...COUNTER, name: 'perfscope.tenant.refused' } as const;
const KEPT = [...ROLLINGS.flatMap(presentNames), ...STATE_TABLES.map(({ name }) => name)];
const OURS = `IN (${KEPT.map(quoted).join(', ')})`;

/** Rows that processes have given up, of each service. */
export function droppedOverTime(): string {
  return `SELECT time, service AS metric, value_total AS value FROM ${gaugeOverTime(DROPPED)} ORDER BY time`;
}

export function dropped(): string {
  return `SELECT coalesce(sum(value_total), 0) AS dropped FROM ${gaugeOverRange(DROPPED)}`;
}

/** Names of tenants that were given and could not be taken. */
export function refusedTenants(): string {
  return `SELECT coalesce(sum(value_total), 0) AS refused FROM ${gaugeOverRange(REFUSED)}`;
}

/** Tables that QuestDB has stopped to apply: what is written to them cannot be read. */
export function suspended(): string {
  return `SELECT sum(CASE WHEN suspended THEN 1 ELSE 0 END) AS suspended FROM wal_tables() WHERE name ${OURS}`;
}

/** Transactions that are written and not applied yet. */
export function walTable(): string {
  return `SELECT name AS "Table", sequencerTxn - writerTxn AS "Behind", suspended AS "Suspended" FROM wal_tables() WHERE name ${OURS} ORDER BY "Behind" DESC, "Table"`;
}

/** Roll-ups and when they were summed up last. */
export function rollupTable(): string {
  return `SELECT view_name AS "Roll-up", view_status AS "Status", last_refresh_finish_timestamp AS "Refreshed", base_table_txn - refresh_base_table_txn AS "Behind",
  invalidation_reason AS "Reason" FROM materialized_views() WHERE view_name ${OURS} ORDER BY "Roll-up"`;
}

/** Rows and size of each table and roll-up. */
export function sizeTable(): string {
  const sizes = KEPT.map(
    (name) =>
      `SELECT '${name}' AS name, sum(numRows) AS held, sum(diskSize) AS size, min(minTimestamp) AS oldest, max(maxTimestamp) AS newest FROM table_partitions('${name}')`,
  );
  return `SELECT name AS "Table", held AS "Rows", size AS "On disk", oldest AS "Oldest row", newest AS "Newest row" FROM (${sizes.join('\n  UNION ALL ')}) ORDER BY "On disk" DESC`;
}

/** When each service wrote its latest health row. */
export function newestRows(): string {
  return `SELECT service AS "Service", max(timestamp) AS "Newest row", count() AS "Processes" FROM ${latestHealth()} ORDER BY "Newest row"`;
}
