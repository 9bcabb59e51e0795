import { setImmediate as nextTurn } from 'node:timers/promises';
import { createError } from '../../core/perfscope-error.ts';
import type { AnyRow } from '../../core/schema/table-definition.ts';
import type { TableName } from '../../core/schema/table-registry.ts';
import type { Batch } from '../spool/batch.ts';
import type { Spool } from '../spool/spool.ts';
import { sumRows } from '../spool/unsent-rows.ts';
import type { BatchEncoder } from './batch-encoder.ts';
import { MAX_CHUNK_ROWS } from './row-buffer.ts';

/** Rows that are stored together, or not at all. */
export interface DurableRows {
  readonly tables: ReadonlyMap<TableName, readonly AnyRow[]>;
  /** Data that must survive a crash if the rows do, and only then. See `SeriesTransaction.encode`. Default: none. */
  readonly state?: Uint8Array | undefined;
}

/** Writes rows of several tables to the spool in one record. */
export class DurableRowAdder {
  readonly #encoder: Pick<BatchEncoder, 'toBatches'>;
  readonly #spool: Pick<Spool, 'addDurably'>;

  constructor(encoder: Pick<BatchEncoder, 'toBatches'>, spool: Pick<Spool, 'addDurably'>) {
    this.#encoder = encoder;
    this.#spool = spool;
  }

  /**
   * Resolves with the number of rows when they are in the spool.
   *
   * @param isClosed whether the writer was closed. Called after the rows were encoded
   * @throws see `RowWriter.addDurably`
   */
  async add({ tables, state }: DurableRows, isClosed: () => boolean): Promise<number> {
    const batches: Batch[] = [];
    let isFirst = true;
    for (const [table, rows] of tables) {
      for (let i = 0; i < rows.length; i += MAX_CHUNK_ROWS) {
        // Encoding many rows must not block the event loop.
        if (!isFirst) await nextTurn();
        isFirst = false;
        const isWhole = rows.length <= MAX_CHUNK_ROWS;
        const chunk = isWhole ? rows : rows.slice(i, i + MAX_CHUNK_ROWS);
        for (const batch of this.#encoder.toBatches({ table, rows: chunk })) batches.push(batch);
      }
    }
    // Otherwise, the spool would create another folder after its end.
    if (isClosed()) throw createError('PS_WRITER_CLOSED', {});
    const rows = sumRows(batches);
    if (rows > 0 || state) await this.#spool.addDurably({ batches, rows, state });
    return rows;
  }
}
