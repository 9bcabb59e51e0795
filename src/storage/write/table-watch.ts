import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { isUnreachable } from '../questdb/exec-sql-http.ts';

/** Returns the IDs of all tables by name. See `readTableIds`. */
export type ReadTableIds = (
  target: WriteTarget,
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, number>>;

/** Time in ms for which acknowledged rows are sent again after a table was created again. */
const RESEND_MS = 60_000;

/**
 * Finds tables that were dropped and created again, also by other processes. QuestDB 9.3 can acknowledge rows of a
 * dropped table without storing them: one request of each connection that had written to the table. A later connection
 * can inherit this state, so one resend is not enough.
 */
export class TableWatch {
  readonly #readTableIds: ReadTableIds;
  #resendUntilMs = Number.NEGATIVE_INFINITY;
  #known: { readonly url: string; readonly ids: ReadonlyMap<string, number> } | undefined;

  constructor(readTableIds: ReadTableIds) {
    this.#readTableIds = readTableIds;
  }

  /**
   * Returns whether a table was created again since the last call for the same QuestDB. A missing table keeps its last
   * ID, so the change is found after its creation.
   *
   * @throws PS_QUESTDB_UNREACHABLE
   */
  async wasTableReplaced(target: WriteTarget, signal: AbortSignal): Promise<boolean> {
    const { url } = target;
    const known = this.#known?.url === url ? this.#known.ids : new Map<string, number>();
    const found = await this.#read(target, signal);
    this.#known = { url, ids: new Map([...known, ...found]) };
    return [...found].some(([table, id]) => known.has(table) && known.get(table) !== id);
  }

  /** Starts the time in which rows are sent again. */
  startResending(nowMs: number = performance.now()): void {
    this.#resendUntilMs = nowMs + RESEND_MS;
  }

  /** Whether acknowledged rows must be sent again at each check. */
  isResending(nowMs: number = performance.now()): boolean {
    return nowMs < this.#resendUntilMs;
  }

  /** QuestDB can refuse the statement, for example because of the user's permissions. Then no change is found. */
  async #read(target: WriteTarget, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    try {
      return await this.#readTableIds(target, signal);
    } catch (error) {
      if (isUnreachable(error)) throw error;
      return new Map();
    }
  }
}
