import type { WriteTarget } from '../config/target.ts';
import { coded, reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Add, asAnyRows } from '../schema/tables.ts';
import type { Batch } from './batch.ts';
import { BatchMaker } from './batches.ts';
import type { DroppedRows } from './dropped.ts';
import { RowBuffer } from './row-buffer.ts';
import { Sender } from './sender.ts';
import { Spool } from './spool.ts';

const POLL_MS = 20;

export interface WriterOptions {
  spoolDir: string;
  spoolMaxBytes: number;
  retentionDays: number;
  /** Rows that are collected before they are written. */
  bufferSize: number;
  /** Longest time in ms before they are written. */
  flushIntervalMs: number;
  target: () => WriteTarget | undefined;
  prepare: (target: WriteTarget) => Promise<void>;
  /** Counts what is given up. */
  dropped: DroppedRows;
  log: Log;
}

/** The write road: rows are buffered, kept on disk, and leave it when QuestDB has them. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #batches: BatchMaker;
  readonly #spool: Spool;
  readonly #sender: Sender;
  readonly #timer: NodeJS.Timeout;
  readonly #buffer = new RowBuffer();
  #spooling: Promise<void> | undefined;
  #soon: NodeJS.Immediate | undefined;
  #draining = false;
  readonly #beforeDrain: (() => void)[] = [];

  constructor(options: WriterOptions) {
    this.#options = options;
    const { spoolDir: dir, spoolMaxBytes: maxBytes, dropped, log } = options;
    const maxAgeMs = options.retentionDays * 86_400_000;
    this.#batches = new BatchMaker({ maxAgeMs, dropped, log });
    this.#spool = new Spool({ dir, maxBytes, maxAgeMs, dropped, log });
    this.#sender = new Sender({ ...options, spool: this.#spool });
    this.adopt();
    this.#timer = setInterval(() => void this.#spoolBuffered(), options.flushIntervalMs);
    this.#timer.unref();
  }

  /** Takes rows; they are on their way when enough have come together, or the interval is over. */
  readonly add: Add = (table, rows) => {
    if (rows.length === 0) return;
    this.#buffer.add(table, asAnyRows(rows));
    if (this.#buffer.rows >= this.#options.bufferSize && !this.#draining) {
      this.#soon ??= setImmediate(() => {
        this.#soon = undefined;
        void this.#spoolBuffered();
      }).unref();
    }
  };

  /** `add` is called before each batch is made, to give what it has summed up for it. */
  beforeBatch(add: () => void): void {
    this.#beforeDrain.push(add);
  }

  /** Bytes of rows that wait for QuestDB. */
  get spoolBytes(): number {
    return this.#spool.waitingBytes;
  }

  /** Sends what processes that have ended left in the spool. */
  adopt(): void {
    try {
      if (this.#spool.adopt() > 0) this.#sender.wake();
    } catch (error) {
      this.#options.log.warn(reasonOf(error));
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
    this.#sender.hurry();
    while (this.#spool.waiting.some((batch) => asked.has(batch))) {
      if (Date.now() > deadline) {
        const rows = this.#spool.waitingRows;
        throw coded('PS_FLUSH_TIMEOUT', { rows, seconds: timeoutMs / 1000 });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      this.#sender.wake();
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
  leave(): void {
    this.#cut();
    for (let part = this.#buffer.first; part; part = this.#buffer.first) {
      for (const batch of this.#batches.make(part)) this.#spool.addSync(batch);
      this.#buffer.done(part);
    }
    this.#spool.close();
  }

  /** One write at a time: what comes meanwhile makes larger batches. */
  #spoolBuffered(): Promise<void> {
    this.#spooling ??= (async () => {
      while (this.#buffer.rows > 0) {
        this.#cut();
        for (let part = this.#buffer.first; part; part = this.#buffer.first) {
          for (const batch of this.#batches.make(part)) await this.#spool.add(batch);
          this.#buffer.done(part);
          this.#sender.wake();
        }
      }
    })().finally(() => {
      this.#spooling = undefined;
    });
    return this.#spooling;
  }

  #cut(): void {
    this.#draining = true;
    for (const add of this.#beforeDrain) add();
    this.#draining = false;
    this.#buffer.cut();
  }
}
