import type { Batch } from '../spool/batch.ts';
import type { UnsentRows, UnsentTable } from '../spool/skipped-range.ts';
import { isOlder } from './expired-rows.ts';
import { LineQueue, removeFirstRows } from './line-queue.ts';

/** Batches that were read from the spool. See `SpoolReading`. */
export interface SpooledBatches {
  readonly batches: readonly Batch[];
  /** Whether all rows were handled before, and are only sent again. Default: `false`. */
  readonly isRepeated?: boolean;
  /** The result of the last attempt, if these batches could not be sent before. */
  readonly unsent?: UnsentRows | undefined;
}

/** The rows of a reading that still have to be sent, by table. The order of a table's rows stays the same. */
export class SendWindow {
  readonly reading: SpooledBatches;
  readonly #queues: ReadonlyMap<string, LineQueue>;
  readonly #expiredBeforeMs: number | undefined;

  /**
   * @param batches the batches of the reading that must be sent. See {@link resumeBatches}
   * @param expiredBeforeMs older measurements of the reading were dropped, in ms since the epoch
   */
  constructor(
    reading: SpooledBatches,
    batches: readonly Batch[],
    expiredBeforeMs: number | undefined,
  ) {
    this.reading = reading;
    this.#expiredBeforeMs = expiredBeforeMs;
    const byTable = Map.groupBy(batches, ({ table }) => table);
    const { isRepeated } = reading;
    this.#queues = new Map(
      [...byTable].map(([table, chunks]) => [table, new LineQueue(chunks, isRepeated)]),
    );
  }

  /** Tables with rows that must be sent. */
  get pending(): readonly (readonly [table: string, queue: LineQueue])[] {
    return [...this.#queues].filter(([, queue]) => !queue.isEmpty);
  }

  /** Returns the rows that could not be sent. */
  getUnsent(isInFlight: boolean): UnsentRows {
    const tables = new Map(this.pending.map(([table]) => [table, this.getProgress(table)]));
    const expiredBeforeMs = this.reading.unsent?.expiredBeforeMs ?? this.#expiredBeforeMs;
    return { tables, expiredBeforeMs, isInFlight };
  }

  /** Returns how many rows of a table were handled, including rows of earlier attempts. */
  getProgress(table: string): UnsentTable {
    const queue = this.#queues.get(table);
    const rows = queue?.rows ?? 0;
    const handledRows = queue?.handledRows ?? 0;
    const earlier = this.reading.unsent?.tables.get(table);
    if (!earlier || queue?.isEmpty) return { rows, handledRows };
    // If rows expired in the meantime, the position of the first unsent row is unknown.
    const isSame = rows === earlier.rows - earlier.handledRows;
    return isSame
      ? { rows: earlier.rows, handledRows: earlier.handledRows + handledRows }
      : earlier;
  }
}

/** Returns the batches of a reading without the rows that were handled in an earlier attempt. */
export function resumeBatches({ batches, unsent }: SpooledBatches): readonly Batch[] {
  if (!unsent) return batches;
  const { tables, expiredBeforeMs = Number.NEGATIVE_INFINITY } = unsent;
  const counted = batches.filter((batch) => !isOlder(batch, expiredBeforeMs));
  return [...Map.groupBy(counted, ({ table }) => table)].flatMap(([table, group]) =>
    removeFirstRows(group, tables.get(table)?.handledRows ?? 0),
  );
}
