import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { IlpClient } from './ilp-client.ts';
import type { LineQueue, LineSlice } from './line-queue.ts';
import { RequestLimits } from './request-limits.ts';

/** After a repair of a table's schema, the same reason does not start another repair for this time, in ms. */
const REPAIR_INTERVAL_MS = 10_000;
/** Maximum number of repairs for one table in that time, because reasons can contain values of rows. */
const MAX_REPAIRS = 3;

export interface LineSenderOptions {
  client: Pick<IlpClient, 'write'>;
  /** Creates missing tables and columns. Called when QuestDB rejects lines. */
  repairSchema: (target: WriteTarget) => Promise<void>;
  /** Keeps a line that QuestDB rejects. */
  onRejected: (table: string, line: Buffer, reason: string) => Promise<void>;
  /** Returns a monotonic time in ms. Default: `performance.now`. */
  now?: () => number;
}

/**
 * Sends the lines of one table after another to QuestDB. Adapts the size of the requests, repairs the schema
 * after a rejected request, and sets rejected lines aside.
 */
export class LineSender {
  readonly #options: LineSenderOptions;
  readonly #now: () => number;
  readonly #limits: RequestLimits;
  readonly #repairs = new Map<string, { readonly reason: string; readonly ms: number }[]>();
  #storedRows = 0;
  #failedRequests = 0;

  constructor(options: LineSenderOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#limits = new RequestLimits(this.#now);
  }

  /** Number of rows that QuestDB has acknowledged. */
  get storedRows(): number {
    return this.#storedRows;
  }

  /** Number of requests that failed. */
  get failedRequests(): number {
    return this.#failedRequests;
  }

  /**
   * Sends the next lines of a table. Lines that were stored or set aside are removed from the queue.
   *
   * @returns why a later retry is necessary, or undefined if the caller can continue immediately
   * @throws the error of `repairSchema` or `onRejected`
   */
  async sendNext(
    target: WriteTarget,
    table: string,
    queue: LineQueue,
  ): Promise<string | undefined> {
    const slice = queue.peek(this.#limits.maxBytes);
    const deadlineMs = this.#limits.getDeadlineMs(slice.bytes);
    const startMs = this.#now();
    const outcome = await this.#options.client.write(target, slice.parts, deadlineMs);
    if (outcome.kind === 'stored') {
      this.#limits.onStored(slice.bytes, this.#now() - startMs);
      this.#storedRows += slice.rows;
      queue.remove(slice);
      queue.onStored();
      return undefined;
    }
    this.#failedRequests++;
    const { kind, reason } = outcome;
    if (kind === 'timeout') this.#limits.onTimeout(slice.bytes);
    if (kind === 'cut') this.#limits.onCut(slice.bytes);
    if (kind === 'too_large') return await this.#divideLarge(table, queue, slice, reason);
    if (kind !== 'rejected') return reason;
    if (await this.#repair(target, table, reason)) return undefined;
    if (slice.rows > 1) queue.divide(slice, outcome.line);
    else await this.#setAside(table, queue, slice, reason);
    return undefined;
  }

  /** Small requests are never really too large, so their cause is temporary. */
  async #divideLarge(
    table: string,
    queue: LineQueue,
    slice: LineSlice,
    reason: string,
  ): Promise<string | undefined> {
    if (!this.#limits.onTooLarge(slice.bytes)) return reason;
    if (slice.rows === 1) await this.#setAside(table, queue, slice, reason);
    return undefined;
  }

  async #setAside(
    table: string,
    queue: LineQueue,
    slice: LineSlice,
    reason: string,
  ): Promise<void> {
    await this.#options.onRejected(table, Buffer.concat(slice.parts), reason);
    queue.remove(slice);
  }

  /** Repairs the schema. Returns false if it was already repaired for this reason. */
  async #repair(target: WriteTarget, table: string, reason: string): Promise<boolean> {
    const recent = (this.#repairs.get(table) ?? []).filter(
      ({ ms }) => this.#now() - ms < REPAIR_INTERVAL_MS,
    );
    this.#repairs.set(table, recent);
    if (recent.length >= MAX_REPAIRS || recent.some((repair) => repair.reason === reason)) {
      return false;
    }
    await this.#options.repairSchema(target);
    recent.push({ reason, ms: this.#now() });
    return true;
  }
}
