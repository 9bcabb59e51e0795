import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { DAY_MS } from '../../core/duration.ts';
import { createError, errorMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { type AddRows, toAnyRows } from '../../core/schema/table-registry.ts';
import { BatchEncoder } from './batch-encoder.ts';
import type { DroppedRowCounter } from './dropped-rows.ts';
import { RowBuffer } from './row-buffer.ts';
import { Spool } from './spool.ts';
import type { Batch } from './spool-files.ts';
import { SpoolSender } from './spool-sender.ts';

const POLL_MS = 20;

export interface RowWriterOptions {
  spoolDir: string;
  spoolMaxBytes: number;
  retentionDays: number;
  /** Rows that are collected before they are written. */
  bufferSize: number;
  /** Longest time in ms before they are written. */
  flushIntervalMs: number;
  target: () => WriteTarget | undefined;
  ensureTables: (target: WriteTarget) => Promise<void>;
  /** Counts what is given up. */
  dropped: DroppedRowCounter;
  log: Logger;
}

/** The write road: rows are buffered, kept on disk, and leave it when QuestDB has them. */
export class RowWriter {
  readonly #options: RowWriterOptions;
  readonly #encoder: BatchEncoder;
  readonly #spool: Spool;
  readonly #sender: SpoolSender;
  readonly #timer: NodeJS.Timeout;
  readonly #buffer = new RowBuffer();
  #spooling: Promise<void> | undefined;
  #scheduledFlush: NodeJS.Immediate | undefined;
  #draining = false;
  readonly #beforeBatchListeners: (() => void)[] = [];

  constructor(options: RowWriterOptions) {
    this.#options = options;
    const { spoolDir: dir, spoolMaxBytes: maxBytes, dropped, log } = options;
    const maxAgeMs = options.retentionDays * DAY_MS;
    this.#encoder = new BatchEncoder({ maxAgeMs, dropped, log });
    this.#spool = new Spool({ dir, maxBytes, maxAgeMs, dropped, log });
    this.#sender = new SpoolSender({ ...options, spool: this.#spool });
    this.adoptSpool();
    this.#timer = setInterval(() => void this.#spoolBuffered(), options.flushIntervalMs);
    this.#timer.unref();
  }

  /** Takes rows; they are on their way when enough have come together, or the interval is over. */
  readonly add: AddRows = (table, rows) => {
    if (rows.length === 0) return;
    this.#buffer.add(table, toAnyRows(rows));
    if (this.#buffer.rows >= this.#options.bufferSize && !this.#draining) {
      this.#scheduledFlush ??= setImmediate(() => {
        this.#scheduledFlush = undefined;
        void this.#spoolBuffered();
      }).unref();
    }
  };

  /** `add` is called before each batch is made, to give what it has summed up for it. */
  onBeforeBatch(add: () => void): void {
    this.#beforeBatchListeners.push(add);
  }

  /** Bytes of rows that wait for QuestDB. */
  get spoolBytes(): number {
    return this.#spool.waitingBytes;
  }

  /** Sends what processes that have ended left in the spool. */
  adoptSpool(): void {
    try {
      if (this.#spool.adoptOrphanedBatches() > 0) this.#sender.start();
    } catch (error) {
      this.#options.log.warn(errorMessage(error));
    }
  }

  /**
   * Resolves when all rows added before are acknowledged by QuestDB.
   *
   * @throws PS_FLUSH_TIMEOUT when they are not within `timeoutMs`; they stay in the spool
   */
  async flush(timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    // One that was at its end already has not seen the last rows.
    await this.#spooling;
    await this.#spoolBuffered();
    const asked = new Set<Batch>(this.#spool.waiting);
    this.#sender.retryNow();
    while (this.#spool.waiting.some((batch) => asked.has(batch))) {
      if (Date.now() > deadline) {
        const rows = this.#spool.waitingRows;
        throw createError('PS_FLUSH_TIMEOUT', { rows, seconds: timeoutMs / 1000 });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      this.#sender.start();
    }
  }

  /** Puts everything on disk, tries for `timeoutMs` to send it, and ends. Never rejects. */
  async close(timeoutMs = 2000): Promise<void> {
    clearInterval(this.#timer);
    await this.flush(timeoutMs).catch(() => {});
    await this.#sender.close();
    this.#spool.close();
  }

  /** Puts what is buffered on disk without waiting, in the moment in which the process ends. */
  flushSync(): void {
    this.#splitBuffer();
    for (let part = this.#buffer.oldestChunk; part; part = this.#buffer.oldestChunk) {
      for (const batch of this.#encoder.toBatches(part)) this.#spool.addSync(batch);
      this.#buffer.removeChunk(part);
    }
    this.#spool.close();
  }

  /** One write at a time: what comes meanwhile makes larger batches. */
  #spoolBuffered(): Promise<void> {
    this.#spooling ??= (async () => {
      while (this.#buffer.rows > 0) {
        this.#splitBuffer();
        for (let part = this.#buffer.oldestChunk; part; part = this.#buffer.oldestChunk) {
          for (const batch of this.#encoder.toBatches(part)) await this.#spool.add(batch);
          this.#buffer.removeChunk(part);
          this.#sender.start();
        }
      }
    })().finally(() => {
      this.#spooling = undefined;
    });
    return this.#spooling;
  }

  #splitBuffer(): void {
    this.#draining = true;
    for (const add of this.#beforeBatchListeners) add();
    this.#draining = false;
    this.#buffer.splitIntoChunks();
  }
}
