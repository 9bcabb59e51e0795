import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { isUnreachable } from './exec-sql-http.ts';
import { WalResumeSchedule } from './wal-resume-schedule.ts';
import { resumeWal, type WalTable } from './wal-tables.ts';

const STATEMENT_TIMEOUT_MS = 10_000;

/** Resumes tables that QuestDB has suspended, and logs the result. */
export class WalResumer {
  readonly #schedule = new WalResumeSchedule();
  readonly #target: () => WriteTarget;
  readonly #log: Logger;
  #running: Promise<void> | undefined;

  constructor(target: () => WriteTarget, log: Logger) {
    this.#target = target;
    this.#log = log;
  }

  /**
   * Resumes the tables that are due. Does nothing while an earlier call is running, and stops if
   * QuestDB is unreachable. Never rejects.
   *
   * @param tables see {@link WalResumeSchedule.update}, also for `isDiskLow` and `now`
   */
  update(tables: readonly WalTable[], isDiskLow: boolean, now: number): Promise<void> {
    this.#running ??= this.#resumeDue(tables, isDiskLow, now).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #resumeDue(tables: readonly WalTable[], isDiskLow: boolean, now: number): Promise<void> {
    const { newlySuspended, recovered, due } = this.#schedule.update(tables, isDiskLow, now);
    for (const state of newlySuspended) this.#log.warn(createSuspendedError([state]).message);
    for (const table of recovered) this.#log.info(`QuestDB stores rows in ${table} again.`);
    for (const table of due) {
      this.#schedule.recordAttempt(table, now);
      try {
        const options = { timeoutMs: STATEMENT_TIMEOUT_MS, keepsProcessAlive: false };
        await resumeWal(this.#target(), table, options);
        this.#log.info(`Resuming the suspended table ${table}. QuestDB applies all waiting rows.`);
      } catch (error) {
        this.#log.warn(`Failed to resume the table ${table}: ${errorMessage(error)}`);
        // The other tables are still due.
        if (isUnreachable(error)) return;
      }
    }
  }
}

/** Creates the error for suspended tables. `tables` must not be empty. */
export function createSuspendedError(tables: readonly WalTable[]) {
  return createError('PS_TABLE_SUSPENDED', {
    tables: tables.map(({ table }) => table).join(', '),
    reason: [...new Set(tables.map(({ reason }) => reason))].join('; '),
  });
}
