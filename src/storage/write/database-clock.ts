import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { execSql } from '../questdb/exec-sql-http.ts';

const CACHE_MS = 60_000;
const TIMEOUT_MS = 2000;

/** Reads the time of QuestDB. A process's own clock can be wrong, or replaced by a test library. */
export class DatabaseClock {
  #cached: { url: string; databaseMs: number | undefined; readAtMs: number } | undefined;

  /**
   * Returns the time of QuestDB in ms since the epoch, or undefined if it can't be read. Reads it at most once
   * a minute. Never rejects.
   */
  async read(target: WriteTarget, signal: AbortSignal): Promise<number | undefined> {
    const nowMs = performance.now();
    const { url } = target;
    const cached = this.#cached;
    if (cached?.url !== url || nowMs - cached.readAtMs > CACHE_MS) {
      const databaseMs = await this.#query(target, signal);
      this.#cached = { url, databaseMs, readAtMs: performance.now() };
      return databaseMs;
    }
    const { databaseMs, readAtMs } = cached;
    return databaseMs === undefined ? undefined : databaseMs + nowMs - readAtMs;
  }

  async #query(target: WriteTarget, signal: AbortSignal): Promise<number | undefined> {
    try {
      const options = { timeoutMs: TIMEOUT_MS, keepsProcessAlive: false, signal };
      const { dataset } = await execSql(target, 'SELECT systimestamp()', options);
      const databaseMs = Date.parse(String(dataset[0]?.[0]));
      return Number.isNaN(databaseMs) ? undefined : databaseMs;
    } catch {
      return undefined;
    }
  }
}
