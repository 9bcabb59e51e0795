import type { Batch } from '../spool/batch.ts';
import {
  removeExpired,
  removeHandled,
  sumRows,
  type UnsentRows,
  type UnsentTable,
} from '../spool/unsent-rows.ts';
import type { CurrentBatches } from './expired-rows.ts';
import { LineQueue } from './line-queue.ts';

/** Batches that were read from the spool. See `SpoolReading`. */
export interface SpooledBatches {
  readonly batches: readonly Batch[];
  /** Whether all rows were handled before, and are only sent again. Default: `false`. */
  readonly isRepeated?: boolean;
  /** The result of the last attempt, if these batches could not be sent before. */
  readonly unsent?: Pick<UnsentRows, 'tables'> | undefined;
}

/** The rows of a reading that still have to be sent, by table. The order of a table's rows stays the same. */
export class SendWindow {
  readonly reading: SpooledBatches;
  /** Number of rows that expired since the last attempt. */
  readonly expiredRows: number;
  readonly #queues: ReadonlyMap<string, LineQueue>;
  /** All rows of each table that did not expire. They include the rows that were handled in earlier attempts. */
  readonly #tables: ReadonlyMap<string, Omit<UnsentTable, 'handledRows'>>;

  /** @param current the batches of the reading that must be sent */
  constructor(reading: SpooledBatches, current: CurrentBatches) {
    this.reading = reading;
    this.expiredRows = current.expiredRows;
    const queued = Map.groupBy(current.batches, ({ table }) => table);
    this.#queues = new Map(
      [...queued].map(([table, chunks]) => [table, new LineQueue(chunks, reading.isRepeated)]),
    );
    const read = Map.groupBy(reading.batches, ({ table }) => table);
    this.#tables = new Map(
      [...read].map(([table, batches]) => {
        const earlierMs = reading.unsent?.tables.get(table)?.expiredBeforeMs;
        const expiredBeforeMs = getLater(earlierMs, current.expiredBeforeMs);
        const rows = sumRows(removeExpired(batches, expiredBeforeMs));
        return [table, { rows, expiredBeforeMs }];
      }),
    );
  }

  /** Tables with rows that must be sent. */
  get pending(): readonly (readonly [table: string, queue: LineQueue])[] {
    return [...this.#queues].filter(([, queue]) => !queue.isEmpty);
  }

  /**
   * Returns the rows that could not be sent.
   *
   * @param tableInFlight the table whose rows are being sent
   */
  getUnsent(tableInFlight?: string): UnsentRows {
    const tables = new Map(this.pending.map(([table]) => [table, this.getProgress(table)]));
    return { tables, tableInFlight };
  }

  /** Returns how many rows of a table were handled, including rows of earlier attempts. They are the first ones. */
  getProgress(table: string): UnsentTable {
    const { rows, expiredBeforeMs } = this.#tables.get(table) ?? { rows: 0 };
    const queue = this.#queues.get(table);
    const remainingRows = queue ? queue.rows - queue.handledRows : 0;
    return { rows, handledRows: rows - remainingRows, expiredBeforeMs };
  }
}

/** Returns the batches of a reading without the rows that were handled in an earlier attempt. */
export function resumeBatches({ batches, unsent }: SpooledBatches): readonly Batch[] {
  if (!unsent) return batches;
  return [...Map.groupBy(batches, ({ table }) => table)].flatMap(([table, group]) => {
    const unsentTable = unsent.tables.get(table);
    return unsentTable ? removeHandled(group, unsentTable) : group;
  });
}

function getLater(first: number | undefined, second: number | undefined): number | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return Math.max(first, second);
}
