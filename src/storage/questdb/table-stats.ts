import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DAY_MS } from '../../core/duration.ts';
import { MIGRATIONS_TABLE } from '../../core/schema/table-registry.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { quoteName, sql } from '../sql/sql-builder.ts';
import type { ReadRows, Row } from './postgres-wire-reader.ts';

/** Time window for the growth rate, by partition unit: 8 days, 5 weeks, or 4 months. */
const GROWTH_WINDOWS: Readonly<Record<string, { partitionDays: number; days: number }>> = {
  DAY: { partitionDays: 1, days: 8 },
  WEEK: { partitionDays: 7, days: 36 },
  MONTH: { partitionDays: 30.44, days: 130 },
};

/** Size and state of one table or roll-up on QuestDB's disk. */
export interface TableStats {
  readonly name: string;
  /** Directory name within QuestDB's `db` directory. */
  readonly directory: string;
  readonly rows: number;
  /** Time of the oldest row. `undefined` if the table is empty, or its rows have no time. */
  readonly oldest: Date | undefined;
  /** Time of the newest row. */
  readonly newest: Date | undefined;
  /** For example `30 DAY`; `undefined` if rows never expire. */
  readonly ttl: string | undefined;
  /** Size that QuestDB reports, including pages reserved for future rows. */
  readonly reservedBytes: number;
  /** Growth rate over the last complete partitions; `undefined` if there is none. */
  readonly growth: { readonly bytesPerDay: number; readonly rowsPerDay: number } | undefined;
  /** `undefined` for a table. */
  readonly rollup: RollupState | undefined;
}

interface RollupState {
  /** QuestDB's status: `valid`, `refreshing`, or `invalid`. */
  readonly status: string;
  /** Why QuestDB invalidated the roll-up. */
  readonly reason: string | undefined;
  readonly refreshed: Date | undefined;
  /** Number of base table transactions that the roll-up does not contain yet. */
  readonly behind: number;
}

/**
 * Returns the size and state of all tables and roll-ups, sorted by name, without system tables.
 *
 * @throws PS_UNAVAILABLE
 */
export async function queryTableStats(read: ReadRows): Promise<TableStats[]> {
  const [tables, storage, views] = await Promise.all([
    read(
      UNRESTRICTED_SCOPE,
      sql`SELECT table_name, directoryName, ttlValue, ttlUnit, partitionBy FROM tables()`,
    ),
    read(UNRESTRICTED_SCOPE, sql`SELECT tableName, rowCount, diskSize FROM table_storage()`),
    read(
      UNRESTRICTED_SCOPE,
      sql`SELECT view_name, view_status, invalidation_reason, last_refresh_finish_timestamp,
        refresh_base_table_txn, base_table_txn FROM materialized_views()`,
    ),
  ]);
  const storageByName = new Map(storage.map((row) => [row.tableName, row]));
  const viewsByName = new Map(views.map((row) => [row.view_name, row]));
  const userTables = tables.filter((row) => /^[a-z][a-z0-9_]*$/.test(String(row.table_name)));
  const stats = userTables.map(async (table) => {
    const name = String(table.table_name);
    const stored = storageByName.get(name);
    const partitions = await read(
      UNRESTRICTED_SCOPE,
      sql`SELECT minTimestamp, maxTimestamp, numRows, diskSize, active FROM table_partitions(${quoteName(name)})`,
    );
    const view = viewsByName.get(name);
    // The timestamps of this table are version numbers.
    const hasTimes = name !== MIGRATIONS_TABLE;
    return {
      name,
      directory: String(table.directoryName),
      rows: Number(stored?.rowCount ?? 0),
      oldest: hasTimes ? getExtremeTime(partitions, 'minTimestamp', Math.min) : undefined,
      newest: hasTimes ? getExtremeTime(partitions, 'maxTimestamp', Math.max) : undefined,
      ttl: Number(table.ttlValue) > 0 ? `${table.ttlValue} ${table.ttlUnit}` : undefined,
      reservedBytes: Number(stored?.diskSize ?? 0),
      growth: computeGrowth(partitions, String(table.partitionBy)),
      rollup: view && toRollupState(view),
    };
  });
  return (await Promise.all(stats)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function getExtremeTime(
  partitions: readonly Row[],
  column: string,
  select: (...times: number[]) => number,
): Date | undefined {
  const times = partitions.flatMap(({ [column]: time }) =>
    time instanceof Date ? [time.getTime()] : [],
  );
  return times.length > 0 ? new Date(select(...times)) : undefined;
}

/**
 * Computes the growth rate from complete partitions only. The newest partition still has reserved
 * pages, and the oldest partition can lack rows at its start.
 */
function computeGrowth(partitions: readonly Row[], unit: string): TableStats['growth'] {
  const window = GROWTH_WINDOWS[unit];
  if (!window) return undefined;
  const sorted = partitions
    .filter(({ minTimestamp }) => minTimestamp instanceof Date)
    .map((row) => ({ ...row, ms: (row.minTimestamp as Date).getTime() }) as Row & { ms: number })
    .sort((a, b) => a.ms - b.ms);
  const newestMs = sorted.at(-1)?.ms ?? 0;
  const recent = sorted
    .slice(1)
    .filter((row) => row.active !== true && row.ms > newestMs - window.days * DAY_MS);
  if (recent.length === 0) return undefined;
  const days = recent.length * window.partitionDays;
  const perDay = (column: string) =>
    recent.reduce((sum, row) => sum + Number(row[column] ?? 0), 0) / days;
  return { bytesPerDay: perDay('diskSize'), rowsPerDay: perDay('numRows') };
}

function toRollupState(view: Row): RollupState {
  const finished = view.last_refresh_finish_timestamp;
  const behind = Number(view.base_table_txn ?? 0) - Number(view.refresh_base_table_txn ?? 0);
  return {
    status: String(view.view_status),
    reason: typeof view.invalidation_reason === 'string' ? view.invalidation_reason : undefined,
    refreshed: finished instanceof Date ? finished : undefined,
    behind: Math.max(0, behind),
  };
}

/** Unit of `st_blocks`, independent of the file system's block size. See stat(2). */
const BLOCK_BYTES = 512;

/**
 * Returns the disk usage of a directory in bytes. Skips files that are deleted in the meantime. Counts
 * a file with several names once, because QuestDB's write-ahead log links to files of the table.
 */
export async function getDiskUsageBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const seen = new Set<string>();
  let bytes = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const stats = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (!stats) continue;
    if (stats.nlink > 1) {
      const id = `${stats.dev}:${stats.ino}`;
      if (seen.has(id)) continue;
      seen.add(id);
    }
    bytes += stats.blocks * BLOCK_BYTES;
  }
  return bytes;
}

/** Returns the free space, in bytes, that this user can use on the directory's disk. */
export async function getFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Returns the version of QuestDB, or `undefined` if it is unknown. @throws PS_UNAVAILABLE */
export async function queryQuestdbVersion(read: ReadRows): Promise<string | undefined> {
  const [row] = await read(UNRESTRICTED_SCOPE, sql`SELECT build() AS build`);
  return /QuestDB ([\w.-]+)/.exec(String(row?.build))?.[1];
}
