import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { Logger } from '../../core/log.ts';
import { isMeasurementTable } from '../../core/schema/table-registry.ts';
import type { Batch } from '../spool/batch.ts';
import { createDropLog } from '../spool/dropped-row-report.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import { DatabaseClock } from './database-clock.ts';

export interface ExpiredRowsOptions {
  /** Age in ms at which QuestDB removes measurements. */
  readonly maxAgeMs: number;
  readonly dropped: DroppedRowCounter;
  readonly log: Logger;
}

/** The batches that are not too old. */
export interface CurrentBatches {
  readonly batches: readonly Batch[];
  /** Measurements that are older were removed, in ms since the epoch. Undefined if no batch was removed. */
  readonly expiredBeforeMs: number | undefined;
}

/**
 * Drops measurements that QuestDB would accept but not store. The clock of a process can be wrong, so rows are dropped
 * only if they are too old by the clock of QuestDB too.
 */
export class ExpiredRows {
  readonly #options: ExpiredRowsOptions;
  readonly #clock = new DatabaseClock();
  readonly #logDropped: (rows: number, reason: string) => void;

  constructor(options: ExpiredRowsOptions) {
    this.#options = options;
    this.#logDropped = createDropLog(options.dropped, options.log);
  }

  /**
   * Removes and counts the batches that are too old.
   *
   * @param isRepeated whether the rows were handled before, so that they are not counted
   */
  async remove(
    target: WriteTarget,
    batches: readonly Batch[],
    isRepeated: boolean,
    signal: AbortSignal,
  ): Promise<CurrentBatches> {
    const unchanged = { batches, expiredBeforeMs: undefined };
    const { maxAgeMs } = this.#options;
    const localMs = Date.now();
    if (!batches.some((batch) => isOlder(batch, localMs - maxAgeMs))) return unchanged;
    const databaseMs = await this.#clock.read(target, signal);
    if (databaseMs === undefined) return unchanged;
    const expiredBeforeMs = Math.min(localMs, databaseMs) - maxAgeMs;
    const expired = batches.filter((batch) => isOlder(batch, expiredBeforeMs));
    if (expired.length === 0) return unchanged;
    if (!isRepeated) this.#count(expired.reduce((sum, { rows }) => sum + rows, 0));
    return { batches: batches.filter((batch) => !expired.includes(batch)), expiredBeforeMs };
  }

  #count(rows: number): void {
    this.#options.dropped.add('expired', rows);
    this.#logDropped(
      rows,
      'they are older than the retention period. Raise PERFORMANCE_RETENTION_DAYS to keep such rows',
    );
  }
}

/** Whether all rows of a batch are older. State tables keep their rows. */
export function isOlder({ table, newestMs }: Batch, timeMs: number): boolean {
  return isMeasurementTable(table) && newestMs < timeMs;
}
