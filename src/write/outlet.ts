import type { Add, RowTypes, TableName } from '../schema/tables.ts';
import type { DroppedRows } from './dropped.ts';
import type { Writer } from './writer.ts';

/** Rows that wait for the writer at most; a service records few before its first turn is over. */
const MOST_WAITING = 50_000;

type Pending = { [N in TableName]: [N, readonly RowTypes[N][]] }[TableName];

/** Takes rows before the writer is loaded, which happens after the application has started. */
export class Outlet {
  #pending: Pending[] = [];
  #pendingRows = 0;
  #writer: Writer | undefined;
  readonly #dropped: DroppedRows;
  readonly #sources: (() => void)[] = [];

  constructor(dropped: DroppedRows) {
    this.#dropped = dropped;
  }

  readonly add: Add = (table, rows) => {
    if (this.#writer) return this.#writer.add(table, rows);
    if (this.#pendingRows + rows.length > MOST_WAITING) {
      this.#dropped.add('memory_full', rows.length);
      return;
    }
    this.#pendingRows += rows.length;
    this.#pending.push([table, rows] as Pending);
  };

  /** `add` is called before each batch is made. */
  beforeBatch(add: () => void): void {
    this.#sources.push(add);
    this.#writer?.beforeBatch(add);
  }

  connect(writer: Writer): void {
    this.#writer = writer;
    for (const source of this.#sources) writer.beforeBatch(source);
    for (const [table, rows] of this.#pending) {
      writer.add(table as 'performance_metrics', rows as RowTypes['performance_metrics'][]);
    }
    this.#pending = [];
    this.#pendingRows = 0;
  }

  get writer(): Writer | undefined {
    return this.#writer;
  }
}
