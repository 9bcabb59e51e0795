import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import { IlpClient } from './ilp-client.ts';
import type { Spool } from './spool.ts';
import type { Batch } from './spool-folders.ts';

const REQUEST_TIMEOUT_MS = 10_000;
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_REQUEST_BATCHES = 500;
const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5000;

export interface SpoolSenderOptions {
  spool: Spool;
  /** Returns the current QuestDB, or undefined if none is known. Called before every write. */
  target: () => WriteTarget | undefined;
  /** Creates missing tables. Called before the first write, and again after a rejected write. */
  ensureTables: (target: WriteTarget) => Promise<void>;
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
  #closed = false;

  constructor(options: SpoolSenderOptions) {
    this.#options = options;
    this.#warnOnce = createWarnOnce(options.log);
  }

  /** Starts sending, unless it is already sending or waiting after a failure. */
  start(): void {
    if (this.#closed || this.#running || Date.now() < this.#nextTryMs) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#options.spool.waiting.length > 0) this.#scheduleRetry();
    });
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
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#client.close();
    await this.#running;
  }

  #scheduleRetry(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    // A timer can fire slightly early. `retryNow` skips the time check, so the retry is not lost.
    this.#timer = setTimeout(() => this.retryNow(), Math.max(0, this.#nextTryMs - Date.now()));
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    while (!this.#closed && this.#options.spool.waiting.length > 0) {
      const failure = await this.#sendNext().catch((error: Error) => error.message);
      if (failure === undefined) {
        this.#failures = 0;
        continue;
      }
      this.#options.spool.enforceLimits();
      this.#backOff(failure);
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
    if (lines.some((part) => part.length > 0)) {
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
      bytes += batch.bytes;
      batches.push(batch);
      // For a missing file, add an empty buffer, so that the indexes of batches and lines match.
      lines.push((await this.#options.spool.read(batch)) ?? Buffer.alloc(0));
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
    await this.#options.ensureTables(target);
    this.#preparedFor = target.url;
  }

  #backOff(reason: string): void {
    const waitMs = Math.min(MIN_BACKOFF_MS * 2 ** this.#failures, MAX_BACKOFF_MS);
    // Half of the wait is random, so that many services don't retry at the same time.
    this.#nextTryMs = Date.now() + waitMs * (0.5 + Math.random() / 2);
    if (this.#failures++ === 3) {
      this.#options.log.warn(
        `QuestDB does not accept rows (${reason}). Rows are kept in the spool and will be retried.`,
      );
    }
  }
}
