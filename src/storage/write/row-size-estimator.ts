import type { AnyRow } from '../../core/schema/table-definition.ts';
import { getTable, type TableName } from '../../core/schema/table-registry.ts';

/** Estimated size of an object, and of a property without its text, in bytes. */
const ROW_BYTES = 64;
const VALUE_BYTES = 16;
/** Number of rows with the same estimate of their names and numbers. */
const SAMPLE_INTERVAL = 16;

interface TableSizes {
  /** Columns whose texts can be long, such as `tags`. */
  readonly textColumns: readonly string[];
  /** Estimated size of a row without these texts. */
  baseBytes: number;
  rows: number;
}

/**
 * Estimates the memory that rows need. Names and numbers of consecutive rows have similar sizes, so only every 16th
 * row is read completely. Reading all columns would take longer than the rest of `recordMetric`.
 */
export class RowSizeEstimator {
  readonly #tables = new Map<TableName, TableSizes>();

  /** Returns the estimated size of rows of one table, in bytes. */
  estimate(table: TableName, rows: readonly AnyRow[]): number {
    let sizes = this.#tables.get(table);
    if (sizes === undefined) {
      sizes = { textColumns: listTextColumns(table), baseBytes: 0, rows: 0 };
      this.#tables.set(table, sizes);
    }
    let bytes = 0;
    for (const row of rows) {
      const textBytes = measureTexts(row, sizes.textColumns);
      if (sizes.rows++ % SAMPLE_INTERVAL === 0) sizes.baseBytes = measureRow(row) - textBytes;
      bytes += sizes.baseBytes + textBytes;
    }
    return bytes;
  }
}

function listTextColumns(table: TableName): string[] {
  return Object.entries(getTable(table).columns)
    .filter(([, type]) => type === 'varchar')
    .map(([name]) => name);
}

function measureTexts(row: AnyRow, columns: readonly string[]): number {
  let bytes = 0;
  for (const name of columns) {
    const value = row[name];
    if (typeof value === 'string') bytes += value.length;
  }
  return bytes;
}

function measureRow(row: AnyRow): number {
  let bytes = ROW_BYTES;
  for (const name in row) {
    const value = row[name];
    bytes += typeof value === 'string' ? VALUE_BYTES + value.length : VALUE_BYTES;
  }
  return bytes;
}
