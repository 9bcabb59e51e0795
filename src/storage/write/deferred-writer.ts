import { startImmediate } from '../../core/guarded-timers.ts';
import type { Logger } from '../../core/log.ts';
import {
  type AddRows,
  type RowTypes,
  type TableName,
  toAnyRows,
} from '../../core/schema/table-registry.ts';
import { createDropLog } from '../spool/dropped-row-report.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import type { CollectCheckpoint } from './checkpoint-writer.ts';
import { RowSizeEstimator } from './row-size-estimator.ts';
import type { RowWriter } from './row-writer.ts';

/** Limit of the estimated size of all buffered rows, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;
const DROP_DESCRIPTION =
  'they exceed 16 MB, and no QuestDB is known. Start a server, or set PERFORMANCE_QUESTDB_URL';

type PendingRows = { [N in TableName]: [N, readonly RowTypes[N][]] }[TableName];

/** Rows of one interval. */
interface Interval {
  readonly rows: PendingRows[];
  bytes: number;
}

/**
 * Buffers rows until the writer is loaded. This happens after the application has started, and after a
 * QuestDB was found.
 */
export class DeferredWriter {
  /** Rows of the last complete interval. */
  #previous: Interval = { rows: [], bytes: 0 };
  #pending: Interval = { rows: [], bytes: 0 };
  readonly #sizes = new RowSizeEstimator();
  #writer: RowWriter | undefined;
  #droppedRows = 0;
  #isDisabled = false;
  #onFull: () => void = () => {};
  readonly #dropped: DroppedRowCounter;
  readonly #logDropped: (rows: number, reason: string) => void;
  #collectCheckpoint: CollectCheckpoint = () => undefined;
  readonly #beforeBatchListeners: (() => void)[] = [];

  constructor(dropped: DroppedRowCounter, log: Logger) {
    this.#dropped = dropped;
    this.#logDropped = createDropLog(dropped, log);
  }

  readonly add: AddRows = (table, rows) => {
    if (this.#writer) return this.#writer.add(table, rows);
    if (this.#isDisabled) return;
    const bytes = this.#sizes.estimate(table, toAnyRows(rows));
    if (!this.#hasSpace(bytes)) {
      // The event loop can be blocked by the code that adds the rows, so no timer can load the writer.
      this.#onFull();
      if (this.writer) return this.writer.add(table, rows);
      this.#previous = { rows: [], bytes: 0 };
      if (!this.#hasSpace(bytes)) return this.#drop(rows.length);
    }
    this.#pending.bytes += bytes;
    this.#pending.rows.push([table, rows] as PendingRows);
  };

  /** Calls `listener` before each batch is created. */
  onBeforeBatch(listener: () => void): void {
    this.#beforeBatchListeners.push(listener);
    this.#writer?.onBeforeBatch(listener);
  }

  /** See {@link RowWriter.onCheckpoint}. */
  onCheckpoint(collect: CollectCheckpoint): void {
    this.#collectCheckpoint = collect;
    this.#writer?.onCheckpoint(collect);
  }

  /** Calls `listener` when the buffered rows reach 16 MB. It should call `connect` if possible. */
  onFull(listener: () => void): void {
    this.#onFull = listener;
  }

  /**
   * Ends an interval while no server is running: keeps its rows, including aggregated rows, and
   * discards the rows of the interval before.
   */
  startInterval(): void {
    if (this.#writer) return;
    for (const listener of this.#beforeBatchListeners) listener();
    this.#previous = this.#pending;
    this.#pending = { rows: [], bytes: 0 };
  }

  /** Discards all rows, because this process doesn't write to QuestDB. They aren't counted as dropped. */
  disable(): void {
    this.#isDisabled = true;
    this.#previous = { rows: [], bytes: 0 };
    this.#pending = { rows: [], bytes: 0 };
  }

  /** Passes the buffered rows to the writer, and then all later rows. */
  connect(writer: RowWriter): void {
    this.#writer = writer;
    writer.onCheckpoint(this.#collectCheckpoint);
    for (const listener of this.#beforeBatchListeners) writer.onBeforeBatch(listener);
    for (const [table, rows] of [...this.#previous.rows, ...this.#pending.rows]) {
      writer.add(table as 'performance_metrics', rows as RowTypes['performance_metrics'][]);
    }
    this.#previous = { rows: [], bytes: 0 };
    this.#pending = { rows: [], bytes: 0 };
  }

  /** Logs once that rows were dropped, if any were. */
  reportDropped(): void {
    if (this.#droppedRows > 0) this.#logDropped(this.#droppedRows, DROP_DESCRIPTION);
  }

  /** Number of buffered rows. */
  get pendingRows(): number {
    return [...this.#previous.rows, ...this.#pending.rows].reduce(
      (sum, [, rows]) => sum + rows.length,
      0,
    );
  }

  get writer(): RowWriter | undefined {
    return this.#writer;
  }

  #hasSpace(bytes: number): boolean {
    return this.#previous.bytes + this.#pending.bytes + bytes <= MAX_BYTES;
  }

  #drop(rows: number): void {
    this.#dropped.add('memory_full', rows, DROP_DESCRIPTION);
    // Many rows can be dropped in a row. The message contains their number.
    if (this.#droppedRows === 0) startImmediate('the row buffer', () => this.reportDropped());
    this.#droppedRows += rows;
  }
}
