import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { isUnreachable } from '../questdb/exec-sql-http.ts';
import type { ReadTableIds } from './table-watch.ts';

/** Time between two attempts to create missing tables after QuestDB refused it. */
const RETRY_MS = 30_000;

export interface TablePreparationOptions {
  /** Creates missing tables and columns. The signal cancels the requests. */
  readonly ensureTables: (target: WriteTarget, signal: AbortSignal) => Promise<void>;
  /** Returns the IDs of all tables by name. Default: if tables can't be created, no rows are sent. */
  readonly readTableIds?: ReadTableIds | undefined;
  readonly log: Logger;
}

/**
 * Creates missing tables and columns before the first write to a QuestDB. If QuestDB refuses that, or a newer version
 * has changed the schema, rows of existing tables can still be stored.
 */
export class TablePreparation {
  readonly #options: TablePreparationOptions;
  #preparedUrl: string | undefined;
  #nextTryMs = Number.POSITIVE_INFINITY;
  /** The tables that can be written if the last attempt was refused. Undefined: all tables. */
  #existingTables: ReadonlySet<string> | undefined;
  #refusal = '';

  constructor(options: TablePreparationOptions) {
    this.#options = options;
  }

  /** Why the last attempt was refused. */
  get refusal(): string {
    return this.#refusal;
  }

  /** QuestDB could create a missing table itself, but not as Perfscope needs it. */
  canWrite(table: string): boolean {
    return this.#existingTables?.has(table) !== false;
  }

  /**
   * Creates missing tables and columns if necessary.
   *
   * @throws PS_QUESTDB_UNREACHABLE, or the error of `ensureTables` if existing tables are unknown
   */
  async prepare(target: WriteTarget, signal: AbortSignal): Promise<void> {
    if (this.#preparedUrl === target.url && performance.now() < this.#nextTryMs) return;
    const { ensureTables, readTableIds, log } = this.#options;
    try {
      await ensureTables(target, signal);
      this.#existingTables = undefined;
      this.#nextTryMs = Number.POSITIVE_INFINITY;
    } catch (error) {
      if (isUnreachable(error) || !readTableIds) throw error;
      this.#existingTables = new Set((await readTableIds(target, signal)).keys());
      this.#nextTryMs = performance.now() + RETRY_MS;
      const message = errorMessage(error);
      if (message !== this.#refusal) {
        log.warn(`${message} Rows are stored only in tables that already exist.`);
      }
      this.#refusal = message;
    }
    this.#preparedUrl = target.url;
  }
}
