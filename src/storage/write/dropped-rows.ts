/**
 * Why rows were given up: not valid; older than the retention, so that QuestDB would lose them without
 * a word; too many for the disk or, before the writer is there, for memory; refused by QuestDB; or not
 * to be written as lines.
 */
export type DropReason =
  | 'invalid'
  | 'expired'
  | 'spool_full'
  | 'memory_full'
  | 'refused'
  | 'unwritable';

/** Counts what a process has given up since its start. */
export class DroppedRowCounter {
  readonly #byReason = new Map<DropReason, number>();

  add(reason: DropReason, rows: number): void {
    if (rows > 0) this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + rows);
  }

  get total(): number {
    return [...this.#byReason.values()].reduce((sum, rows) => sum + rows, 0);
  }

  /** Only reasons that there were. */
  get byReason(): ReadonlyMap<DropReason, number> {
    return this.#byReason;
  }
}
