import { formatBytes } from '../../core/format.ts';
import { type Batch, isOlder } from './batch.ts';
import { removeFirstRows } from './batch-lines.ts';
import type { SegmentQueue } from './segment-queue.ts';
import type { BatchPosition } from './segment-writer.ts';
import type { SpoolReporter } from './spool-reporter.ts';
import type { UnsentRows, UnsentTable } from './unsent-rows.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** Appends batches to the segments. Batches that the disk refuses stay in memory, oldest first, until it accepts them. */
export class UnsavedBatches {
  readonly #queue: Pick<SegmentQueue, 'append' | 'appendSync'>;
  readonly #reporter: Pick<SpoolReporter, 'reportDropped'>;
  #batches = new Set<Batch>();
  #bytes = 0;
  #rows = 0;
  /** Batches that are being sent. They are not written to the disk, because they would be sent twice. */
  readonly #beingSent = new Set<Batch>();
  /** The batch that `save` is writing. */
  #beingSaved: Batch | undefined;
  /** Where the batches are that were in memory first. */
  readonly #savedAt = new WeakMap<Batch, BatchPosition>();
  /** The unsent rows of batches that were partly sent. */
  readonly #rests = new WeakMap<Batch, Batch>();
  /** Batches that `appendSync` has received, for a call of `append` with the same batch that is still waiting. */
  readonly #addedSync = new WeakSet<Batch>();

  constructor(
    queue: Pick<SegmentQueue, 'append' | 'appendSync'>,
    reporter: Pick<SpoolReporter, 'reportDropped'>,
  ) {
    this.#queue = queue;
    this.#reporter = reporter;
  }

  get all(): readonly Batch[] {
    return [...this.#batches];
  }

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether all batches are being sent. */
  get areAllBeingSent(): boolean {
    return this.#batches.size <= this.#beingSent.size;
  }

  /** Appends a batch after the earlier ones. */
  async append(batch: Batch): Promise<void> {
    if (this.#rows > 0) await this.save();
    if (this.#addedSync.has(batch)) return;
    const position = await this.#queue.append(batch);
    if (position) this.setSaved(batch, position);
    else if (!this.#addedSync.has(batch)) this.#add(batch);
  }

  /** Same as `append`, but synchronous. Can be called while `append` is running, also with the same batch. */
  appendSync(batch: Batch): void {
    this.saveSync();
    if (this.#addedSync.has(batch)) return;
    this.#addedSync.add(batch);
    const position = this.#queue.appendSync(batch);
    if (position) this.setSaved(batch, position);
    else this.#add(batch);
  }

  /** Writes the batches to the disk that it refused before, until it refuses one again. */
  async save(): Promise<void> {
    for (const batch of this.all) {
      // It can have been stored, saved, or dropped in the meantime.
      if (!this.#batches.has(batch) || this.#beingSent.has(batch)) continue;
      this.#beingSaved = batch;
      const position = await this.#queue.append(batch);
      this.#beingSaved = undefined;
      if (!position) return;
      this.setSaved(batch, position);
    }
  }

  /** Same as `save`, but synchronous. */
  saveSync(): void {
    for (const batch of this.all) {
      if (this.#beingSent.has(batch)) continue;
      const position = this.#queue.appendSync(batch);
      if (!position) return;
      this.setSaved(batch, position);
    }
  }

  /** Records that a batch was written to the disk. */
  setSaved(batch: Batch, position: BatchPosition): void {
    if (this.#remove(batch)) this.#savedAt.set(batch, position);
  }

  /**
   * Returns the oldest batches that are not being sent or saved, up to about `bytes`, and at least one if there is one.
   *
   * @param isBlocked whether the batches of a table are left out
   */
  takeOldest(bytes: number, isBlocked: (table: string) => boolean): readonly Batch[] {
    const batches = this.all.filter((batch) => this.#isIdle(batch) && !isBlocked(batch.table));
    let size = 0;
    const count = batches.findIndex(({ lines }) => {
      size += lines.length;
      return size > bytes;
    });
    return batches.slice(0, count === -1 ? undefined : Math.max(1, count));
  }

  startSending(batches: readonly Batch[]): void {
    for (const batch of batches) this.#beingSent.add(batch);
  }

  /** Removes the rows that were sent. Batches of the table in flight are still being sent. Call `update` later. */
  endSending(batches: readonly Batch[], unsent: UnsentRows | undefined): void {
    for (const table of new Set(batches.map((batch) => batch.table))) {
      if (table !== unsent?.tableInFlight) this.update(batches, table, unsent?.tables.get(table));
    }
  }

  /** Removes the rows of a table that were sent, and ends sending. Default: all rows were sent. */
  update(batches: readonly Batch[], table: string, unsent?: UnsentTable): void {
    let handledRows = unsent?.handledRows ?? Number.POSITIVE_INFINITY;
    for (const batch of batches) {
      if (batch.table !== table || !this.#beingSent.delete(batch)) continue;
      if (isOlder(batch, unsent?.expiredBeforeMs ?? Number.NEGATIVE_INFINITY)) this.#remove(batch);
      else {
        const [rest] = removeFirstRows([batch], handledRows);
        handledRows = Math.max(0, handledRows - batch.rows);
        if (rest) this.#replace(batch, rest);
        else this.#remove(batch);
      }
    }
  }

  /** Makes all batches that are being sent wait again. */
  stopSending(): void {
    this.#beingSent.clear();
  }

  /** Removes all batches. */
  clear(): void {
    for (const batch of this.all) this.#remove(batch);
  }

  /** Drops the oldest batches until their size is within the limit. */
  enforceLimit(): void {
    if (this.#bytes <= MAX_BYTES) return;
    for (const oldest of this.all) {
      if (this.#bytes <= MAX_BYTES) return;
      if (!this.#isIdle(oldest)) continue;
      this.#remove(oldest);
      this.#reporter.reportDropped(
        'memory_full',
        oldest.rows,
        `the spool folder is not writable, and the rows in memory reached their limit of ${formatBytes(MAX_BYTES)}`,
      );
    }
  }

  /**
   * Whether a batch that was in memory was stored or dropped.
   *
   * @param isHandled whether all rows before a position on the disk were handled
   */
  isHandled(batch: Batch, isHandled: (position: BatchPosition) => boolean): boolean {
    const rest = this.#rests.get(batch);
    if (rest) return this.isHandled(rest, isHandled);
    const saved = this.#savedAt.get(batch);
    return saved ? isHandled(saved) : !this.#batches.has(batch);
  }

  #isIdle(batch: Batch): boolean {
    return batch !== this.#beingSaved && !this.#beingSent.has(batch);
  }

  #add(batch: Batch): void {
    if (this.#batches.has(batch)) return;
    this.#batches.add(batch);
    this.#bytes += batch.lines.length;
    this.#rows += batch.rows;
  }

  /** @returns whether it was in memory */
  #remove(batch: Batch): boolean {
    if (!this.#batches.delete(batch)) return false;
    this.#beingSent.delete(batch);
    this.#bytes -= batch.lines.length;
    this.#rows -= batch.rows;
    return true;
  }

  /** Replaces a batch by its unsent rows, at the same position. */
  #replace(batch: Batch, rest: Batch): void {
    if (rest === batch || !this.#batches.has(batch)) return;
    this.#batches = new Set(this.all.map((each) => (each === batch ? rest : each)));
    this.#rests.set(batch, rest);
    this.#bytes += rest.lines.length - batch.lines.length;
    this.#rows += rest.rows - batch.rows;
  }
}
