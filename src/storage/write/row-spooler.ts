import type { AnyRow } from '../../core/schema/table-definition.ts';
import type { TableName } from '../../core/schema/table-registry.ts';
import type { Batch } from '../spool/batch.ts';
import type { Spool } from '../spool/spool.ts';
import type { BatchEncoder } from './batch-encoder.ts';
import { RowBuffer, type RowChunk } from './row-buffer.ts';

/** The chunk that is being written. */
interface ChunkInProgress {
  readonly chunk: RowChunk;
  readonly batches: readonly Batch[];
  /** Number of batches that are in the spool. */
  addedBatches: number;
}

/** Buffers rows and writes them to the spool, one chunk at a time. */
export class RowSpooler {
  readonly #encoder: Pick<BatchEncoder, 'toBatches'>;
  readonly #spool: Pick<Spool, 'add' | 'addSync'>;
  readonly #buffer = new RowBuffer();
  #writing: Promise<void> | undefined;
  #inProgress: ChunkInProgress | undefined;

  constructor(encoder: Pick<BatchEncoder, 'toBatches'>, spool: Pick<Spool, 'add' | 'addSync'>) {
    this.#encoder = encoder;
    this.#spool = spool;
  }

  /** Number of rows since the last write started. */
  get newRows(): number {
    return this.#buffer.rows;
  }

  /** Number of rows that are not yet in the spool. */
  get rows(): number {
    return this.#buffer.allRows;
  }

  /** Same as `rows`, without the rows that are being written. The spool can already contain them. */
  get rowsNotInProgress(): number {
    return this.#buffer.allRows - (this.#inProgress?.chunk.rows.length ?? 0);
  }

  /** Adds rows to the buffer. If it is full, writes it synchronously if `writesIfFull` is set. */
  add(
    table: TableName,
    rows: readonly AnyRow[],
    { writesIfFull }: { writesIfFull: boolean },
  ): void {
    this.#buffer.add(table, rows);
    // The event loop can be blocked by the code that adds the rows.
    if (writesIfFull && this.#buffer.isFull) this.#writeChunksSync(this.#inProgress?.chunk);
  }

  /** Writes all rows to the spool. Resolves when they are there. */
  write(): Promise<void> {
    this.#buffer.splitIntoChunks();
    this.#writing ??= this.#writeUntilEmpty().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  /** Resolves when a running write has ended. It might not include the latest rows. */
  async waitForWrite(): Promise<void> {
    await this.#writing;
  }

  /** Writes all rows synchronously, for use when the process exits. Completes a running write. */
  writeSync(): void {
    if (this.#inProgress) {
      const { chunk, batches, addedBatches } = this.#inProgress;
      for (const batch of batches.slice(addedBatches)) this.#spool.addSync(batch);
      this.#buffer.removeChunk(chunk);
      this.#inProgress = undefined;
    }
    this.#writeChunksSync();
  }

  /** Removes all rows from the buffer. */
  clear(): void {
    this.#buffer.clear();
  }

  /** @param excluded chunk that is already being written */
  #writeChunksSync(excluded?: RowChunk): void {
    this.#buffer.splitIntoChunks();
    for (;;) {
      const chunk = this.#buffer.getOldestChunk(excluded);
      if (!chunk) return;
      for (const batch of this.#encoder.toBatches(chunk)) this.#spool.addSync(batch);
      this.#buffer.removeChunk(chunk);
    }
  }

  async #writeUntilEmpty(): Promise<void> {
    for (;;) {
      const chunk = this.#buffer.getOldestChunk();
      if (!chunk) return;
      const inProgress = { chunk, batches: this.#encoder.toBatches(chunk), addedBatches: 0 };
      this.#inProgress = inProgress;
      try {
        for (const batch of inProgress.batches) {
          await this.#spool.add(batch);
          inProgress.addedBatches++;
        }
        this.#buffer.removeChunk(chunk);
      } finally {
        this.#inProgress = undefined;
      }
    }
  }
}
