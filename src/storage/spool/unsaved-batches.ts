import type { Batch } from './batch.ts';

/** Batches in memory that the disk has refused, oldest first. */
export class UnsavedBatches {
  #batches: Batch[] = [];
  #bytes = 0;
  #rows = 0;

  get all(): readonly Batch[] {
    return this.#batches;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  add(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.lines.length;
    this.#rows += batch.rows;
  }

  has(batch: Batch): boolean {
    return this.#batches.includes(batch);
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
}
