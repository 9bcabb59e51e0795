/**
 * Why rows were dropped:
 * - `invalid`: a field has an invalid value.
 * - `expired`: the rows are older than the retention period, so QuestDB would drop them silently.
 * - `spool_full`: the spool reached its size limit.
 * - `memory_full`: the spool is not writable, or too many rows arrived before the writer was loaded.
 * - `refused`: QuestDB rejected the rows, or the rows in the spool can't be trusted.
 * - `unreadable`: the rows in the spool can't be read. They remain on disk.
 * - `unwritable`: the rows can't be encoded in the line protocol.
 */
export type DropReason =
  | 'invalid'
  | 'expired'
  | 'spool_full'
  | 'memory_full'
  | 'refused'
  | 'unreadable'
  | 'unwritable';

/** Counts the rows that a process has dropped since its start. */
export class DroppedRowCounter {
  readonly #byReason = new Map<DropReason, number>();

  add(reason: DropReason, rows: number): void {
    if (rows > 0) this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + rows);
  }

  get total(): number {
    return [...this.#byReason.values()].reduce((sum, rows) => sum + rows, 0);
  }

  /** Counts by reason, without reasons that have not occurred. */
  get byReason(): ReadonlyMap<DropReason, number> {
    return this.#byReason;
  }
}
