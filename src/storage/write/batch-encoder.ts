import { CallTimer } from '../../core/call-timer.ts';
import { DAY_MS } from '../../core/duration.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { getTable, isMeasurementTable } from '../../core/schema/table-registry.ts';
import type { Batch } from '../spool/batch.ts';
import { createDropLog } from '../spool/dropped-row-report.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import { LineProtocolEncoder } from './line-protocol-encoder.ts';
import type { RowChunk } from './row-buffer.ts';

export interface BatchEncoderOptions {
  dropped: DroppedRowCounter;
  log: Logger;
}

/** Encodes rows as batches. Rows that can't be encoded are counted and dropped. */
export class BatchEncoder {
  readonly #options: BatchEncoderOptions;
  readonly #encoder = new LineProtocolEncoder();
  readonly #timer = new CallTimer();
  readonly #logDropped: (rows: number, reason: string) => void;

  constructor(options: BatchEncoderOptions) {
    this.#options = options;
    this.#logDropped = createDropLog(options.dropped, options.log);
  }

  /**
   * Returns one batch per UTC day for measurements, and one batch for other tables. QuestDB drops whole
   * days, so all rows of a batch in the spool expire together.
   */
  toBatches({ table, rows }: RowChunk): Batch[] {
    return this.#timer.run(() => {
      if (!isMeasurementTable(table)) return this.#encode({ table, rows });
      const days = Map.groupBy(rows, ({ timestamp }) => Math.floor(timestamp / DAY_MS));
      return [...days.values()].flatMap((rowsOfDay) => this.#encode({ table, rows: rowsOfDay }));
    });
  }

  #encode({ table, rows }: RowChunk): Batch[] {
    try {
      const lines = this.#encoder.encode(getTable(table), rows);
      const newestMs = rows.reduce((newest, row) => Math.max(newest, row.timestamp), 0);
      return [{ table, rows: rows.length, newestMs, lines }];
    } catch (error) {
      if (rows.length > 1) {
        const middle = Math.ceil(rows.length / 2);
        return [rows.slice(0, middle), rows.slice(middle)].flatMap((half) =>
          this.#encode({ table, rows: half }),
        );
      }
      this.#options.dropped.add('unwritable', 1);
      this.#logDropped(1, errorMessage(error));
      return [];
    }
  }
}
