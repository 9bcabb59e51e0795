import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { type ExecOptions, execSql } from '../questdb/exec-sql-http.ts';

interface StoredColumn {
  /** Type in upper case, for example `SYMBOL`. */
  readonly type: string;
  readonly isDedupKey: boolean;
}

/** A table or a roll-up in QuestDB. */
export interface StoredRelation {
  readonly isRollup: boolean;
  readonly isWal: boolean;
  /** Name of the designated timestamp in lower case. Empty if there is none. */
  readonly timestamp: string;
  /** Columns by name in lower case, because QuestDB ignores case. */
  readonly columns: ReadonlyMap<string, StoredColumn>;
}

/** Tables and roll-ups by name in lower case. Only requested tables have columns. */
export type StoredSchema = ReadonlyMap<string, StoredRelation>;

const RELATIONS_QUERY = 'SELECT table_name, matView, walEnabled, designatedTimestamp FROM tables()';

/**
 * Reads all tables and roll-ups, and the columns of the tables in `names`, with two statements.
 *
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function readSchema(
  target: WriteTarget,
  names: readonly string[],
  options: ExecOptions = {},
): Promise<StoredSchema> {
  const { dataset } = await execSql(target, RELATIONS_QUERY, options);
  const existing = new Set(dataset.map(([name]) => String(name).toLowerCase()));
  const columns = await readColumns(
    target,
    names.filter((name) => existing.has(name)),
    options,
  );
  return new Map(
    dataset.map(([tableName, isRollup, isWal, timestamp]) => {
      const name = String(tableName).toLowerCase();
      const relation = {
        isRollup: isRollup === true,
        isWal: isWal === true,
        timestamp: String(timestamp ?? '').toLowerCase(),
        columns: columns.get(name) ?? new Map<string, StoredColumn>(),
      };
      return [name, relation];
    }),
  );
}

async function readColumns(
  target: WriteTarget,
  names: readonly string[],
  options: ExecOptions,
): Promise<Map<string, Map<string, StoredColumn>>> {
  const tables = new Map<string, Map<string, StoredColumn>>();
  if (names.length === 0) return tables;
  const query = names
    .map((name) => `SELECT '${name}', "column", type, upsertKey FROM table_columns('${name}')`)
    .join(' UNION ALL ');
  const { dataset } = await execSql(target, query, options);
  for (const [table, column, type, upsertKey] of dataset) {
    const columns = tables.get(String(table)) ?? new Map<string, StoredColumn>();
    tables.set(String(table), columns);
    columns.set(String(column).toLowerCase(), {
      type: String(type).toUpperCase(),
      isDedupKey: upsertKey === true,
    });
  }
  return tables;
}

/**
 * Returns the IDs of all tables by name. A table that is dropped and created again has another ID.
 *
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function readTableIds(
  target: WriteTarget,
  options: ExecOptions = {},
): Promise<ReadonlyMap<string, number>> {
  const { dataset } = await execSql(target, 'SELECT table_name, id FROM tables()', options);
  return new Map(
    dataset
      .filter(([, id]) => Number.isSafeInteger(id))
      .map(([name, id]) => [String(name), Number(id)]),
  );
}
