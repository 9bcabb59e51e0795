import type { Batch } from '../../src/storage/spool/batch.ts';
import type { UnsentRows, UnsentTable } from '../../src/storage/spool/unsent-rows.ts';
import type { SpooledBatches } from '../../src/storage/write/send-window.ts';
import type { SpoolReader } from '../../src/storage/write/spool-sender.ts';

/** A spool that keeps its batches in memory. */
export class MemorySpool implements SpoolReader {
  readonly waiting: Batch[];
  #reading: SpooledBatches | undefined;
  readonly #batchesPerReading: number;

  constructor(batches: readonly Batch[] = [], batchesPerReading = 10) {
    this.waiting = [...batches];
    this.#batchesPerReading = batchesPerReading;
  }

  get waitingRows(): number {
    return this.waiting.reduce((sum, { rows }) => sum + rows, 0);
  }

  async read(
    _maxBytes?: number,
    isBlocked: (table: string) => boolean = () => false,
  ): Promise<SpooledBatches | undefined> {
    if (this.#reading) return this.#reading;
    const unblocked = this.waiting.filter(({ table }) => !isBlocked(table));
    if (unblocked.length === 0) return undefined;
    this.#reading = { batches: unblocked.slice(0, this.#batchesPerReading) };
    return this.#reading;
  }

  remove(reading: SpooledBatches, unsent?: UnsentRows): boolean {
    if (reading !== this.#reading) throw new Error('another reading was removed');
    this.#reading = undefined;
    this.#removeBatches(reading, (table) => !unsent?.tables.has(table));
    return true;
  }

  updateUnsent(reading: SpooledBatches, table: string, unsent: UnsentTable): void {
    if (unsent.handledRows < unsent.rows) return;
    this.#removeBatches(reading, (each) => each === table);
  }

  #removeBatches({ batches }: SpooledBatches, isSent: (table: string) => boolean): void {
    for (const batch of batches) {
      const index = this.waiting.indexOf(batch);
      if (isSent(batch.table) && index !== -1) this.waiting.splice(index, 1);
    }
  }
}
