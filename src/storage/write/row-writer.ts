import { setTimeout as delay } from 'node:timers/promises';
import { withTimeout } from '../../core/concurrency.ts';
import type { PausedTarget, WriteTarget } from '../../core/config/questdb-targets.ts';
import { DAY_MS } from '../../core/duration.ts';
import { startImmediate, startInterval } from '../../core/guarded-timers.ts';
import type { Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { type AddRows, toAnyRows } from '../../core/schema/table-registry.ts';
import { BatchEncoder } from './batch-encoder.ts';
import type { DroppedRowCounter } from './dropped-rows.ts';
import { RowBuffer } from './row-buffer.ts';
import { Spool } from './spool.ts';
import type { Batch } from './spool-folders.ts';
import { SpoolSender } from './spool-sender.ts';
import type { WriteStats } from './write-stats.ts';

const POLL_INTERVAL_MS = 20;
const PART = 'the row writer';

export interface RowWriterOptions {
  spoolDir: string;
  /** Whether this process can write all tables. See `SpoolOptions`. Default: `false`. */
  isServer?: boolean | undefined;
  spoolMaxBytes: number;
  retentionDays: number;
  /** Number of rows to buffer before a write. */
  bufferSize: number;
  /** Maximum time between writes, in ms. */
  flushIntervalMs: number;
  /** Returns the current QuestDB, or undefined if none is known. */
  target: () => WriteTarget | PausedTarget | undefined;
  /** The signal cancels the requests. */
  ensureTables: (target: WriteTarget, signal: AbortSignal) => Promise<void>;
  /** Counts dropped rows. */
  dropped: DroppedRowCounter;
  log: Logger;
}

/** Buffers rows, writes them to the spool on disk, and sends them to QuestDB. */
export class RowWriter {
  readonly #options: RowWriterOptions;
  readonly #encoder: BatchEncoder;
  readonly #spool: Spool;
  readonly #sender: SpoolSender;
  readonly #timer: NodeJS.Timeout;
  readonly #buffer = new RowBuffer();
  #spooling: Promise<void> | undefined;
  #scheduledFlush: NodeJS.Immediate | undefined;
  #isSplitting = false;
  #recordedRows = 0;
  readonly #beforeBatchListeners: (() => void)[] = [];

  constructor(options: RowWriterOptions) {
    this.#options = options;
    const { spoolDir: dir, spoolMaxBytes: maxBytes, isServer, dropped, log } = options;
    const maxAgeMs = options.retentionDays * DAY_MS;
    this.#encoder = new BatchEncoder({ maxAgeMs, dropped, log });
    this.#spool = new Spool({ dir, isServer, maxBytes, maxAgeMs, dropped, log });
    this.#sender = new SpoolSender({ ...options, spool: this.#spool });
    this.adoptSpool();
    this.#timer = startInterval(PART, () => this.#spoolBuffered(), options.flushIntervalMs);
  }

  /** Adds rows. They are written when the buffer is full, or when the flush interval ends. */
  readonly add: AddRows = (table, rows) => {
    if (rows.length === 0) return;
    this.#recordedRows += rows.length;
    this.#buffer.add(table, toAnyRows(rows));
    // The event loop can be blocked by the code that adds the rows.
    if (this.#buffer.isFull && !this.#isSplitting) this.#writeSync();
    if (this.#buffer.rows >= this.#options.bufferSize && !this.#isSplitting) {
      this.#scheduledFlush ??= startImmediate(PART, () => {
        this.#scheduledFlush = undefined;
        return this.#spoolBuffered();
      });
    }
  };

  /** Calls `listener` before each batch is created, so that it can add aggregated rows. */
  onBeforeBatch(listener: () => void): void {
    this.#beforeBatchListeners.push(listener);
  }

  /** Size of the rows that QuestDB has not yet stored, in bytes. */
  get spoolBytes(): number {
    return this.#spool.waitingBytes;
  }

  get stats(): WriteStats {
    return {
      recordedRows: this.#recordedRows,
      storedRows: 0,
      waitingRows: this.#spool.waitingRows,
      waitingBytes: this.#spool.waitingBytes,
      lagMs: undefined,
      failedRequests: 0,
      deadLetterRows: 0,
      freeDiskBytes: undefined,
    };
  }

  /** Sends rows left in the spool by processes that have stopped. */
  adoptSpool(): void {
    try {
      if (this.#spool.adoptOrphanedBatches() > 0) this.#sender.start();
    } catch (error) {
      this.#options.log.warn(errorMessage(error));
    }
  }

  /**
   * Waits until QuestDB has acknowledged all rows that were added before.
   *
   * @throws PS_FLUSH_TIMEOUT if that takes longer than `timeoutMs`. The rows stay in the spool.
   */
  async flush(timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    // A write that is already running might not include the latest rows.
    await this.#spooling;
    await this.#spoolBuffered();
    const pending = new Set<Batch>(this.#spool.waiting);
    this.#sender.retryNow();
    while (this.#spool.waiting.some((batch) => pending.has(batch))) {
      if (performance.now() > deadline) {
        const rows = this.#spool.waitingRows;
        throw createError('PS_FLUSH_TIMEOUT', { rows, seconds: timeoutMs / 1000 });
      }
      await delay(POLL_INTERVAL_MS);
      this.#sender.start();
    }
  }

  /** Writes all rows to disk, tries to send them for `timeoutMs`, and stops. Never rejects. */
  async close(timeoutMs = 2000): Promise<void> {
    clearInterval(this.#timer);
    await this.flush(timeoutMs).catch(() => {});
    await this.#sender.close();
    this.#spool.close();
  }

  /** Whether rows are waiting in the spool. */
  get hasSpooledRows(): boolean {
    return this.#spool.waiting.length > 0;
  }

  /**
   * Sends the spooled rows. Resolves when QuestDB has acknowledged them, after `timeoutMs`, or after a
   * failure unless `retry` is set. Unsent rows stay in the spool.
   */
  async sendSpooled(timeoutMs: number, { retry }: { retry: boolean }): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const remainingMs = deadline - performance.now();
      if (!this.hasSpooledRows || remainingMs <= 0) return;
      await withTimeout(remainingMs, this.#sender.sendAll(), () => {});
      if (!retry) return;
      await delay(POLL_INTERVAL_MS);
    }
  }

  /** Writes the buffered rows to disk synchronously, for use when the process exits. */
  flushSync(): void {
    this.#splitBuffer();
    this.#writeSync();
  }

  /** Leaves the spooled rows to other processes. */
  releaseSpool(): void {
    this.#spool.close();
  }

  #writeSync(): void {
    this.#buffer.splitIntoChunks();
    for (let chunk = this.#buffer.oldestChunk; chunk; chunk = this.#buffer.oldestChunk) {
      for (const batch of this.#encoder.toBatches(chunk)) this.#spool.addSync(batch);
      this.#buffer.removeChunk(chunk);
    }
  }

  /**
   * Writes the buffered rows to the spool, one write at a time. Rows that arrive during a write
   * form larger batches.
   */
  #spoolBuffered(): Promise<void> {
    this.#spooling ??= (async () => {
      while (this.#buffer.rows > 0) {
        this.#splitBuffer();
        for (let chunk = this.#buffer.oldestChunk; chunk; chunk = this.#buffer.oldestChunk) {
          for (const batch of this.#encoder.toBatches(chunk)) await this.#spool.add(batch);
          this.#buffer.removeChunk(chunk);
          this.#sender.start();
        }
      }
    })().finally(() => {
      this.#spooling = undefined;
    });
    return this.#spooling;
  }

  #splitBuffer(): void {
    this.#isSplitting = true;
    for (const listener of this.#beforeBatchListeners) listener();
    this.#isSplitting = false;
    this.#buffer.splitIntoChunks();
  }
}
