import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { Logger } from '../../core/log.ts';
import { type Batch, isOlder } from '../spool/batch.ts';
import { createDropLog } from '../spool/dropped-row-report.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import { sumRows } from '../spool/unsent-rows.ts';
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
  /** Number of removed rows. */
  readonly expiredRows: number;
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

  /** Removes the batches that are too old. They are not counted before the end of the reading. */
  async remove(
    target: WriteTarget,
    batches: readonly Batch[],
    signal: AbortSignal,
  ): Promise<CurrentBatches> {
    const unchanged = { batches, expiredBeforeMs: undefined, expiredRows: 0 };
    const { maxAgeMs } = this.#options;
    const localMs = Date.now();
    if (!batches.some((batch) => isOlder(batch, localMs - maxAgeMs))) return unchanged;
    const databaseMs = await this.#clock.read(target, signal);
    if (databaseMs === undefined) return unchanged;
    const expiredBeforeMs = Math.min(localMs, databaseMs) - maxAgeMs;
    const expired = batches.filter((batch) => isOlder(batch, expiredBeforeMs));
    if (expired.length === 0) return unchanged;
    const current = batches.filter((batch) => !isOlder(batch, expiredBeforeMs));
    return { batches: current, expiredBeforeMs, expiredRows: sumRows(expired) };
  }

  /** Counts rows that were removed. */
  count(rows: number): void {
    if (rows === 0) return;
    this.#options.dropped.add('expired', rows);
    this.#logDropped(
      rows,
      'they are older than the retention period. Raise PERFORMANCE_RETENTION_DAYS to keep such rows',
    );
  }
}
