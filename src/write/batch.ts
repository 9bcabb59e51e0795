import { isTableName, type TableName } from '../schema/tables.ts';

/** Encoded rows of one table, on their way to QuestDB. */
export interface Batch {
  readonly table: TableName;
  readonly rows: number;
  /** ms since the epoch of its newest row. */
  readonly newestMs: number;
  readonly bytes: number;
  /** Where it is kept on disk; undefined while the spool cannot be written. */
  file: string | undefined;
  /** Its lines, as long as they are also in memory. */
  lines: Buffer | undefined;
}

const NAME = /^(\d+)\.([a-z_]+)\.(\d+)\.(\d+)\.ilp$/;

/** The file's name says all that is needed to send, count or drop it. `seq` orders the files. */
export function fileName(seq: number, batch: Pick<Batch, 'table' | 'rows' | 'newestMs'>): string {
  return `${String(seq).padStart(12, '0')}.${batch.table}.${batch.rows}.${Math.round(batch.newestMs)}.ilp`;
}

/** The batch that a file holds; undefined when it is not a finished batch of ours. */
export function fromFile(folder: string, name: string, bytes: number): Batch | undefined {
  const [, , table, rows, newestMs] = NAME.exec(name) ?? [];
  if (table === undefined || !isTableName(table)) return undefined;
  return {
    table,
    rows: Number(rows),
    newestMs: Number(newestMs),
    bytes,
    file: `${folder}/${name}`,
    lines: undefined,
  };
}
