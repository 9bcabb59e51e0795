import { formatBytes } from '../../core/format.ts';
import type { Batch } from './batch.ts';
import type { SegmentQueue } from './segment-queue.ts';
import type { BatchPosition } from './segment-writer.ts';
import type { SpoolReporter } from './spool-reporter.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** Appends batches to the segments. Batches that the disk refuses stay in memory, oldest first, until it accepts them. */
export class UnsavedBatches {
  readonly #queue: Pick<SegmentQueue, 'append' | 'appendSync'>;
  readonly #reporter: Pick<SpoolReporter, 'reportDropped'>;
  #batches: Batch[] = [];
  #bytes = 0;
  #rows = 0;
  /** Where the batches are that were in memory first. */
  readonly #savedAt = new WeakMap<Batch, BatchPosition>();
  /** Batches that are being sent. They are not written to the disk, because they would be sent twice. */
  beingSent: readonly Batch[] = [];

  constructor(
    queue: Pick<SegmentQueue, 'append' | 'appendSync'>,
    reporter: Pick<SpoolReporter, 'reportDropped'>,
  ) {
    this.#queue = queue;
    this.#reporter = reporter;
  }

  get all(): readonly Batch[] {
    return this.#batches;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether batches can be written to the disk. */
  get canSave(): boolean {
    return this.#savable.length > 0;
  }

  get #savable(): readonly Batch[] {
    return this.#batches.filter((batch) => !this.beingSent.includes(batch));
  }

  /** Appends a batch after the earlier ones. */
  async append(batch: Batch): Promise<void> {
    if (this.#rows > 0) await this.save();
    if (!this.#onAppended(batch, await this.#queue.append(batch))) this.#add(batch);
  }

  /** Same as `append`, but synchronous. */
  appendSync(batch: Batch): void {
    this.saveSync();
    if (!this.#onAppended(batch, this.#queue.appendSync(batch))) this.#add(batch);
  }

  /** Writes the batches to the disk that it refused before, until it refuses one again. */
  async save(): Promise<void> {
    for (const batch of this.#savable) {
      // It can have been stored, saved, or dropped in the meantime.
      if (!this.#has(batch)) continue;
      if (!this.#onAppended(batch, await this.#queue.append(batch))) return;
    }
  }

  /** Same as `save`, but synchronous. */
  saveSync(): void {
    for (const batch of this.#savable) {
      if (!this.#onAppended(batch, this.#queue.appendSync(batch))) return;
    }
  }

  /** Records that a batch was written to the disk. */
  setSaved(batch: Batch, position: BatchPosition): void {
    if (!this.#has(batch)) return;
    this.remove([batch]);
    this.#savedAt.set(batch, position);
  }

  remove(removed: readonly Batch[]): void {
    const set = new Set(removed);
    this.#batches = this.#batches.filter((batch) => {
      if (!set.has(batch)) return true;
      this.#bytes -= batch.lines.length;
      this.#rows -= batch.rows;
      return false;
    });
  }

  /** Removes all batches. */
  clear(): void {
    this.remove(this.#batches);
  }

  /** Drops the oldest batches until their size is within the limit. */
  enforceLimit(): void {
    while (this.#bytes > MAX_BYTES) {
      const [oldest] = this.#savable;
      if (!oldest) break;
      this.remove([oldest]);
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
    const saved = this.#savedAt.get(batch);
    return saved ? isHandled(saved) : !this.#has(batch);
  }

  /**
   * Returns the oldest batches, up to about `bytes`, and at least one if there is one.
   *
   * @param isBlocked whether the batches of a table are left out
   */
  takeOldest(bytes: number, isBlocked: (table: string) => boolean): readonly Batch[] {
    const batches = this.#batches.filter(({ table }) => !isBlocked(table));
    let size = 0;
    const count = batches.findIndex(({ lines }) => {
      size += lines.length;
      return size > bytes;
    });
    return batches.slice(0, count === -1 ? undefined : Math.max(1, count));
  }

  #has(batch: Batch): boolean {
    return this.#batches.includes(batch);
  }

  #add(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.lines.length;
    this.#rows += batch.rows;
  }

  /** @returns whether the disk accepted the batch */
  #onAppended(batch: Batch, position: BatchPosition | undefined): boolean {
    if (position) this.setSaved(batch, position);
    return position !== undefined;
  }
}
