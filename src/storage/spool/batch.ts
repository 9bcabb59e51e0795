import type { TableName } from '../../core/schema/table-registry.ts';

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
