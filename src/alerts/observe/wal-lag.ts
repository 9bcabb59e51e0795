import type { Observation } from '../evaluate/observation.ts';

/** A table's write-ahead log: how far it is written, and how far it can be read. */
export interface WalTable {
  readonly table: string;
  readonly suspended: boolean;
  readonly writtenTxn: number;
  readonly appliedTxn: number;
}

/**
 * How long each table has been behind, from looking at it again and again: since when a transaction
 * is known that still can't be read.
 */
export class WalLag {
  readonly #seen = new Map<string, { txn: number; ms: number }[]>();

  /** @returns ms by which each table is behind */
  look(tables: readonly WalTable[], now: number): Observation[] {
    return tables.map(({ table, writtenTxn, appliedTxn }) => {
      const seen = (this.#seen.get(table) ?? []).filter(({ txn }) => txn > appliedTxn);
      const newest = seen.at(-1)?.txn ?? appliedTxn;
      if (writtenTxn > newest) seen.push({ txn: writtenTxn, ms: now });
      this.#seen.set(table, seen);
      const value = seen[0] ? now - seen[0].ms : 0;
      return { labels: { table }, value, count: 1, newestMs: now };
    });
  }
}

/** 1 for each suspended table, 0 for the others. */
export function suspended(tables: readonly WalTable[], now: number): Observation[] {
  return tables.map(({ table, suspended }) => ({
    labels: { table },
    value: suspended ? 1 : 0,
    count: 1,
    newestMs: now,
  }));
}
