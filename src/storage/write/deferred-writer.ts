import type { AddRows, RowTypes, TableName } from '../../core/schema/table-registry.ts';
import type { DroppedRowCounter } from './dropped-rows.ts';
import type { RowWriter } from './row-writer.ts';

/** Rows that wait for the writer at most; a service records few before its first turn is over. */
const MAX_PENDING_ROWS = 50_000;

type PendingRows = { [N in TableName]: [N, readonly RowTypes[N][]] }[TableName];

/** Takes rows before the writer is loaded, which happens after the application has started. */
export class DeferredWriter {
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

  /** `add` is called before each batch is made. */
  onBeforeBatch(add: () => void): void {
    this.#beforeBatchListeners.push(add);
    this.#writer?.onBeforeBatch(add);
  }

  connect(writer: RowWriter): void {
    this.#writer = writer;
    for (const source of this.#beforeBatchListeners) writer.onBeforeBatch(source);
    for (const [table, rows] of this.#pending) {
      writer.add(table as 'performance_metrics', rows as RowTypes['performance_metrics'][]);
    }
    this.#pending = [];
    this.#pendingRows = 0;
  }

  get writer(): RowWriter | undefined {
    return this.#writer;
  }
}
