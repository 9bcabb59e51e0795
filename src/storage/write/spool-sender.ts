import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { reportFailure } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { IlpClient } from './ilp-client.ts';
import type { Spool } from './spool.ts';
import type { Batch } from './spool-folders.ts';

const PART = 'the spool sender';
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_REQUEST_BATCHES = 500;
const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5000;

export interface SpoolSenderOptions {
  spool: Spool;
  /** Returns the current QuestDB, or undefined if none is known. Called before every write. */
  target: () => WriteTarget | undefined;
  /**
   * Creates missing tables. Called before the first write, and again after a rejected write. The signal
   * cancels the requests.
   */
  ensureTables: (target: WriteTarget, signal: AbortSignal) => Promise<void>;
  log: Logger;
}

/**
 * Sends batches from the spool to QuestDB: one request at a time, oldest first, one table per
 * request.
 */
export class SpoolSender {
  readonly #options: SpoolSenderOptions;
  readonly #client = new IlpClient();
  readonly #warnOnce: (kind: string, message: string) => void;
  #running: Promise<void> | undefined;
  #preparedFor: string | undefined;
  #failures = 0;
  #nextTryMs = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(options: SpoolSenderOptions) {
    this.#options = options;
    this.#warnOnce = createWarnOnce(options.log);
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
      await this.#sendUntilFailure();
    } catch (error) {
      reportFailure(PART, error);
    } finally {
      this.#running = undefined;
      if (this.#options.spool.waiting.length > 0) this.#scheduleRetry();
    }
  }

  async #sendUntilFailure(): Promise<void> {
    while (!this.#isClosed && this.#options.spool.waiting.length > 0) {
      const failure = await this.#sendNext().catch(errorMessage);
      if (failure === undefined) {
        this.#failures = 0;
        continue;
      }
      this.#backOff(failure);
      this.#options.spool.enforceLimits();
      return;
    }
  }

  /**
   * Sends the next batches.
   *
   * @returns why a retry is necessary, or undefined after success
   */
  async #sendNext(): Promise<string | undefined> {
    const target = this.#options.target();
    if (!target) return 'no QuestDB server was found';
    if (this.#preparedFor !== target.url) await this.#ensureTables(target);
    const { batches, lines } = await this.#takeNextBatches();
    if (lines.length > 0) {
      let outcome = await this.#client.write(target, lines, REQUEST_TIMEOUT_MS);
      if (outcome.kind === 'refused') {
        // The tables might have been deleted. Create them and retry once.
        await this.#ensureTables(target);
        outcome = await this.#client.write(target, lines, REQUEST_TIMEOUT_MS);
      }
      if (outcome.kind === 'retry') return outcome.reason;
      if (outcome.kind === 'refused') return this.#rejectBadBatches(target, batches, lines);
    }
    await this.#options.spool.remove(batches);
    return undefined;
  }

  /** Reads the oldest batches of one table, up to the size of a request. */
  async #takeNextBatches(): Promise<{ batches: Batch[]; lines: Buffer[] }> {
    const { waiting } = this.#options.spool;
    const table = waiting[0]?.table;
    const batches: Batch[] = [];
    const lines: Buffer[] = [];
    let bytes = 0;
    for (const batch of waiting.filter((b) => b.table === table).slice(0, MAX_REQUEST_BATCHES)) {
      if (bytes > 0 && bytes + batch.bytes > MAX_REQUEST_BYTES) break;
      const part = await this.#options.spool.read(batch);
      if (!part) continue;
      bytes += batch.bytes;
      batches.push(batch);
      lines.push(part);
    }
    return { batches, lines };
  }

  /** Sends each batch separately, and moves rejected batches to the folder for rejected rows. */
  async #rejectBadBatches(
    target: WriteTarget,
    batches: readonly Batch[],
    lines: readonly Buffer[],
  ): Promise<string | undefined> {
    for (const [i, batch] of batches.entries()) {
      const part = lines[i];
      const outcome =
        part?.length && (await this.#client.write(target, [part], REQUEST_TIMEOUT_MS));
      if (outcome && outcome.kind === 'retry') return outcome.reason;
      if (part && outcome && outcome.kind === 'refused') {
        const file = this.#options.spool.reject(batch, part);
        const { table, rows } = batch;
        const { reason } = outcome;
        this.#warnOnce(
          reason,
          createError('PS_BATCH_REFUSED', { table, rows, reason, file }).message,
        );
      } else await this.#options.spool.remove([batch]);
    }
    return undefined;
  }

  async #ensureTables(target: WriteTarget): Promise<void> {
    await this.#options.ensureTables(target, this.#closing.signal);
    this.#preparedFor = target.url;
  }

  #backOff(reason: string): void {
    const waitMs = Math.min(MIN_BACKOFF_MS * 2 ** this.#failures, MAX_BACKOFF_MS);
    // Half of the wait is random, so that many services don't retry at the same time.
    this.#nextTryMs = performance.now() + waitMs * (0.5 + Math.random() / 2);
    if (this.#failures++ === 3) {
      // Not a warning, because no rows are lost.
      this.#options.log.info(
        `QuestDB does not accept rows (${reason}). Rows are kept in the spool and will be retried.`,
      );
    }
  }
}
