import { withTimeout } from '../../core/concurrency.ts';
import {
  isPaused,
  type PausedTarget,
  type WriteTarget,
} from '../../core/config/questdb-targets.ts';
import { reportFailure } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import type { DeadLetterStore } from '../dead-letters/dead-letter-store.ts';
import { reportDroppedTotal } from '../spool/dropped-row-report.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import type { UnsentRows, UnsentTable } from '../spool/unsent-rows.ts';
import { ExpiredRows } from './expired-rows.ts';
import { IlpClient } from './ilp-client.ts';
import type { LineQueue } from './line-queue.ts';
import { LineSender } from './line-sender.ts';
import { SendStatus } from './send-status.ts';
import { resumeBatches, SendWindow, type SpooledBatches } from './send-window.ts';
import { TablePreparation } from './table-preparation.ts';
import { TableSchedule } from './table-schedule.ts';
import type { ReadTableIds } from './table-watch.ts';

const PART = 'the spool sender';
/** Size of the batches that are read from the spool at once, in bytes. */
const READING_BYTES = 4 * 1024 * 1024;
const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5000;
/** Time between two attempts while writes are paused, or while the spool can't be read. */
const PAUSE_MS = 1000;
/** Maximum time between requests for different tables after failures. */
const MAX_TABLE_WAIT_MS = 1000;
const MIN_WAIT_MS = 10;
/** If a request takes longer, rows of other tables are sent at the same time. */
const PATIENCE_MS = 2000;

/** The part of the spool that the sender uses. See `Spool`. */
export interface SpoolReader {
  readonly waitingRows: number;
  /** Size of the waiting records. Those without rows are only skipped. Default: 0. */
  readonly waitingBytes?: number;
  read(
    maxBytes: number,
    isBlocked: (table: string) => boolean,
  ): Promise<SpooledBatches | undefined>;
  remove(reading: SpooledBatches, unsent?: UnsentRows): boolean;
  updateUnsent(reading: SpooledBatches, table: string, unsent: UnsentTable): void;
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
  /** Returns the IDs of all tables by name. Default: if tables can't be created, no rows are sent. */
  readTableIds?: ReadTableIds | undefined;
  log: Logger;
}

/** What the sender does after a step. */
type StepResult = 'continue' | 'idle' | { readonly failure: string } | { readonly waitMs: number };

/** A slow request, and the further requests for the same rows. */
interface SlowTable {
  readonly window: SendWindow;
  readonly table: string;
  readonly done: Promise<void>;
}

/**
 * Sends batches from the spool to QuestDB: one table per request, about oldest first. A failure doesn't repeat requests
 * that were successful before. A slow table, or a table that QuestDB doesn't accept, doesn't delay other tables: their
 * rows are sent in the meantime.
 */
export class SpoolSender {
  readonly #options: SpoolSenderOptions;
  readonly #client = new IlpClient();
  readonly #lineSender: LineSender;
  readonly #expiredRows: ExpiredRows;
  readonly #preparation: TablePreparation;
  readonly #schedule = new TableSchedule();
  readonly #status: SendStatus;
  #window: SendWindow | undefined;
  /** At most one, so that a slow QuestDB doesn't receive many requests at the same time. */
  #slow: SlowTable | undefined;
  #running: Promise<void> | undefined;
  #failures = 0;
  #nextTryMs = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(options: SpoolSenderOptions) {
    this.#options = options;
    this.#expiredRows = new ExpiredRows(options);
    this.#preparation = new TablePreparation(options);
    this.#status = new SendStatus(options.log, () => performance.now());
    this.#lineSender = new LineSender({
      client: this.#client,
      repairSchema: (target) => options.ensureTables(target, this.#closing.signal),
      onRejected: (...rejected) => options.deadLetters.add(...rejected),
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
    this.#schedule.retryNow();
    this.#continueNow();
  }

  #continueNow(): void {
    this.#nextTryMs = 0;
    this.start();
  }

  /** Sends all batches immediately. Resolves when they are stored, or after a failure. */
  async sendAll(): Promise<void> {
    this.retryNow();
    await this.#running;
    while (this.#slow && !this.#isClosed) {
      await this.#slow.done;
      await this.#running;
    }
  }

  /** Stops sending. Unsent batches stay in the spool. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the process is ending'));
    clearTimeout(this.#timer);
    this.#client.close();
    await Promise.all([this.#running, this.#slow?.done]);
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #scheduleRetry(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    const waitMs = Math.max(0, this.#nextTryMs - performance.now());
    // A timer can fire slightly early. `#continueNow` skips the time check, so the retry is not lost.
    this.#timer = startTimeout(PART, () => this.#continueNow(), waitMs);
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
    const result = await this.#step().catch((error) => ({ failure: errorMessage(error) }));
    if (typeof result === 'string') return result;
    if ('waitMs' in result) this.#nextTryMs = performance.now() + result.waitMs;
    else if (!this.#isClosed) this.#onFailure(startMs, result.failure);
    return result;
  }

  /** Sends one request, or starts or ends a reading. */
  async #step(): Promise<StepResult> {
    const { spool } = this.#options;
    if (spool.waitingRows === 0 && !spool.waitingBytes) return 'idle';
    const target = this.#options.target();
    if (!target) return { failure: 'no QuestDB server was found' };
    if (isPaused(target)) {
      this.#status.onPaused(target.paused);
      return { waitMs: PAUSE_MS };
    }
    await this.#preparation.prepare(target, this.#closing.signal);
    this.#window ??= await this.#openWindow(target);
    if (!this.#window) return spool.waitingRows > 0 ? this.#waitForTables() : 'idle';
    const pending = this.#window.pending;
    const next = pending.find(([table]) => this.#schedule.canSend(table));
    if (next) return await this.#send(target, this.#window, ...next);
    const waiting = pending.filter(([table]) => !this.#schedule.isBlocked(table));
    if (waiting.length === 0) return this.#endWindow(this.#window);
    return { waitMs: Math.min(...waiting.map(([table]) => this.#schedule.getWaitMs(table))) };
  }

  /** Sends the next rows of a table. If that takes long, continues with other tables. */
  async #send(
    target: WriteTarget,
    window: SendWindow,
    table: string,
    queue: LineQueue,
  ): Promise<StepResult> {
    const sending = this.#sendNext(target, table, queue);
    if (this.#slow) return await sending;
    if (!this.#schedule.isSlow(table)) {
      const result = await withTimeout(PATIENCE_MS, sending, () => undefined, { keepAlive: false });
      if (result !== undefined) return result;
    }
    this.#schedule.busy = table;
    this.#slow = {
      window,
      table,
      done: this.#finishSlowTable(sending, target, window, table, queue),
    };
    return 'continue';
  }

  /** Sends the other rows of a slow table in the same window. Never rejects. */
  async #finishSlowTable(
    first: Promise<StepResult>,
    target: WriteTarget,
    window: SendWindow,
    table: string,
    queue: LineQueue,
  ): Promise<void> {
    const startMs = performance.now();
    let result: StepResult = 'continue';
    try {
      result = await first;
      while (result === 'continue' && !queue.isEmpty && this.#canContinue(target, table)) {
        result = await this.#sendNext(target, table, queue);
      }
    } catch (error) {
      result = { failure: errorMessage(error) };
    }
    if (typeof result === 'object' && 'failure' in result) this.#onFailure(startMs, result.failure);
    this.#slow = undefined;
    this.#schedule.busy = undefined;
    if (this.#window !== window) {
      this.#options.spool.updateUnsent(window.reading, table, window.getProgress(table));
    }
    if (result === 'continue') this.#continueNow();
    else if (!this.#running) this.#scheduleRetry();
  }

  /** Whether further requests for a slow table can follow. Otherwise, the sender sends its rows again later. */
  #canContinue({ url }: WriteTarget, table: string): boolean {
    const target = this.#isClosed ? undefined : this.#options.target();
    const isSame = target !== undefined && !isPaused(target) && target.url === url;
    return isSame && this.#schedule.getWaitMs(table) === 0;
  }

  async #sendNext(target: WriteTarget, table: string, queue: LineQueue): Promise<StepResult> {
    const startMs = performance.now();
    const { storedRequests } = this;
    const failure = this.#preparation.canWrite(table)
      ? await this.#lineSender.sendNext(target, table, queue)
      : { reason: this.#preparation.refusal, isTableFailure: true, isTimeout: false };
    this.#schedule.setSlow(table, performance.now() - startMs > PATIENCE_MS);
    if (failure === undefined) {
      if (this.storedRequests > storedRequests) this.#onStored(table);
      return 'continue';
    }
    if (this.#isClosed) return { waitMs: 0 };
    if (!failure.isTableFailure) return { failure: failure.reason };
    this.#schedule.onFailure(table, failure.isTimeout);
    this.#status.onTableFailure(table, startMs, failure.reason);
    // The first failure can be caused by the table. After that, QuestDB probably doesn't accept any rows.
    return this.#failures++ === 0 ? 'continue' : { waitMs: this.#getBackoffMs(MAX_TABLE_WAIT_MS) };
  }

  #onStored(table: string): void {
    const { dropped, log } = this.#options;
    this.#failures = 0;
    this.#schedule.onStored(table);
    if (this.#status.onStored(table)) reportDroppedTotal(dropped, log);
  }

  #onFailure(startMs: number, reason: string): void {
    this.#failures++;
    this.#nextTryMs = performance.now() + this.#getBackoffMs(MAX_BACKOFF_MS);
    this.#status.onFailure(startMs, reason);
  }

  /** Half of the wait is random, so that many services don't retry at the same time. */
  #getBackoffMs(maxMs: number): number {
    const waitMs = Math.min(MIN_BACKOFF_MS * 2 ** (this.#failures - 1), maxMs);
    return waitMs * (0.5 + Math.random() / 2);
  }

  #waitForTables(): StepResult {
    return { waitMs: Math.max(MIN_WAIT_MS, this.#schedule.getShortestWaitMs(PAUSE_MS)) };
  }

  /** Reads the next batches. */
  async #openWindow(target: WriteTarget): Promise<SendWindow | undefined> {
    const { spool } = this.#options;
    const isBlocked = (table: string) => this.#schedule.isBlocked(table);
    const reading = await spool.read(READING_BYTES, isBlocked);
    if (!reading) return undefined;
    const batches = resumeBatches(reading);
    const current = await this.#expiredRows.remove(target, batches, this.#closing.signal);
    return new SendWindow(reading, current);
  }

  /** Ends a reading. The spool keeps the unsent rows. */
  #endWindow(window: SendWindow): StepResult {
    const unsent = window.getUnsent(this.#slow?.window === window ? this.#slow.table : undefined);
    const isEnded = this.#options.spool.remove(window.reading, unsent);
    // Not earlier, because another process can read the batches again if this process ends.
    if (isEnded && !window.reading.isRepeated) this.#expiredRows.count(window.expiredRows);
    this.#window = undefined;
    // If QuestDB accepts no rows at all, the whole spool would be read at once.
    const canContinue = unsent.tables.size === 0 || this.#failures === 0;
    return canContinue ? 'continue' : { waitMs: MIN_BACKOFF_MS };
  }
}
