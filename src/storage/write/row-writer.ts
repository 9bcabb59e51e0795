import { setTimeout as delay } from 'node:timers/promises';
import { withTimeout } from '../../core/concurrency.ts';
import { DAY_MS } from '../../core/duration.ts';
import { runGuarded } from '../../core/guard.ts';
import { startImmediate, startInterval, startTimeout } from '../../core/guarded-timers.ts';
import { createError } from '../../core/perfscope-error.ts';
import { type AddRows, toAnyRows } from '../../core/schema/table-registry.ts';
import { DeadLetterStore } from '../dead-letters/dead-letter-store.ts';
import { reportDroppedAtExit } from '../spool/dropped-row-report.ts';
import { Spool } from '../spool/spool.ts';
import { type AdoptOptions, getSpoolRoot } from '../spool/spool-adoption.ts';
import { AdoptionSchedule } from './adoption-schedule.ts';
import { BatchEncoder } from './batch-encoder.ts';
import { CheckpointWriter, type CollectCheckpoint } from './checkpoint-writer.ts';
import { DurableRowAdder, type DurableRows } from './durable-rows.ts';
import { RowSpooler } from './row-spooler.ts';
import type { RowWriterOptions } from './row-writer-options.ts';
import { SpoolSender } from './spool-sender.ts';
import { TableResender } from './table-resender.ts';
import type { WriteStats } from './write-stats.ts';

const POLL_INTERVAL_MS = 20;
/** Additional time for a slow disk when the writer is flushed or closed. */
const DISK_TIMEOUT_MS = 1000;
/**
 * Maximum time in ms until a row is in the spool, where it survives the end of the process. A write takes up to
 * 0.4 ms of CPU time, so these writes take less than 0.1 % of a core.
 */
const MAX_SPOOL_DELAY_MS = 500;
/** Maximum time in ms until aggregated rows are in the spool, and between two checkpoints. */
const MAX_AGGREGATION_INTERVAL_MS = 2000;
/**
 * Minimum time between two flushes of a full buffer, in ms. A request costs QuestDB as much CPU time as
 * thousands of rows.
 */
const MIN_FLUSH_INTERVAL_MS = 250;
/** Number of rows that are flushed without waiting. */
const URGENT_ROWS = 5000;
const PART = 'the row writer';
/** Much shorter than the time for which acknowledged rows are kept. */
const CHECK_TABLES_INTERVAL_MS = 10_000;

/** Buffers rows, writes them to the spool on disk, and sends them to QuestDB. */
export class RowWriter {
  readonly #options: RowWriterOptions;
  readonly #deadLetters: DeadLetterStore;
  readonly #spool: Spool;
  readonly #spooler: RowSpooler;
  readonly #durableRows: DurableRowAdder;
  readonly #sender: SpoolSender;
  readonly #checkpoint: CheckpointWriter;
  readonly #resender: TableResender;
  readonly #adoption: AdoptionSchedule;
  readonly #closing = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #beforeBatchListeners: (() => void)[] = [];
  readonly #checkTimer: NodeJS.Timeout;
  #nextWrite: NodeJS.Immediate | undefined;
  #delayedFlush: NodeJS.Timeout | undefined;
  #delayedSpooling: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isAggregating = false;
  #recordedRows = 0;
  #rowsSinceFlush = 0;
  #lastFlushMs = performance.now();

  constructor(options: RowWriterOptions) {
    this.#options = options;
    const { spoolDir: dir, spoolMaxBytes, retentionDays, isServer, dropped, log } = options;
    const encoder = new BatchEncoder({ dropped, log });
    this.#deadLetters = new DeadLetterStore(options);
    this.#checkpoint = new CheckpointWriter(encoder);
    this.#spool = new Spool({
      dir,
      isServer,
      maxBytes: spoolMaxBytes,
      deadLetters: this.#deadLetters,
      readCheckpoint: (path, segments) => this.#checkpoint.readBatches(path, segments),
      // They can be rows of an interval that is in the checkpoint.
      beforeMemoryRead: () => this.#checkpoint.remove(),
      states: options.states,
      dropped,
      log,
    });
    this.#spooler = new RowSpooler(encoder, this.#spool);
    this.#durableRows = new DurableRowAdder(encoder, this.#spool);
    options.states?.connect({
      root: getSpoolRoot(dir, isServer),
      getFolder: () => this.#spool.getFolder(),
      sync: () => this.#spool.sync(),
    });
    const { target, ensureTables, readTableIds = async () => new Map() } = options;
    this.#resender = new TableResender({ spool: this.#spool, target, ensureTables, readTableIds });
    this.#sender = new SpoolSender({
      ...options,
      ensureTables: (...args) => this.#resender.ensureTables(...args),
      spool: this.#spool,
      deadLetters: this.#deadLetters,
      maxAgeMs: retentionDays * DAY_MS,
    });
    this.#adoption = new AdoptionSchedule({
      isServer: isServer ?? false,
      adopt: (adoptOptions) => this.#adoptAndSend(adoptOptions),
    });
    this.#checkTimer = startInterval(PART, () => this.#checkTables(), CHECK_TABLES_INTERVAL_MS);
    const intervalMs = Math.min(options.flushIntervalMs, MAX_AGGREGATION_INTERVAL_MS);
    this.#timer = startInterval(PART, () => this.#onInterval(), intervalMs);
  }

  /**
   * Adds rows. They are in the spool within 500 ms. They are sent when there are enough of them, or when the
   * flush interval ends.
   */
  readonly add: AddRows = (table, rows) => {
    if (rows.length === 0) return;
    this.#recordedRows += rows.length;
    this.#rowsSinceFlush += rows.length;
    this.#spooler.add(table, toAnyRows(rows), { writesIfFull: !this.#isAggregating });
    if (this.#isAggregating) return;
    if (this.#rowsSinceFlush >= this.#options.bufferSize) this.#scheduleFlush();
    else if (!this.#isClosed) {
      this.#delayedSpooling ??= startTimeout(PART, () => this.#spoolBuffer(), MAX_SPOOL_DELAY_MS);
    }
  };

  /**
   * Adds rows of several tables, and a state that belongs to them, in one record of the spool. After a crash, either all
   * of them are stored or none. Rows that can't be encoded are counted and dropped.
   *
   * @returns a promise that resolves when the record is in the spool file
   * @throws PS_SPOOL_FULL, PS_SPOOL_REFUSED, or PS_WRITER_CLOSED. Then nothing is stored, and the sender must repeat them.
   */
  async addDurably(rows: DurableRows): Promise<void> {
    const added = await this.#durableRows.add(rows, () => this.#isClosed);
    this.#recordedRows += added;
    this.#rowsSinceFlush += added;
    const isDue = this.#rowsSinceFlush >= this.#options.bufferSize;
    if (isDue && !this.#isClosed) this.#scheduleFlush();
  }

  /** Calls `listener` before rows are sent, so that it can add aggregated rows. */
  onBeforeBatch(listener: () => void): void {
    this.#beforeBatchListeners.push(listener);
  }

  /**
   * Calls `collect` every 2 s. The values of the current interval that it returns are stored if the process
   * is killed.
   */
  onCheckpoint(collect: CollectCheckpoint): void {
    this.#checkpoint.collect = collect;
  }

  /** Size of the rows that QuestDB has not yet stored, in bytes. */
  get spoolBytes(): number {
    return this.#spool.waitingBytes;
  }

  get stats(): WriteStats {
    const { waitingRows, waitingBytes, oldestWaitingMs } = this.#spool;
    return {
      recordedRows: this.#recordedRows,
      bufferedRows: this.#spooler.rows,
      storedRows: this.#sender.storedRows,
      waitingRows,
      waitingBytes,
      lagMs: oldestWaitingMs === undefined ? undefined : Math.max(0, Date.now() - oldestWaitingMs),
      failedRequests: this.#sender.failedRequests,
      deadLetterRows: this.#deadLetters.rows,
      freeDiskBytes: this.#spool.freeDiskBytes,
      droppedRows: Object.fromEntries(this.#options.dropped.byReason),
    };
  }

  /** Sends rows left in the spool by processes and worker threads that have ended. */
  adoptSpool(options: AdoptOptions = {}): void {
    this.#adoption.adopt(options);
  }

  /**
   * Waits until QuestDB has acknowledged all rows that were added before.
   *
   * @throws PS_FLUSH_TIMEOUT if that takes longer than `timeoutMs`. The rows stay in the spool.
   */
  async flush(timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    // The adoption doesn't keep the process alive, so a caller could end before this function does.
    while (this.#adoption.isRunning && performance.now() < deadline) await delay(POLL_INTERVAL_MS);
    const throwTimeout = (): never => {
      const rows = this.#spool.waitingRows + this.#spooler.rowsNotInProgress;
      throw createError('PS_FLUSH_TIMEOUT', { rows, seconds: timeoutMs / 1000 });
    };
    const spoolTimeoutMs = Math.max(DISK_TIMEOUT_MS, deadline - performance.now());
    await withTimeout(spoolTimeoutMs, this.#spoolAll(), throwTimeout);
    const isHandled = this.#spool.capturePending();
    this.#sender.retryNow();
    while (!isHandled()) {
      if (performance.now() > deadline) throwTimeout();
      await delay(POLL_INTERVAL_MS);
      this.#sender.start();
    }
  }

  /** Writes all rows to disk, tries to send them for `timeoutMs`, and stops. Never rejects. */
  async close(timeoutMs = 2000): Promise<void> {
    clearInterval(this.#timer);
    this.#adoption.stop();
    clearInterval(this.#checkTimer);
    clearTimeout(this.#delayedFlush);
    this.#isClosed = true;
    // A slow disk must not delay the end of the application.
    const flushed = this.#flushAndCheck(timeoutMs).catch(() => {});
    await withTimeout(timeoutMs + DISK_TIMEOUT_MS, flushed, () => {});
    this.#closing.abort(new Error('the process is ending'));
    await withTimeout(DISK_TIMEOUT_MS, this.#sender.close(), () => {});
    await withTimeout(
      DISK_TIMEOUT_MS,
      this.#options.states?.close() ?? Promise.resolve(),
      () => {},
    );
    const reason = `the process ended before the disk of ${this.#options.spoolDir} responded`;
    this.#options.dropped.add('process_exit', this.#spooler.rows, reason);
    this.#spooler.clear();
    this.releaseSpool();
  }

  /** Whether rows are waiting in the spool. */
  get hasSpooledRows(): boolean {
    return this.#spool.waitingRows > 0;
  }

  /**
   * Sends the spooled rows. Resolves when QuestDB has acknowledged them, after `timeoutMs`, or after a
   * failure unless `retry` is set. Unsent rows stay in the spool. `keepAlive` delays the end of the process.
   */
  async sendSpooled(
    timeoutMs: number,
    { retry, keepAlive = true }: { retry: boolean; keepAlive?: boolean },
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const remainingMs = deadline - performance.now();
      if (!this.hasSpooledRows || remainingMs <= 0) return;
      await withTimeout(remainingMs, this.#sender.sendAll(), () => {}, { keepAlive });
      if (!retry) return;
      await delay(POLL_INTERVAL_MS);
    }
  }

  /** Writes the buffered rows to disk synchronously, for use when the process exits. */
  flushSync(): void {
    this.#addAggregatedRows();
    this.#spooler.writeSync();
    this.#spool.saveUnsavedSync();
    this.#checkpoint.remove();
  }

  /** Writes the buffered and the aggregated rows to the spool, and starts to send them. */
  async #spoolAll(): Promise<void> {
    await this.#spooler.waitForWrite();
    await this.#flushBuffer();
  }

  /** Leaves the spooled rows to other processes, and logs the totals of the dropped rows. */
  releaseSpool(): void {
    this.#checkpoint.remove();
    this.#spool.close();
    reportDroppedAtExit(this.#options.dropped, this.#options.log);
  }

  /** Sends all rows. If a table was replaced in the meantime, sends them again. */
  async #flushAndCheck(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    await this.flush(timeoutMs);
    let isChecked = false;
    const check = this.#checkTables().finally(() => {
      isChecked = true;
    });
    // The request doesn't keep the process alive.
    while (!isChecked && performance.now() < deadlineMs) await delay(POLL_INTERVAL_MS);
    await check;
    await this.flush(Math.max(0, deadlineMs - performance.now()));
  }

  async #checkTables(): Promise<void> {
    await this.#resender.check(this.#sender, this.#closing.signal);
  }

  async #adoptAndSend(options: AdoptOptions): Promise<void> {
    const { states } = this.#options;
    await states?.ready;
    const rows = await this.#spool.adopt(options);
    states?.onAdopted();
    if (rows > 0) this.#sender.start();
  }

  async #onInterval(): Promise<void> {
    const isDue = performance.now() >= this.#lastFlushMs + this.#options.flushIntervalMs;
    if (isDue) await this.#flushBuffer();
    else {
      this.#addAggregatedRows();
      await this.#spoolBuffer();
    }
    // After the rows of the last interval, which replace its checkpoint.
    await this.#checkpoint.write(() => this.#spool.getFolder());
  }

  /** Called for each row after the first `bufferSize` rows since the last flush. */
  #scheduleFlush(): void {
    if (!this.#isFlushDue) {
      const waitMs = this.#lastFlushMs + MIN_FLUSH_INTERVAL_MS - performance.now();
      this.#delayedFlush ??= startTimeout(PART, () => this.#flushBuffer(), waitMs);
      if (this.#spooler.newRows < this.#options.bufferSize) return;
    }
    this.#nextWrite ??= startImmediate(PART, () => {
      this.#nextWrite = undefined;
      // Otherwise, only sending waits.
      return this.#isFlushDue ? this.#flushBuffer() : this.#spoolBuffer();
    });
  }

  get #isFlushDue(): boolean {
    const elapsedMs = performance.now() - this.#lastFlushMs;
    return elapsedMs >= MIN_FLUSH_INTERVAL_MS || this.#rowsSinceFlush >= URGENT_ROWS;
  }

  /** Writes the buffered rows to the spool, because a killed process loses the rows in its memory. */
  #spoolBuffer(): Promise<void> {
    clearTimeout(this.#delayedSpooling);
    this.#delayedSpooling = undefined;
    return this.#spooler.write();
  }

  /** Writes the buffered and the aggregated rows to the spool, and sends them. */
  async #flushBuffer(): Promise<void> {
    this.#addAggregatedRows();
    clearTimeout(this.#delayedFlush);
    this.#delayedFlush = undefined;
    this.#rowsSinceFlush = 0;
    this.#lastFlushMs = performance.now();
    await this.#spoolBuffer();
    this.#sender.start();
  }

  #addAggregatedRows(): void {
    this.#isAggregating = true;
    for (const listener of this.#beforeBatchListeners) runGuarded(PART, listener);
    this.#isAggregating = false;
  }
}
