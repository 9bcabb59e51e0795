import {
  isPaused,
  type PausedTarget,
  type WriteTarget,
} from '../../core/config/questdb-targets.ts';
import type { Spool } from '../spool/spool.ts';
import type { SpoolSender } from './spool-sender.ts';
import { type ReadTableIds, TableWatch } from './table-watch.ts';

export interface TableResenderOptions {
  readonly spool: Pick<Spool, 'resendAcknowledged'>;
  /** Returns the current QuestDB, or undefined if none is known. */
  readonly target: () => WriteTarget | PausedTarget | undefined;
  /** See `RowWriterOptions`. */
  readonly ensureTables: (target: WriteTarget, signal: AbortSignal) => Promise<boolean | undefined>;
  readonly readTableIds: ReadTableIds;
}

/**
 * Sends the rows of the last minute again after a table was dropped. QuestDB 9.3 acknowledges the next request on an
 * open connection, but does not store its rows. Another process can create the table before this process finds that it
 * is missing.
 */
export class TableResender {
  readonly #options: TableResenderOptions;
  readonly #watch: TableWatch;
  /** Number of stored requests at the last check of the tables. */
  #checkedRequests = 0;

  constructor(options: TableResenderOptions) {
    this.#options = options;
    this.#watch = new TableWatch(options.readTableIds);
  }

  /** Creates missing tables and columns. @throws the error of `ensureTables` */
  async ensureTables(target: WriteTarget, signal: AbortSignal): Promise<void> {
    let wasRepaired: boolean | undefined;
    try {
      wasRepaired = await this.#options.ensureTables(target, signal);
    } finally {
      const wasReplaced = await this.#watch.wasTableReplaced(target, signal);
      if (wasRepaired || wasReplaced) {
        this.#watch.startResending();
        this.#options.spool.resendAcknowledged();
      }
    }
  }

  /** Sends the rows again if rows were stored since the last check, and a table was replaced. Never rejects. */
  async check(
    sender: Pick<SpoolSender, 'storedRequests' | 'reconnect' | 'start'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { storedRequests } = sender;
    if (storedRequests === this.#checkedRequests) return;
    try {
      const target = this.#options.target();
      if (!target || isPaused(target)) return;
      const wasReplaced = await this.#watch.wasTableReplaced(target, signal);
      this.#checkedRequests = storedRequests;
      if (wasReplaced) {
        this.#watch.startResending();
        sender.reconnect();
      }
    } catch {
      // The next check can succeed.
      return;
    }
    if (!this.#watch.isResending()) return;
    this.#options.spool.resendAcknowledged();
    sender.start();
  }
}
