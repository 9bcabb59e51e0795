import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { quoteName, sql } from '../sql/sql-builder.ts';
import type { ReadRows, Row } from './questdb-reader.ts';

const DAY_MS = 86_400_000;
/** How far back growth is looked at: a week of days, a month of weeks, some months. */
const GROWTH_WINDOWS: Readonly<Record<string, { partitionDays: number; days: number }>> = {
  DAY: { partitionDays: 1, days: 8 },
  WEEK: { partitionDays: 7, days: 36 },
  MONTH: { partitionDays: 30.44, days: 130 },
};

/** One table or roll-up as it lies on QuestDB's disk. */
export interface TableStats {
  readonly name: string;
  /** Its folder in QuestDB's `db` folder. */
  readonly directory: string;
  readonly rows: number;
  readonly oldest: Date | undefined;
  /** `30 DAY`; undefined when rows are kept for ever. */
  readonly ttl: string | undefined;
  /** As QuestDB says: with the pages that it has reserved for rows to come. */
  readonly reservedBytes: number;
  /** From its last whole days; undefined before there is one. */
  readonly growth: { readonly bytesPerDay: number; readonly rowsPerDay: number } | undefined;
  /** Undefined for a table. */
  readonly rollup: RollupState | undefined;
}

interface RollupState {
  /** QuestDB's word: `valid`, `refreshing`, or `invalid` with its reason. */
  readonly status: string;
  readonly reason: string | undefined;
  readonly refreshed: Date | undefined;
  /** Transactions of the base that are not in it yet. */
  readonly behind: number;
}

/** What is stored, by name. System tables are left out. @throws PS_UNAVAILABLE */
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
  const storageOf = new Map(storage.map((row) => [row.tableName, row]));
  const viewOf = new Map(views.map((row) => [row.view_name, row]));
  const ours = tables.filter(({ table_name: name }) => /^[a-z][a-z0-9_]*$/.test(String(name)));
  const stats = ours.map(async (table) => {
    const name = String(table.table_name);
    const stored = storageOf.get(name);
    const partitions = await read(
      UNRESTRICTED_SCOPE,
      sql`SELECT minTimestamp, numRows, diskSize, active FROM table_partitions(${quoteName(name)})`,
    );
    const view = viewOf.get(name);
    return {
      name,
      directory: String(table.directoryName),
      rows: Number(stored?.rowCount ?? 0),
      oldest: getOldest(partitions),
      ttl: Number(table.ttlValue) > 0 ? `${table.ttlValue} ${table.ttlUnit}` : undefined,
      reservedBytes: Number(stored?.diskSize ?? 0),
      growth: computeGrowth(partitions, String(table.partitionBy)),
      rollup: view && toRollupState(view),
    };
  });
  return (await Promise.all(stats)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function getOldest(partitions: readonly Row[]): Date | undefined {
  const times = partitions.flatMap(({ minTimestamp: min }) => (min instanceof Date ? [min] : []));
  return times.reduce<Date | undefined>((a, b) => (a && a < b ? a : b), undefined);
}

/**
 * The size of whole partitions only: the newest is still being written, into pages that are reserved,
 * and the oldest may have begun in the middle.
 */
function computeGrowth(partitions: readonly Row[], unit: string): TableStats['growth'] {
  const lookBack = GROWTH_WINDOWS[unit];
  if (!lookBack) return undefined;
  const known = partitions
    .filter(({ minTimestamp }) => minTimestamp instanceof Date)
    .map((row) => ({ ...row, ms: (row.minTimestamp as Date).getTime() }) as Row & { ms: number })
    .sort((a, b) => a.ms - b.ms);
  const newestMs = known.at(-1)?.ms ?? 0;
  const recent = known
    .slice(1)
    .filter((row) => row.active !== true && row.ms > newestMs - lookBack.days * DAY_MS);
  if (recent.length === 0) return undefined;
  const days = recent.length * lookBack.partitionDays;
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

/** `st_blocks` counts in these, whatever the file system's own blocks are (stat(2)). */
const BLOCK_BYTES = 512;

/** Bytes that a folder takes on its disk; what vanishes meanwhile does not count. */
export async function getDiskUsageBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += (found?.blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}

/** Bytes of the folder's disk that this user may still fill. */
export async function getFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
