import { coded, reasonOf } from '../errors.ts';
import { type Log, oncePerKind } from '../log.ts';
import type { AnyRow } from '../schema/column.ts';
import { isMeasurementTable, tableNamed } from '../schema/tables.ts';
import type { Batch } from './batch.ts';
import type { DroppedRows } from './dropped.ts';
import { Encoder } from './encode.ts';
import type { Part } from './row-buffer.ts';

const DAY_MS = 86_400_000;

export interface BatchMakerOptions {
  /** Measurements older than this are dropped: QuestDB would do so without a word. */
  maxAgeMs: number;
  dropped: DroppedRows;
  log: Log;
}

/** Makes batches of rows. What can't be stored is counted and left out. */
export class BatchMaker {
  readonly #options: BatchMakerOptions;
  readonly #encoder = new Encoder();
  readonly #once: (kind: string, message: string) => void;

  constructor(options: BatchMakerOptions) {
    this.#options = options;
    this.#once = oncePerKind(options.log);
  }

  /** One batch for each day: QuestDB drops whole days, so a batch that waits expires as a whole. */
  make({ table, rows }: Part, nowMs: number = Date.now()): Batch[] {
    if (!isMeasurementTable(table)) return this.#encode({ table, rows });
    const young = this.#young(rows, nowMs);
    const days = Map.groupBy(young, ({ timestamp }) => Math.floor(timestamp / DAY_MS));
    return [...days.values()].flatMap((ofDay) => this.#encode({ table, rows: ofDay }));
  }

  #young(rows: readonly AnyRow[], nowMs: number): readonly AnyRow[] {
    const { maxAgeMs, dropped } = this.#options;
    const young = rows.filter(({ timestamp }) => timestamp >= nowMs - maxAgeMs);
    const expired = rows.length - young.length;
    if (expired === 0) return rows;
    dropped.add('expired', expired);
    const reason = 'they are older than the retention';
    this.#once(reason, coded('PS_ROWS_DROPPED', { rows: expired, reason }).message);
    return young;
  }

  #encode({ table, rows }: Part): Batch[] {
    try {
      const lines = this.#encoder.encode(tableNamed(table), rows);
      const newestMs = rows.reduce((newest, row) => Math.max(newest, row.timestamp), 0);
      const { length: bytes } = lines;
      return [{ table, rows: rows.length, newestMs, bytes, file: undefined, lines }];
    } catch (error) {
      if (rows.length > 1) return rows.flatMap((row) => this.#encode({ table, rows: [row] }));
      this.#options.dropped.add('unwritable', 1);
      const reason = reasonOf(error);
      this.#options.log.warn(coded('PS_ROWS_DROPPED', { rows: 1, reason }).message);
      return [];
    }
  }
}
