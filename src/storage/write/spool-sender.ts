import {
  isPaused,
  type PausedTarget,
  type WriteTarget,
} from '../../core/config/questdb-targets.ts';
import { reportFailure } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { isMeasurementTable } from '../../core/schema/table-registry.ts';
import type { DeadLetterStore } from '../dead-letters/dead-letter-store.ts';
import type { Batch } from '../spool/batch.ts';
import { reportDroppedTotal } from '../spool/dropped-row-report.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import { DatabaseClock } from './database-clock.ts';
import { IlpClient } from './ilp-client.ts';
import { LineQueue } from './line-queue.ts';
import { LineSender } from './line-sender.ts';
import { SendStatus } from './send-status.ts';

const PART = 'the spool sender';
/** Size of the batches that are read from the spool at once, in bytes. */
const READING_BYTES = 4 * 1024 * 1024;
const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5000;
/** Time between two attempts while writes are paused, or while the spool can't be read. */
const PAUSE_MS = 1000;

/** Batches that were read from the spool. */
export interface SpooledBatches {
  readonly batches: readonly Batch[];
}

/** The part of the spool that the sender uses. See `Spool`. */
export interface SpoolReader {
  readonly waitingRows: number;
  read(maxBytes: number): Promise<SpooledBatches | undefined>;
  remove(reading: SpooledBatches): void;
}

export interface SpoolSenderOptions {
  spool: SpoolReader;
  /** Keeps the rows that QuestDB rejects. */
  deadLetters: Pick<DeadLetterStore, 'add'>;
  /** Age in ms at which QuestDB removes measurements. It then accepts such rows, but doesn't store them. */
  maxAgeMs: number;
  /** Counts dropped rows. */
  dropped: DroppedRowCounter;
  /**
   * Returns the current QuestDB, why writes are paused, or undefined if no QuestDB is known. Called before every
   * request.
   */
  target: () => WriteTarget | PausedTarget | undefined;
  /**
   * Creates missing tables and columns. Called before the first write, and again after a rejected write. The signal
   * cancels the requests.
   */
  ensureTables: (target: WriteTarget, signal: AbortSignal) => Promise<void>;
  log: Logger;
}

/** The rows of a reading that still have to be sent. */
interface Window {
  readonly reading: SpooledBatches;
  readonly queues: readonly (readonly [table: string, queue: LineQueue])[];
}

/** What the sender does after a step. */
type StepResult = 'continue' | 'wait' | 'idle' | { readonly failure: string };

/**
 * Sends batches from the spool to QuestDB: one request at a time, about oldest first, one table per
 * request. A failure doesn't repeat requests that were successful before.
 */
export class SpoolSender {
  readonly #options: SpoolSenderOptions;
  readonly #client = new IlpClient();
  readonly #lineSender: LineSender;
  readonly #clock = new DatabaseClock();
  readonly #status: SendStatus;
  readonly #warnOnce: (kind: string, message: string) => boolean;
  #window: Window | undefined;
  #running: Promise<void> | undefined;
  #preparedFor: string | undefined;
  #failures = 0;
  #nextTryMs = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(options: SpoolSenderOptions) {
    this.#options = options;
    this.#warnOnce = createWarnOnce(options.log);
    this.#status = new SendStatus(options.log, () => performance.now());
    this.#lineSender = new LineSender({
      client: this.#client,
      repairSchema: (target) => options.ensureTables(target, this.#closing.signal),
      onRejected: (table, line, reason) => options.deadLetters.add(table, line, 1, reason),
    });
  }

  /** Number of rows that QuestDB has acknowledged. */
  get storedRows(): number {
    return this.#lineSender.storedRows;
  }

  /** Number of requests that QuestDB has acknowledged. */
  get storedRequests(): number {
    return this.#lineSender.storedRequests;
  }

  /** Uses a new connection for the next request. */
  reconnect(): void {
    this.#client.reconnect();
  }

  /** Number of requests that failed and were repeated. */
  get failedRequests(): number {
    return this.#lineSender.failedRequests;
  }

  /** Starts sending, unless it is already sending or waiting after a failure. */
  start(): void {
    if (this.#isClosed || this.#running || performance.now() < this.#nextTryMs) return;
    this.#running = this.#run();
  }

  /** Starts sending immediately, even after a failure. */
  retryNow(): void {
    this.#nextTryMs = 0;
    this.start();
  }

  /** Sends all batches immediately. Resolves when they are stored, or after a failure. */
  async sendAll(): Promise<void> {
    this.retryNow();
    await this.#running;
  }

  /** Stops sending. Unsent batches stay in the spool. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the process is ending'));
    clearTimeout(this.#timer);
    this.#client.close();
    await this.#running;
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #scheduleRetry(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    const waitMs = Math.max(0, this.#nextTryMs - performance.now());
    // A timer can fire slightly early. `retryNow` skips the time check, so the retry is not lost.
    this.#timer = startTimeout(PART, () => this.retryNow(), waitMs);
  }

  /** Sends until the spool is empty, or until a failure. Never rejects. */
  async #run(): Promise<void> {
    try {
      let result: StepResult = 'continue';
      while (!this.#isClosed && result === 'continue') result = await this.#runStep();
    } catch (error) {
      reportFailure(PART, error);
    } finally {
      this.#running = undefined;
      if (this.#options.spool.waitingRows > 0) this.#scheduleRetry();
    }
  }

  async #runStep(): Promise<StepResult> {
    const startMs = performance.now();
    const { storedRows } = this;
    const result = await this.#step().catch((error) => ({ failure: errorMessage(error) }));
    const { dropped, log } = this.#options;
    if (this.storedRows > storedRows && this.#status.onStored()) reportDroppedTotal(dropped, log);
    if (result === 'continue') this.#failures = 0;
    else if (result === 'wait') this.#waitFor(PAUSE_MS);
    else if (result !== 'idle' && !this.#isClosed) {
      this.#waitFor(Math.min(MIN_BACKOFF_MS * 2 ** this.#failures++, MAX_BACKOFF_MS));
      this.#status.onFailure(startMs, result.failure);
    }
    return result;
  }

  /** Sends one request, or starts or ends a reading. */
  async #step(): Promise<StepResult> {
    const { spool } = this.#options;
    if (spool.waitingRows === 0) return 'idle';
    const target = this.#options.target();
    if (!target) return { failure: 'no QuestDB server was found' };
    if (isPaused(target)) {
      this.#status.onPaused(target.paused);
      return 'wait';
    }
    if (this.#preparedFor !== target.url) {
      await this.#options.ensureTables(target, this.#closing.signal);
      this.#preparedFor = target.url;
    }
    this.#window ??= await this.#openWindow(target);
    if (!this.#window) return spool.waitingRows > 0 ? 'wait' : 'idle';
    const next = this.#window.queues.find(([, queue]) => !queue.isEmpty);
    if (!next) {
      spool.remove(this.#window.reading);
      this.#window = undefined;
      return 'continue';
    }
    const failure = await this.#lineSender.sendNext(target, ...next);
    return failure === undefined ? 'continue' : { failure };
  }

  /** Reads the next batches, and groups them by table. The order of a table's batches stays the same. */
  async #openWindow(target: WriteTarget): Promise<Window | undefined> {
    const reading = await this.#options.spool.read(READING_BYTES);
    if (!reading) return undefined;
    const batches = await this.#dropExpired(target, reading.batches);
    const byTable = Map.groupBy(batches, ({ table }) => table);
    const queues = [...byTable].map(([table, chunks]) => [table, new LineQueue(chunks)] as const);
    return { reading, queues };
  }

  /**
   * Drops measurements that QuestDB would not store. The clock of a process can be wrong, so rows are dropped only
   * if they are too old by the clock of QuestDB too.
   */
  async #dropExpired(target: WriteTarget, batches: readonly Batch[]): Promise<readonly Batch[]> {
    const { maxAgeMs, dropped } = this.#options;
    const isExpired = ({ table, newestMs }: Batch, nowMs: number) =>
      isMeasurementTable(table) && newestMs < nowMs - maxAgeMs;
    const localMs = Date.now();
    if (!batches.some((batch) => isExpired(batch, localMs))) return batches;
    const databaseMs = await this.#clock.read(target, this.#closing.signal);
    if (databaseMs === undefined) return batches;
    const nowMs = Math.min(localMs, databaseMs);
    const expired = batches.filter((batch) => isExpired(batch, nowMs));
    if (expired.length === 0) return batches;
    const rows = expired.reduce((sum, batch) => sum + batch.rows, 0);
    dropped.add('expired', rows);
    const reason =
      'they are older than the retention period. Raise PERFORMANCE_RETENTION_DAYS to keep such rows';
    const { message } = createError('PS_ROWS_DROPPED', { rows, reason });
    if (this.#warnOnce(reason, message)) dropped.markReported(rows);
    return batches.filter((batch) => !expired.includes(batch));
  }

  /** Half of the wait is random, so that many services don't retry at the same time. */
  #waitFor(waitMs: number): void {
    this.#nextTryMs = performance.now() + waitMs * (0.5 + Math.random() / 2);
  }
}
