import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { reportFailure } from '../../core/guard.ts';
import type { Batch } from '../spool/batch.ts';
import { readSegmentFile } from '../spool/segment-file.ts';
import type { BatchEncoder } from './batch-encoder.ts';
import { type CheckpointEntry, CheckpointFile, readCheckpoint } from './checkpoint-file.ts';
import { MAX_CHUNK_ROWS } from './row-buffer.ts';

const PART = 'the checkpoint';
/** Maximum time between the collection of the values and the end of the write. The interval can end in between. */
const MAX_WRITE_MS = 30_000;

/**
 * Returns the values of the current interval, or undefined if the values of the last call are still
 * sufficient.
 */
export type CollectCheckpoint = () => readonly CheckpointEntry[] | undefined;

/** Writes the checkpoint of this process, and reads the checkpoints of killed processes. */
export class CheckpointWriter {
  /** Returns the values to write. */
  collect: CollectCheckpoint = () => undefined;
  readonly #encoder: BatchEncoder;
  #folder: string | undefined;
  #file: CheckpointFile | undefined;

  constructor(encoder: BatchEncoder) {
    this.#encoder = encoder;
  }

  /**
   * Writes the current values. Deletes the checkpoint after a failure, because its interval can have ended,
   * and its rows would then be stored twice. Never rejects: without a checkpoint, only a killed process
   * loses the values.
   *
   * @param getFolder returns the spool folder of this process, and creates it if necessary
   */
  async write(getFolder: () => string): Promise<void> {
    try {
      const entries = this.collect();
      if (!entries || (entries.length === 0 && !this.#file)) return;
      const folder = getFolder();
      if (folder !== this.#folder) {
        this.remove();
        this.#folder = folder;
        this.#file = new CheckpointFile(folder);
      }
      await this.#file?.write(entries);
    } catch (error) {
      reportFailure(PART, error);
      this.remove();
    }
  }

  /** Deletes the checkpoint, because QuestDB has its values, or receives them now. Never throws. */
  remove(): void {
    try {
      this.#file?.removeSync();
    } catch (error) {
      reportFailure(PART, error);
    }
  }

  /**
   * Returns the rows of a checkpoint that the process did not write to its segments before it was killed.
   * Returns undefined if the checkpoint is damaged.
   *
   * @throws the error of the file system
   */
  async readBatches(path: string, segments: readonly string[]): Promise<Batch[] | undefined> {
    const checkpoint = readCheckpoint(path);
    if (!checkpoint) return undefined;
    for (const segment of segments) {
      // Older segments can't contain rows of the same interval.
      if (statSync(segment).mtimeMs < checkpoint.writtenMs - MAX_WRITE_MS) continue;
      await readSegmentFile(segment, {
        onBatch: (batch) => checkpoint.excludeStored(batch),
      });
    }
    const batches: Batch[] = [];
    for (const { table, rows } of checkpoint.toChunks()) {
      for (let i = 0; i < rows.length; i += MAX_CHUNK_ROWS) {
        batches.push(
          ...this.#encoder.toBatches({ table, rows: rows.slice(i, i + MAX_CHUNK_ROWS) }),
        );
        await nextTurn();
      }
    }
    return batches;
  }
}
