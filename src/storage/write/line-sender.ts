import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { isUnreachable } from '../questdb/exec-sql-http.ts';
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

/** After this number of internal errors in a row, a request with several lines is divided. */
const DIVIDE_ERRORS = 3;
/**
 * After this number of internal errors in a row, a single line is set aside. If no other line of the table was stored
 * lately, the cause is probably the table, so the line is sent more often.
 */
const MAX_ERRORS = 5;
const MAX_ERRORS_OF_TABLE = 15;
/** Time for which a table is regarded as working after a line was stored, in ms. */
const WORKING_MS = 60_000;

/** Why lines must be sent again later. */
export interface SendFailure {
  readonly reason: string;
  /** Whether the cause can be the table, so that other tables can still be sent. */
  readonly isTableFailure: boolean;
  readonly isTimeout: boolean;
}

/** What is known about a table. */
interface TableState {
  readonly limits: RequestLimits;
  repairs: readonly { readonly reason: string; readonly ms: number }[];
  /** Number of internal errors since the last line was stored or set aside. */
  errors: number;
  storedMs: number;
}

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
 * Sends lines to QuestDB. Adapts the size of a table's requests, repairs the schema after a rejected request, and sets
 * rejected lines aside.
 */
export class LineSender {
  readonly #options: LineSenderOptions;
  readonly #now: () => number;
  readonly #tables = new Map<string, TableState>();
  #storedRows = 0;
  #storedRequests = 0;
  #failedRequests = 0;

  constructor(options: LineSenderOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
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
   * Sends the next lines of a table. Lines that were stored or set aside are removed from the queue. Requests for
   * different tables can run at the same time.
   *
   * @returns why a later retry is necessary, or undefined if the caller can continue immediately
   * @throws PS_QUESTDB_UNREACHABLE if `repairSchema` throws it, or the error of `onRejected`
   */
  async sendNext(
    target: WriteTarget,
    table: string,
    queue: LineQueue,
  ): Promise<SendFailure | undefined> {
    const state = this.#getState(table);
    const { limits } = state;
    const slice = queue.peek(limits.maxBytes);
    const deadlineMs = limits.getDeadlineMs(slice.bytes);
    const startMs = this.#now();
    const outcome = await this.#options.client.write(target, slice.parts, deadlineMs);
    if (outcome.kind === 'stored') {
      limits.onStored(slice.bytes, this.#now() - startMs);
      state.errors = 0;
      state.storedMs = this.#now();
      if (!queue.isRepeated) this.#storedRows += slice.rows;
      this.#storedRequests++;
      queue.remove(slice);
      queue.onStored();
      return undefined;
    }
    this.#failedRequests++;
    const { kind, reason } = outcome;
    const isTimeout = kind === 'timeout';
    const failure = { reason, isTimeout, isTableFailure: kind !== 'retry' };
    if (isTimeout) limits.onTimeout(slice.bytes);
    if (kind === 'cut') limits.onCut(slice.bytes);
    if (kind === 'too_large') {
      // Small requests are never really too large, so their cause is temporary.
      if (!limits.onTooLarge(slice.bytes)) return failure;
      if (slice.rows === 1) await this.#setAside(table, queue, slice, reason);
      return undefined;
    }
    if (kind === 'failed') {
      if (outcome.line === undefined || !this.#isCausedByLine(state, slice)) return failure;
    } else if (kind !== 'rejected') return failure;
    else {
      const repairs = await this.#repair(target, state, reason);
      if (repairs > 0) return repairs === 1 ? undefined : failure;
    }
    if (slice.rows > 1) queue.divide(slice, outcome.line);
    else {
      await this.#setAside(table, queue, slice, reason);
      state.errors = 0;
    }
    return undefined;
  }

  #getState(table: string): TableState {
    const known = this.#tables.get(table);
    if (known) return known;
    const limits = new RequestLimits(this.#now);
    const state = { limits, repairs: [], errors: 0, storedMs: Number.NEGATIVE_INFINITY };
    this.#tables.set(table, state);
    return state;
  }

  /** Whether to divide a request or to set its only line aside after an internal error of QuestDB. */
  #isCausedByLine(state: TableState, { rows }: LineSlice): boolean {
    state.errors++;
    if (rows > 1) return state.errors >= DIVIDE_ERRORS;
    const isWorking = this.#now() - state.storedMs < WORKING_MS;
    return state.errors >= (isWorking ? MAX_ERRORS : MAX_ERRORS_OF_TABLE);
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
  async #repair(target: WriteTarget, state: TableState, reason: string): Promise<number> {
    const recent = state.repairs.filter(({ ms }) => this.#now() - ms < REPAIR_INTERVAL_MS);
    state.repairs = recent;
    const count = recent.filter((repair) => repair.reason === reason).length;
    const maxCount = MISSING_PATTERN.test(reason) ? MAX_REPAIRS_IF_MISSING : 1;
    if (recent.length >= MAX_REPAIRS || count >= maxCount) return 0;
    try {
      await this.#options.repairSchema(target);
    } catch (error) {
      if (isUnreachable(error)) throw error;
    }
    this.#options.client.reconnect();
    state.repairs = [...recent, { reason, ms: this.#now() }];
    return count + 1;
  }
}
