import { AsyncLocalStorage } from 'node:async_hooks';
import { guard } from '../../core/guard.ts';

/** A caller, an organization, or another group whose concurrent queries are limited together. */
export interface QueryGroup {
  readonly id: string;
  /** What the limit applies to, for the error message: `key`, `address`, or `organization`. */
  readonly per: string;
  readonly limit: number;
}

/** The API request that runs queries. */
export interface QueryCaller {
  /** The groups of the request. The first group is the caller. */
  readonly groups: readonly QueryGroup[];
  /** The client's connection. Queries of connections that used less query time run first. */
  readonly connection: object;
  /** Aborted when the client has disconnected. */
  readonly signal: AbortSignal;
}

const callers = new AsyncLocalStorage<QueryCaller>();

/** Runs a function and its asynchronous calls. The limits of `caller` apply to their queries. */
export function runAsQueryCaller<T>(caller: QueryCaller, run: () => T): T {
  return callers.run(caller, run);
}

/** Runs a function whose result is shared by all callers, so the limits of the current caller don't apply. */
export function runWithoutQueryCaller<T>(run: () => T): T {
  return callers.exit(run);
}

/** Returns undefined if the current code doesn't run for an API request. */
export function getQueryCaller(): QueryCaller | undefined {
  return callers.getStore();
}

/**
 * The requests that wait for one query. Requests can share a query, so it is canceled only when the
 * clients of all requests have disconnected.
 */
export class QueryAudience {
  readonly #controller = new AbortController();
  readonly #callerId = getQueryCaller()?.groups[0]?.id;
  #waiting = 0;
  /** Whether the query has started. Set by the reader. */
  hasStarted = false;

  /**
   * Whether the current code can share the query. A query that waits for its turn is shared only within
   * its caller, because the limits of that caller apply to it.
   */
  get isShareable(): boolean {
    if (this.signal.aborted) return false;
    return this.hasStarted || this.#callerId === getQueryCaller()?.groups[0]?.id;
  }

  /** Adds the current request. Code that doesn't run for a request never disconnects. */
  join(): void {
    this.#waiting += 1;
    const signal = getQueryCaller()?.signal;
    const leave = guard('the queries', () => {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#controller.abort();
    });
    if (signal?.aborted) leave();
    else signal?.addEventListener('abort', leave, { once: true });
  }

  /** Aborted when no request waits for the query. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
}
