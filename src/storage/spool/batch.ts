import { isMeasurementTable, type TableName } from '../../core/schema/table-registry.ts';

/** Encoded rows of one table. */
export interface Batch {
  readonly table: TableName;
  /** Number of rows in `lines`. */
  readonly rows: number;
  /** Timestamp of the newest row, in ms since the epoch. */
  readonly newestMs: number;
  /** The rows in the QuestDB line protocol, each with a line feed at the end. */
  readonly lines: Buffer;
}

/** Whether all rows of a batch are older. State tables keep their rows. */
export function isOlder({ table, newestMs }: Batch, timeMs: number): boolean {
  return isMeasurementTable(table) && newestMs < timeMs;
}
