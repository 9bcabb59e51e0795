import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError } from '../../core/errors.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { IlpClient } from './ilp-client.ts';
import type { Spool } from './spool.ts';
import type { Batch } from './spool-files.ts';

const REQUEST_TIMEOUT_MS = 10_000;
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_REQUEST_BATCHES = 500;
const BACKOFF_MS = { first: 200, most: 5000 };

export interface SpoolSenderOptions {
  spool: Spool;
  /** Where QuestDB is now; undefined while nobody knows. Asked before every write. */
  target: () => WriteTarget | undefined;
  /** Makes sure that the tables exist. Run before the first write, and again when one is refused. */
  ensureTables: (target: WriteTarget) => Promise<void>;
  log: Logger;
}

/** Moves batches from the spool to QuestDB: one request at a time, oldest first, one table each. */
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

  /** Begins sending unless it already does, or waits after a failure. */
  start(): void {
    if (this.#closed || this.#running || Date.now() < this.#nextTryMs) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#options.spool.waiting.length > 0) this.#scheduleRetry();
    });
  }

  /** Tries at once, whatever the last failure was. */
  retryNow(): void {
    this.#nextTryMs = 0;
    this.start();
  }

  /** Stops; what waits stays in the spool. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#client.close();
    await this.#running;
  }

  #scheduleRetry(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    // A timer may fire a moment before its time: it must not find that it is too early, and never
    // come again.
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

  /** @returns why it has to be tried again, or undefined when the spool got shorter */
  async #sendNext(): Promise<string | undefined> {
    const target = this.#options.target();
    if (!target) return 'no QuestDB is known';
    if (this.#preparedFor !== target.url) await this.#ensureTables(target);
    const { batches, lines } = await this.#takeNextBatches();
    if (lines.some((part) => part.length > 0)) {
      let outcome = await this.#client.write(target, lines, REQUEST_TIMEOUT_MS);
      if (outcome.kind === 'refused') {
        // The tables may have been wiped since; make them, and try once more before giving up.
        await this.#ensureTables(target);
        outcome = await this.#client.write(target, lines, REQUEST_TIMEOUT_MS);
      }
      if (outcome.kind === 'retry') return outcome.reason;
      if (outcome.kind === 'refused') return this.#rejectBadBatches(target, batches, lines);
    }
    await this.#options.spool.remove(batches);
    return undefined;
  }

  /** The oldest batches that belong to one table, as many as fit into a request. */
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
      // A batch whose file has vanished keeps its place, so that lines and batches stay in step.
      lines.push((await this.#options.spool.read(batch)) ?? Buffer.alloc(0));
    }
    return { batches, lines };
  }

  /** One bad batch must not take its neighbours along: each is tried alone, the bad set aside. */
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
    const wait = Math.min(BACKOFF_MS.first * 2 ** this.#failures, BACKOFF_MS.most);
    // Half of it at random, so that many services do not come back in step.
    this.#nextTryMs = Date.now() + wait * (0.5 + Math.random() / 2);
    if (this.#failures++ === 3) {
      this.#options.log.warn(
        `QuestDB takes no rows at the moment (${reason}); they wait in the spool`,
      );
    }
  }
}
