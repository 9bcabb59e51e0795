import type { ScanClient } from '../questdb/query-client.ts';
import type { Query } from './query-definition.ts';
import { type QueryTable, type Selection, scanQuery } from './run-query.ts';

/** The aggregations of one group in one time bucket. A group can have several parts, from rows and from roll-ups. */
export interface Cell {
  /** The values of the query's dimensions, in their order. */
  readonly texts: readonly (string | null)[];
  /** Start of the time bucket, in ms since the epoch. */
  readonly atMs: number;
  /** The aggregations in the order of the selection. NULL is `NaN`. */
  readonly values: readonly number[];
}

/**
 * Reads the aggregations of each group and time bucket, and calls `add` for each of them. Needs less memory than rows.
 * The step of the query must be in UTC.
 *
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function scanCells(
  client: ScanClient,
  table: QueryTable,
  query: Query,
  selection: Selection,
  add: (cell: Cell) => void,
): Promise<void> {
  const names = query.groupBy ?? [];
  const columns = [...new Set(names.map((name) => table.columns[name]))];
  const indexes = names.map((name) => columns.indexOf(table.columns[name]));
  for (const result of await scanQuery(client, table, query, selection)) {
    const [times, ...values] = result.columns;
    const texts = result.keys.map((key) => indexes.map((index) => key[index] ?? null));
    for (let row = 0; row < result.length; row++) {
      add({
        texts: texts[result.keyIndexes[row]!] ?? [],
        atMs: times![row]!,
        values: values.map((column) => column[row]!),
      });
    }
    result.release();
  }
}
