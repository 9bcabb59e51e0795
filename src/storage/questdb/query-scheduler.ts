import { guard } from '../../core/guard.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { QueryCaller, QueryGroup } from './query-caller.ts';

/** The used query time of a connection is halved in this period. */
const HALF_LIFE_MS = 10_000;
const RETRY_AFTER_S = 5;
const PART = 'the queries';

export interface QuerySchedulerOptions {
  /** Maximum number of concurrent queries of all API requests together. */
  readonly maxQueries: number;
  /** Maximum wait for other queries, in ms. */
  readonly maxWaitMs: number;
  /** Returns a monotonic time in ms. Default: `performance.now`. */
  readonly now?: () => number;
}

interface WaitingQuery {
  readonly caller: QueryCaller;
  start(): void;
}

/**
 * Decides which query of an API request runs next, so that one caller can't delay the queries of all
 * others. Queries of other code, such as alert rules, start at once.
 *
 * The number of concurrent queries is limited for each group and in total. The caller with the fewest
 * running queries comes next. Among its queries, the query comes first whose connection used the least
 * query time recently. Among equal queries, the newest comes first, so that a client with one request
 * doesn't wait for all queries of clients with many requests.
 */
export class QueryScheduler {
  readonly #options: QuerySchedulerOptions;
  readonly #now: () => number;
  readonly #waiting = new Set<WaitingQuery>();
  /** Number of running queries by group. Contains only groups with running queries. */
  readonly #running = new Map<string, number>();
  readonly #usedTimes = new WeakMap<object, { usedMs: number; atMs: number }>();
  #total = 0;

  constructor(options: QuerySchedulerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Runs a query when its turn comes.
   *
   * @param caller undefined if the query isn't limited
   * @param signal aborted when the result is no longer needed
   * @throws PS_TOO_MANY_OPEN if the query had to wait too long
   * @throws PS_UNAVAILABLE if `signal` was aborted before the query started
   */
  async run<T>(
    caller: QueryCaller | undefined,
    signal: AbortSignal | undefined,
    query: () => Promise<T>,
  ): Promise<T> {
    if (!caller) return query();
    await this.#waitForTurn(caller, signal);
    const startedMs = this.#now();
    try {
      return await query();
    } finally {
      this.#end(caller, this.#now() - startedMs);
    }
  }

  /** Number of queries that wait for their turn. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  #waitForTurn(caller: QueryCaller, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#waiting.delete(query);
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      };
      const cancel = guard(PART, () => {
        stop();
        reject(createError('PS_UNAVAILABLE', { reason: 'the client has disconnected' }));
      });
      const query: WaitingQuery = {
        caller,
        start: () => {
          stop();
          resolve();
        },
      };
      const expire = guard(PART, () => {
        stop();
        reject(this.#createLimitError(caller));
      });
      const timer = setTimeout(expire, this.#options.maxWaitMs);
      if (signal?.aborted) return cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      this.#waiting.add(query);
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#total < this.#options.maxQueries) {
      const next = this.#findNext();
      if (!next) return;
      this.#total += 1;
      for (const { id } of next.caller.groups) {
        this.#running.set(id, this.#getRunning(id) + 1);
      }
      next.start();
    }
  }

  #findNext(): WaitingQuery | undefined {
    let best: { query: WaitingQuery; running: number; usedMs: number } | undefined;
    for (const query of this.#waiting) {
      const { groups, connection } = query.caller;
      if (groups.some((group) => this.#isFull(group))) continue;
      const running = this.#getRunning(groups[0]?.id ?? '');
      const usedMs = this.#getUsedMs(connection);
      const isBetter =
        !best || running < best.running || (running === best.running && usedMs <= best.usedMs);
      if (isBetter) best = { query, running, usedMs };
    }
    return best?.query;
  }

  #end({ groups, connection }: QueryCaller, durationMs: number): void {
    this.#total -= 1;
    for (const { id } of groups) {
      const running = this.#getRunning(id) - 1;
      if (running > 0) this.#running.set(id, running);
      else this.#running.delete(id);
    }
    const usedMs = this.#getUsedMs(connection) + durationMs;
    this.#usedTimes.set(connection, { usedMs, atMs: this.#now() });
    this.#startNext();
  }

  #getUsedMs(connection: object): number {
    const { usedMs, atMs } = this.#usedTimes.get(connection) ?? { usedMs: 0, atMs: 0 };
    return usedMs * 0.5 ** ((this.#now() - atMs) / HALF_LIFE_MS);
  }

  #getRunning(id: string): number {
    return this.#running.get(id) ?? 0;
  }

  #isFull({ id, limit }: QueryGroup): boolean {
    return this.#getRunning(id) >= limit;
  }

  #createLimitError({ groups }: QueryCaller) {
    const server = { per: 'server', limit: this.#options.maxQueries };
    const { per, limit } = groups.find((group) => this.#isFull(group)) ?? server;
    const params = { limit, what: 'concurrent queries', per, seconds: RETRY_AFTER_S };
    return createError('PS_TOO_MANY_OPEN', params);
  }
}
