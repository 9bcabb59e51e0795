import type { AddRows, RowTypes, TableName } from '../../core/schema/table-registry.ts';
import type { DroppedRowCounter } from './dropped-rows.ts';
import type { RowWriter } from './row-writer.ts';

/** Maximum number of rows per interval before the writer is loaded. Normally, there are only a few. */
const MAX_PENDING_ROWS = 20_000;

type PendingRows = { [N in TableName]: [N, readonly RowTypes[N][]] }[TableName];

/**
 * Buffers rows until the writer is loaded. This happens after the application has started, and after a
 * QuestDB was found.
 */
export class DeferredWriter {
  /** Rows of the last complete interval. */
  #previous: PendingRows[] = [];
  #pending: PendingRows[] = [];
  #pendingRows = 0;
  #writer: RowWriter | undefined;
  readonly #dropped: DroppedRowCounter;
  readonly #beforeBatchListeners: (() => void)[] = [];

  constructor(dropped: DroppedRowCounter) {
    this.#dropped = dropped;
  }

  readonly add: AddRows = (table, rows) => {
    if (this.#writer) return this.#writer.add(table, rows);
    if (this.#pendingRows + rows.length > MAX_PENDING_ROWS) {
      this.#dropped.add('memory_full', rows.length);
      return;
    }
    this.#pendingRows += rows.length;
    this.#pending.push([table, rows] as PendingRows);
  };

  /** Calls `listener` before each batch is created. */
  onBeforeBatch(listener: () => void): void {
    this.#beforeBatchListeners.push(listener);
    this.#writer?.onBeforeBatch(listener);
  }

  /**
   * Ends an interval while no server is running: keeps its rows, including aggregated rows, and
   * discards the rows of the interval before.
   */
  startInterval(): void {
    if (this.#writer) return;
    for (const listener of this.#beforeBatchListeners) listener();
    this.#previous = this.#pending;
    this.#pending = [];
    this.#pendingRows = 0;
  }

  /** Passes the buffered rows to the writer, and then all later rows. */
  connect(writer: RowWriter): void {
    this.#writer = writer;
    for (const listener of this.#beforeBatchListeners) writer.onBeforeBatch(listener);
    for (const [table, rows] of [...this.#previous, ...this.#pending]) {
      writer.add(table as 'performance_metrics', rows as RowTypes['performance_metrics'][]);
    }
    this.#previous = [];
    this.#pending = [];
    this.#pendingRows = 0;
  }

  /** Number of buffered rows. */
  get pendingRows(): number {
    return [...this.#previous, ...this.#pending].reduce((sum, [, rows]) => sum + rows.length, 0);
  }

  get writer(): RowWriter | undefined {
    return this.#writer;
  }
}
