import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { PerfscopeError } from '../../core/perfscope-error.ts';
import type { IlpClient } from './ilp-client.ts';
import type { LineQueue, LineSlice } from './line-queue.ts';
import { RequestLimits } from './request-limits.ts';

/** After a repair of a table's schema, the same reason does not start another repair for this time, in ms. */
const REPAIR_INTERVAL_MS = 10_000;
/** Maximum number of repairs for one table in that time, because reasons can contain values of rows. */
const MAX_REPAIRS = 5;
/**
 * A missing table or column is repaired several times, because QuestDB applies changes of a schema with a delay. A
 * repair can find a column that was already dropped.
 */
const MISSING_PATTERN = /does not exist/;
const MAX_REPAIRS_IF_MISSING = 3;

export interface LineSenderOptions {
  client: Pick<IlpClient, 'write' | 'reconnect'>;
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
  #storedRequests = 0;
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

  /** Number of requests that QuestDB has acknowledged. */
  get storedRequests(): number {
    return this.#storedRequests;
  }

  /** Number of requests that failed. */
  get failedRequests(): number {
    return this.#failedRequests;
  }

  /**
   * Sends the next lines of a table. Lines that were stored or set aside are removed from the queue.
   *
   * @returns why a later retry is necessary, or undefined if the caller can continue immediately
   * @throws PS_QUESTDB_UNREACHABLE if `repairSchema` throws it, or the error of `onRejected`
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
      this.#storedRequests++;
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
    const repairs = await this.#repair(target, table, reason);
    if (repairs > 0) return repairs === 1 ? undefined : reason;
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

  /**
   * Repairs the schema, unless it was already repaired for this reason. A repair that QuestDB refuses counts too.
   * Otherwise, one rejected row would block its table while the repair isn't possible.
   *
   * @returns the number of recent repairs for this reason, or 0 if it was not repaired again
   * @throws PS_QUESTDB_UNREACHABLE
   */
  async #repair(target: WriteTarget, table: string, reason: string): Promise<number> {
    const recent = (this.#repairs.get(table) ?? []).filter(
      ({ ms }) => this.#now() - ms < REPAIR_INTERVAL_MS,
    );
    this.#repairs.set(table, recent);
    const count = recent.filter((repair) => repair.reason === reason).length;
    const maxCount = MISSING_PATTERN.test(reason) ? MAX_REPAIRS_IF_MISSING : 1;
    if (recent.length >= MAX_REPAIRS || count >= maxCount) return 0;
    try {
      await this.#options.repairSchema(target);
    } catch (error) {
      if (isUnreachable(error)) throw error;
    }
    this.#options.client.reconnect();
    recent.push({ reason, ms: this.#now() });
    return count + 1;
  }
}

/** Whether QuestDB did not respond, so that a later attempt can succeed. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof PerfscopeError && error.code === 'PS_QUESTDB_UNREACHABLE';
}
