import type { AnyRow } from '../../core/schema/table-definition.ts';
import type { TableName } from '../../core/schema/table-registry.ts';

/**
 * Maximum number of rows per batch: a few megabytes, so that a request finishes within its
 * deadline.
 */
const MAX_CHUNK_ROWS = 5000;

/** Rows of one table that are encoded and written to disk together. */
export interface RowChunk {
  readonly table: TableName;
  readonly rows: readonly AnyRow[];
}

/** Buffers rows by table, in insertion order, until each chunk is on disk. */
export class RowBuffer {
  #byTable = new Map<TableName, AnyRow[]>();
  #chunks: RowChunk[] = [];
  #rows = 0;

  /** Number of rows since the last `splitIntoChunks`. */
  get rows(): number {
    return this.#rows;
  }

  add(table: TableName, rows: readonly AnyRow[]): void {
    const buffered = this.#byTable.get(table);
    if (buffered) for (const row of rows) buffered.push(row);
    else this.#byTable.set(table, [...rows]);
    this.#rows += rows.length;
  }

  /** Moves the buffered rows into chunks. */
  splitIntoChunks(): void {
    for (const [table, rows] of this.#byTable) {
      for (let i = 0; i < rows.length; i += MAX_CHUNK_ROWS) {
        this.#chunks.push({ table, rows: rows.slice(i, i + MAX_CHUNK_ROWS) });
      }
    }
    this.#byTable = new Map();
    this.#rows = 0;
  }

  /**
   * The oldest chunk. It stays until `removeChunk`, because the process can exit during the write.
   */
  get oldestChunk(): RowChunk | undefined {
    return this.#chunks[0];
  }

  removeChunk(chunk: RowChunk): void {
    if (this.#chunks[0] === chunk) this.#chunks.shift();
  }
}
