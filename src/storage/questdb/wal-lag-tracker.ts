import type { WalTable } from './wal-tables.ts';

/** Limit for a table that stays suspended. Later transactions share the time of the last one. */
const MAX_SEEN = 100;

/** Tracks the time since each table's oldest unreadable transaction was first seen. */
export class WalLagTracker {
  readonly #seen = new Map<string, { txn: number; ms: number }[]>();

  /**
   * Updates the lag.
   *
   * @param now time in ms, always from the same clock
   * @returns lag of each table in ms
   */
  update(
    tables: readonly Pick<WalTable, 'table' | 'writtenTxn' | 'appliedTxn'>[],
    now: number,
  ): { readonly table: string; readonly lagMs: number }[] {
    return tables.map(({ table, writtenTxn, appliedTxn }) => {
      const seen = (this.#seen.get(table) ?? []).filter(({ txn }) => txn > appliedTxn);
      const newest = seen.at(-1)?.txn ?? appliedTxn;
      if (writtenTxn > newest) {
        const last = seen.at(-1);
        if (last && seen.length >= MAX_SEEN) last.txn = writtenTxn;
        else seen.push({ txn: writtenTxn, ms: now });
      }
      this.#seen.set(table, seen);
      return { table, lagMs: seen[0] ? now - seen[0].ms : 0 };
    });
  }
}
