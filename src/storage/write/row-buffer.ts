import type { AnyRow } from '../../core/schema/table-definition.ts';
import type { TableName } from '../../core/schema/table-registry.ts';

/** Most rows of a batch: some megabytes, so that a request ends well within its deadline. */
const MAX_CHUNK_ROWS = 5000;

/** Rows of one table that are on their way to the disk. */
export interface RowChunk {
  readonly table: TableName;
  readonly rows: readonly AnyRow[];
}

/** Rows by table, in the order in which they came, until each part of them is on disk. */
export class RowBuffer {
  #byTable = new Map<TableName, AnyRow[]>();
  #chunks: RowChunk[] = [];
  #rows = 0;

  /** Rows that have come since the last `cut`. */
  get rows(): number {
    return this.#rows;
  }

  add(table: TableName, rows: readonly AnyRow[]): void {
    const before = this.#byTable.get(table);
    if (before) for (const row of rows) before.push(row);
    else this.#byTable.set(table, [...rows]);
    this.#rows += rows.length;
  }

  /** Makes parts of what has come. */
  splitIntoChunks(): void {
    for (const [table, rows] of this.#byTable) {
      for (let i = 0; i < rows.length; i += MAX_CHUNK_ROWS) {
        this.#chunks.push({ table, rows: rows.slice(i, i + MAX_CHUNK_ROWS) });
      }
    }
    this.#byTable = new Map();
    this.#rows = 0;
  }

  /** The oldest part. It stays until `done`, because the process may end while it is written. */
  get oldestChunk(): RowChunk | undefined {
    return this.#chunks[0];
  }

  removeChunk(part: RowChunk): void {
    if (this.#chunks[0] === part) this.#chunks.shift();
  }
}
