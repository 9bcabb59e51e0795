import { guard } from '../../../../core/guard.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import {
  copyFunctionProperties,
  type Method,
  observeMethod,
} from '../../loading/method-patching.ts';
import type { PoolMetrics } from '../pool-metrics.ts';
import { formatServer } from './postgres-connects.ts';

/** What fails, for {@link guard}. */
const PART = 'the postgres.js pool metrics';

/** A query of postgres.js, which is a promise. */
export interface PostgresJsQuery {
  strings: readonly string[];
  /** Arguments, which can be fragments of statements. */
  args?: readonly unknown[];
  /** Arguments of all fragments. Unset until a connection sends the query. */
  parameters?: readonly unknown[];
  /** Sends the query. Each pool has one handler, and each transaction another one. */
  handler: (query: PostgresJsQuery) => unknown;
  /** Cancels the query. Each pool has one canceller. */
  canceller?: object | null;
  options: { simple?: boolean };
  /** Text of the statement. Unset until a connection sends the query. */
  string?: string;
  /** The connection that sent the query. */
  state?: unknown;
  onlyDescribe?: boolean;
  executed: boolean;
  cursorFn?: unknown;
  forEachFn?: unknown;
  resolve: (value: unknown) => unknown;
  reject: (error: unknown) => unknown;
}

/** The queries of a pool that wait for a connection. */
export interface PostgresJsPool {
  /** `host:port/database`. Undefined until a connection sends a query. */
  name: string | undefined;
  waiting: number;
  /** Whether the handler of the pool is known. Then, other handlers belong to transactions. */
  hasHandler: boolean;
}

/** Field of a pool's canceller. */
class PoolField extends ExistingObject {
  readonly #pool: PostgresJsPool;

  private constructor(canceller: object, pool: PostgresJsPool) {
    super(canceller);
    this.#pool = pool;
  }

  /** Returns the pool that a canceller belongs to. */
  static find(canceller: object): PostgresJsPool {
    if (#pool in canceller) return canceller.#pool;
    const pool: PostgresJsPool = { name: undefined, waiting: 0, hasHandler: false };
    new PoolField(canceller, pool);
    return pool;
  }
}

/** Marks the handler of a pool. */
class PoolHandler extends ExistingObject {
  readonly #isOfPool = true;

  static has(handler: object): boolean {
    return #isOfPool in handler && handler.#isOfPool;
  }
}

interface QueryList {
  readonly length: number;
}

/** The connections of a pool, by state. */
type ConnectionQueues = Readonly<
  Record<'connecting' | 'reserved' | 'open' | 'busy' | 'full', QueryList>
>;

export interface PostgresJsConnection {
  /** Set while a transaction has the connection. */
  reserved?: unknown;
}

interface PostgresJsOptions {
  host?: readonly string[];
  port?: readonly number[];
  database?: string;
  max?: number;
}

/** Called when a connection sends a query. */
export type OnSend = (
  query: PostgresJsQuery,
  isReserved: boolean,
  connection: object | undefined,
) => void;

let areConnectionsObserved = false;

/** Returns the pool of a query, if its connections are observed. */
export function findPool({ canceller }: PostgresJsQuery): PostgresJsPool | undefined {
  return canceller && areConnectionsObserved ? PoolField.find(canceller) : undefined;
}

/** Whether a query is sent through a connection that a transaction already has. */
export function isInTransaction(pool: PostgresJsPool, { handler }: PostgresJsQuery): boolean {
  return pool.hasHandler && !PoolHandler.has(handler);
}

/**
 * Returns a function that creates the connections of pools, and observes when they send queries.
 *
 * @throws TypeError if the function does not exist
 */
export function observeConnections(
  createConnection: unknown,
  pools: PoolMetrics,
  onSend: OnSend,
): Method {
  if (typeof createConnection !== 'function') throw new TypeError('function Connection not found');
  const original = createConnection as Method;

  const observe = guard(
    PART,
    (connection: PostgresJsConnection, options: PostgresJsOptions, queues?: ConnectionQueues) => {
      // A connection that only cancels a query has no queues.
      if (!queues) return;
      areConnectionsObserved = true;
      addConnection(queues, connection);
      const findRegisteredPool = (query: PostgresJsQuery) => {
        const pool = findPool(query);
        if (pool) pool.name ??= register(pools, pool, options, queues);
        return pool;
      };
      observeMethod<PostgresJsConnection>(PART, connection, 'execute', {
        before: (self, [argument]) => {
          const { reserved } = self;
          const query = argument as PostgresJsQuery;
          const pool = findRegisteredPool(query);
          if (pool && !reserved) markHandler(pool, query);
          onSend(query, Boolean(reserved), self);
        },
      });
      observeMethod<PostgresJsConnection>(PART, connection, 'connect', {
        before: (_, [argument]) => {
          const query = argument as PostgresJsQuery;
          const pool = findRegisteredPool(query);
          if (!pool) return;
          markHandler(pool, query);
          observeState(query, onSend);
        },
      });
    },
  );
  const Connection = function (this: unknown, ...args: unknown[]) {
    const connection = original.apply(this, args) as PostgresJsConnection;
    observe(connection, args[0] as PostgresJsOptions, args[1] as ConnectionQueues | undefined);
    return connection;
  };
  copyFunctionProperties(original, Connection);
  return Connection;
}

/** Registers a pool, and returns its name. The pool is held by the queues, which its connections share. */
function register(
  pools: PoolMetrics,
  pool: PostgresJsPool,
  { host, port, database, max = 0 }: PostgresJsOptions,
  queues: ConnectionQueues,
): string {
  const name = formatServer({ host: host?.[0], port: port?.[0], database });
  return pools.register(
    queues,
    () => name,
    ({ connecting, reserved, busy, full, open }) => ({
      used: connecting.length + reserved.length + busy.length + full.length,
      idle: open.length,
      waiting: pool.waiting,
      max,
      listTaken: () => listReservations(queues),
    }),
  );
}

/** All connections of each pool, by its queues. The queues can't be read without changing them. */
const connectionsByPool = new WeakMap<ConnectionQueues, PostgresJsConnection[]>();

function addConnection(queues: ConnectionQueues, connection: PostgresJsConnection): void {
  const connections = connectionsByPool.get(queues);
  if (connections) connections.push(connection);
  else connectionsByPool.set(queues, [connection]);
}

/** Returns the functions that represent the transactions and reservations in progress. Each is a new function. */
function listReservations(queues: ConnectionQueues): object[] {
  return (connectionsByPool.get(queues) ?? [])
    .map(({ reserved }) => reserved)
    .filter((reserved) => typeof reserved === 'function');
}

function markHandler(pool: PostgresJsPool, { handler }: PostgresJsQuery): void {
  if (PoolHandler.has(handler)) return;
  new PoolHandler(handler);
  pool.hasHandler = true;
}

/**
 * Observes when a new connection sends its first query. It calls none of its methods then, but sets the state of the
 * query.
 */
function observeState(query: PostgresJsQuery, onSend: OnSend): void {
  const { state } = query;
  Object.defineProperty(query, 'state', {
    configurable: true,
    enumerable: true,
    get: () => state,
    set: guard(PART, (value: unknown) => {
      Object.defineProperty(query, 'state', {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
      // The state of a query is the connection that sends it.
      onSend(query, false, typeof value === 'object' && value !== null ? value : undefined);
    }),
  });
}
