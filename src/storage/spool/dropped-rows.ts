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

/** Texts for totals, unless the code that dropped the rows has a more precise one. */
const DESCRIPTIONS: Readonly<Record<DropReason, string>> = {
  invalid: 'a field of a measurement has an invalid value',
  unwritable: "a value can't be encoded in the line protocol",
  memory_full: 'the disk refused the rows, and the rows in memory reached their limit',
  spool_full: 'the spool reached its size limit',
  damaged: 'a spool file is damaged',
  missing: 'another program deleted a spool file',
  untrusted: 'another user could have changed a spool file',
  expired: 'they are older than the retention period',
  dead_letters_full: 'the dead letters reached their size limit',
  process_exit: 'the process ended, and the spool folder is not writable',
};

/** Counts the rows that a process has dropped since its start. */
export class DroppedRowCounter {
  readonly #byReason = new Map<DropReason, number>();
  readonly #descriptions = new Map<DropReason, string>();
  readonly #listeners: ((reason: DropReason, rows: number) => void)[] = [];
  #reportedRows = 0;

  /**
   * @param description part of a sentence: why the rows were dropped, and what to do. Default: a text for
   * the reason.
   */
  add(reason: DropReason, rows: number, description?: string): void {
    if (rows <= 0) return;
    this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + rows);
    if (description !== undefined) this.#descriptions.set(reason, description);
    for (const listener of this.#listeners) listener(reason, rows);
  }

  /** Calls `listener` for the rows that were dropped so far, and for all further rows. It must not throw. */
  onAdd(listener: (reason: DropReason, rows: number) => void): void {
    this.#listeners.push(listener);
    for (const [reason, rows] of this.#byReason) listener(reason, rows);
  }

  get total(): number {
    return [...this.#byReason.values()].reduce((sum, rows) => sum + rows, 0);
  }

  /** Counts by reason, without reasons that have not occurred. */
  get byReason(): ReadonlyMap<DropReason, number> {
    return this.#byReason;
  }

  /** Whether rows were dropped that no log message has reported. */
  get hasUnreportedRows(): boolean {
    return this.total > this.#reportedRows;
  }

  /** Must be called after a log message with a number of dropped rows. Default: all dropped rows. */
  markReported(rows: number = this.total - this.#reportedRows): void {
    this.#reportedRows += rows;
  }

  /** Returns why rows of a reason were dropped, as part of a sentence. */
  describe(reason: DropReason): string {
    return this.#descriptions.get(reason) ?? DESCRIPTIONS[reason];
  }
}
