import type { AnyRow } from '../../core/schema/table-definition.ts';
import type { TableName } from '../../core/schema/table-registry.ts';
import { RowSizeEstimator } from './row-size-estimator.ts';

/** Maximum number of rows per batch, so that encoding them doesn't block the event loop for long. */
export const MAX_CHUNK_ROWS = 1000;

/** Limit of the estimated size, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Rows of one table that are encoded and written to disk together. */
export interface RowChunk {
  readonly table: TableName;
  readonly rows: readonly AnyRow[];
}

interface BufferedChunk extends RowChunk {
  readonly bytes: number;
}

/** Buffers rows by table, in insertion order, until each chunk is on disk. */
export class RowBuffer {
  #byTable = new Map<TableName, { readonly rows: AnyRow[]; bytes: number }>();
  readonly #sizes = new RowSizeEstimator();
  #chunks: BufferedChunk[] = [];
  #rows = 0;
  /** Estimated size of the rows and the chunks. */
  #bytes = 0;

  /** Number of rows since the last `splitIntoChunks`. */
  get rows(): number {
    return this.#rows;
  }

  /** Number of all rows that are not yet on disk. */
  get allRows(): number {
    return this.#chunks.reduce((sum, { rows }) => sum + rows.length, this.#rows);
  }

  /** Whether the rows must be written to disk before more rows are added. */
  get isFull(): boolean {
    return this.#bytes >= MAX_BYTES;
  }

  add(table: TableName, rows: readonly AnyRow[]): void {
    let buffered = this.#byTable.get(table);
    if (buffered === undefined) {
      buffered = { rows: [], bytes: 0 };
      this.#byTable.set(table, buffered);
    }
    for (const row of rows) buffered.rows.push(row);
    const bytes = this.#sizes.estimate(table, rows);
    buffered.bytes += bytes;
    this.#rows += rows.length;
    this.#bytes += bytes;
  }

  /** Moves the buffered rows into chunks. */
  splitIntoChunks(): void {
    for (const [table, { rows, bytes }] of this.#byTable) {
      for (let i = 0; i < rows.length; i += MAX_CHUNK_ROWS) {
        const chunk = rows.slice(i, i + MAX_CHUNK_ROWS);
        this.#chunks.push({ table, rows: chunk, bytes: (bytes * chunk.length) / rows.length });
      }
    }
    this.#byTable = new Map();
    this.#rows = 0;
  }

  /**
   * Returns the oldest chunk, except `excluded`. It stays until `removeChunk`, because the process can exit
   * during the write.
   */
  getOldestChunk(excluded?: RowChunk): RowChunk | undefined {
    return this.#chunks.find((chunk) => chunk !== excluded);
  }

  removeChunk(removed: RowChunk): void {
    const index = this.#chunks.indexOf(removed as BufferedChunk);
    if (index === -1) return;
    this.#bytes -= this.#chunks[index]!.bytes;
    this.#chunks.splice(index, 1);
    // Removes the rounding errors of the divisions.
    if (this.#rows === 0 && this.#chunks.length === 0) this.#bytes = 0;
  }

  /** Removes all rows. */
  clear(): void {
    this.#byTable = new Map();
    this.#chunks = [];
    this.#rows = 0;
    this.#bytes = 0;
  }
}
