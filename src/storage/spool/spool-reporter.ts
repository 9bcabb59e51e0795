import { formatBytes } from '../../core/format.ts';
import { countFailure } from '../../core/guard.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { createDropLog } from './dropped-row-report.ts';
import type { DroppedRowCounter, DropReason } from './dropped-rows.ts';

const PART = 'the spool';

/** Counts dropped rows and failures of the spool, and logs each kind once. */
export class SpoolReporter {
  readonly #dir: string;
  readonly #dropped: DroppedRowCounter;
  readonly #warnOnce: (kind: string, message: string) => boolean;
  readonly #logDropped: (rows: number, reason: string, kind: string) => void;

  constructor(dir: string, dropped: DroppedRowCounter, log: Logger) {
    this.#dir = dir;
    this.#dropped = dropped;
    this.#warnOnce = createWarnOnce(log);
    this.#logDropped = createDropLog(dropped, log);
  }

  /**
   * @param description why the rows were dropped, and what to do. Rows that are dropped at the end of the process
   * are not logged here, because `reportDroppedAtExit` logs the totals.
   */
  reportDropped(reason: DropReason, rows: number, description: string): void {
    if (rows <= 0) return;
    this.#dropped.add(reason, rows, description);
    if (reason !== 'process_exit') this.#logDropped(rows, description, reason);
  }

  /** @param action past participle, such as `deleted` */
  reportFailure(action: string, error: unknown): void {
    countFailure(PART);
    const params = { dir: this.#dir, action, reason: errorMessage(error) };
    this.#warnOnce(action, createError('PS_SPOOL_FAILED', params).message);
  }

  reportUnwritable(error: unknown): void {
    countFailure(PART);
    const params = { dir: this.#dir, reason: errorMessage(error) };
    this.#warnOnce('unwritable', createError('PS_SPOOL_UNWRITABLE', params).message);
  }

  reportUntrusted(path: string, reason: string): void {
    this.#warnOnce(
      `untrusted ${path}`,
      createError('PS_SPOOL_UNTRUSTED', { path, reason }).message,
    );
  }

  reportDamage(path: string, rows: number, bytes: number): void {
    this.#dropped.add('damaged', rows);
    const params = { path, rows, size: formatBytes(bytes) };
    const isLogged = this.#warnOnce('damaged', createError('PS_SPOOL_DAMAGED', params).message);
    if (isLogged) this.#dropped.markReported(rows);
  }
}
