import { setTimeout as delay } from 'node:timers/promises';
import { coded } from '../../../errors.ts';
import { sql } from '../../../questdb/statement.ts';
import type { DecisionView } from '../../../schema/action-desk.ts';
import { ruleDecisions } from '../../../schema/rule-decisions.ts';
import { EVERYTHING } from '../../../schema/scope.ts';
import type { Store } from '../../../windows/store.ts';
import { recentDecisions } from './read.ts';

/** How long a start waits, within one attempt, until what was sent can be read. */
const READABLE_WITHIN_MS = 5000;
const POLL_MS = 100;
const DAY_MS = 86_400_000;
/** Rows of other servers that come later than this are heard of at the next start. */
const LATE_MS = 600_000;

/** What is stored of decisions: at first all that still matters, then what has come since. */
export class Recall {
  readonly #store: Store;
  readonly #flush: () => Promise<void>;
  #readMs: number | undefined;

  /** @param flush sends what the process before this one has left in the spool */
  constructor(store: Store, flush: () => Promise<void>) {
    this.#store = store;
    this.#flush = flush;
  }

  /** Whether what was decided before the start is known. */
  get isDone(): boolean {
    return this.#readMs !== undefined;
  }

  /**
   * @param spanMs how far back rules look; a day at least is read
   * @throws PS_UNAVAILABLE, PS_FLUSH_TIMEOUT; whoever decided then might decide twice
   */
  async read(now: number, spanMs: number): Promise<readonly DecisionView[]> {
    let sinceMs = now - Math.max(DAY_MS, spanMs);
    if (this.#readMs === undefined) {
      await this.#flush();
      await this.#readable();
    } else sinceMs = this.#readMs - LATE_MS;
    const rows = await recentDecisions(this.#store, sinceMs);
    this.#readMs = now;
    return rows;
  }

  /** QuestDB acknowledges rows before readers see them. */
  async #readable(): Promise<void> {
    const deadline = Date.now() + READABLE_WITHIN_MS;
    let wanted: number | undefined;
    for (;;) {
      const [row] = await this.#store.read(
        EVERYTHING,
        sql`SELECT writerTxn AS applied, sequencerTxn AS written FROM wal_tables() WHERE name = ${ruleDecisions.name}`,
      );
      wanted ??= Number(row?.written ?? 0);
      if (Number(row?.applied ?? 0) >= wanted) return;
      if (Date.now() > deadline) {
        throw coded('PS_UNAVAILABLE', { reason: `${ruleDecisions.name} lags behind` });
      }
      await delay(POLL_MS);
    }
  }
}
