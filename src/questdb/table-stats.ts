import { EVERYTHING } from '../schema/scope.ts';
import type { Read, Row } from './reader.ts';
import { nameText, sql } from './statement.ts';

const DAY_MS = 86_400_000;
/** How far back growth is looked at: a week of days, a month of weeks, some months. */
const LOOK_BACK: Readonly<Record<string, { partitionDays: number; days: number }>> = {
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
export async function tableStats(read: Read): Promise<TableStats[]> {
  const [tables, storage, views] = await Promise.all([
    read(
      EVERYTHING,
      sql`SELECT table_name, directoryName, ttlValue, ttlUnit, partitionBy FROM tables()`,
    ),
    read(EVERYTHING, sql`SELECT tableName, rowCount, diskSize FROM table_storage()`),
    read(
      EVERYTHING,
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
      EVERYTHING,
      sql`SELECT minTimestamp, numRows, diskSize, active FROM table_partitions(${nameText(name)})`,
    );
    const view = viewOf.get(name);
    return {
      name,
      directory: String(table.directoryName),
      rows: Number(stored?.rowCount ?? 0),
      oldest: oldestOf(partitions),
      ttl: Number(table.ttlValue) > 0 ? `${table.ttlValue} ${table.ttlUnit}` : undefined,
      reservedBytes: Number(stored?.diskSize ?? 0),
      growth: growthOf(partitions, String(table.partitionBy)),
      rollup: view && rollupOf(view),
    };
  });
  return (await Promise.all(stats)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function oldestOf(partitions: readonly Row[]): Date | undefined {
  const times = partitions.flatMap(({ minTimestamp: min }) => (min instanceof Date ? [min] : []));
  return times.reduce<Date | undefined>((a, b) => (a && a < b ? a : b), undefined);
}

/**
 * The size of whole partitions only: the newest is still being written, into pages that are reserved,
 * and the oldest may have begun in the middle.
 */
function growthOf(partitions: readonly Row[], unit: string): TableStats['growth'] {
  const lookBack = LOOK_BACK[unit];
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

function rollupOf(view: Row): RollupState {
  const finished = view.last_refresh_finish_timestamp;
  const behind = Number(view.base_table_txn ?? 0) - Number(view.refresh_base_table_txn ?? 0);
  return {
    status: String(view.view_status),
    reason: typeof view.invalidation_reason === 'string' ? view.invalidation_reason : undefined,
    refreshed: finished instanceof Date ? finished : undefined,
    behind: Math.max(0, behind),
  };
}
