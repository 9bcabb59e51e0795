/**
 * Why rows were dropped:
 * - `invalid`: a field has an invalid value.
 * - `unwritable`: the rows can't be encoded in the line protocol.
 * - `memory_full`: the disk refused the rows, or too many rows arrived before a QuestDB was known.
 * - `spool_full`: the spool reached its size limit.
 * - `damaged`: part of a spool file is damaged, for example after a power failure.
 * - `missing`: a spool file was deleted by another program.
 * - `untrusted`: another user could have changed a spool file.
 * - `expired`: the rows are older than the retention period, so QuestDB would drop them silently.
 * - `dead_letters_full`: the rejected rows reached their size limit.
 * - `process_exit`: the disk refused the rows when the process exited.
 */
export type DropReason =
  | 'invalid'
  | 'unwritable'
  | 'memory_full'
  | 'spool_full'
  | 'damaged'
  | 'missing'
  | 'untrusted'
  | 'expired'
  | 'dead_letters_full'
  | 'process_exit';

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
