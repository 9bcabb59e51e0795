import type { Batch } from '../../src/storage/spool/batch.ts';
import type { SpooledBatches, SpoolReader } from '../../src/storage/write/spool-sender.ts';

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

  async read(): Promise<SpooledBatches | undefined> {
    if (this.waiting.length === 0) return undefined;
    this.#reading ??= { batches: this.waiting.slice(0, this.#batchesPerReading) };
    return this.#reading;
  }

  remove(reading: SpooledBatches): void {
    if (reading !== this.#reading) throw new Error('another reading was removed');
    this.#reading = undefined;
    this.waiting.splice(0, reading.batches.length);
  }
}
