import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../../../core/schema/row-ids.ts';
import { endOperation, type Operation, startOperation } from '../../context/operations.ts';
import { bindCallback, getCurrentScope, runLibraryCode } from '../../context/tenant-context.ts';
import { QueueOwnedField } from '../../context/unrecorded-commands.ts';
import { observePromise, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { readErrorProperty } from '../error-types.ts';
import type { PoolMetrics } from '../pool-metrics.ts';
import {
  connectForPool,
  formatServer,
  POSTGRESQL,
  type PostgresAddress,
} from './postgres-connects.ts';

/** A caller that waits for a connection. */
interface PoolWait {
  readonly operation: Operation;
  /** Name of the pool. */
  readonly server: string;
}

interface PgPool {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
  ended?: boolean;
  /** All clients, and the idle clients. */
  _clients?: readonly object[];
  _idle?: readonly { readonly client: object }[];
  options: PostgresAddress & {
    connectionString?: unknown;
    max?: number;
    application_name?: string;
  };
}

/** What fails, for {@link guard}. */
const PART = 'the PostgreSQL pool metrics';
/** Replaces an error without a value. */
const UNKNOWN_ERROR = 'unknown';
/** Message of `pg-pool` for a caller that waited too long. It has no code. */
const POOL_TIMEOUT_MESSAGE = 'timeout exceeded when trying to connect';

/** Patches the `Pool` class of `pg-pool`, whose pools are then measured. */
export function patchPostgresPool(
  exports: unknown,
  pools: PoolMetrics,
  databases: DatabaseRecorder,
): void {
  /** Whether the application is calling `query` of a pool, without a callback. */
  let isPromiseQuery = false;
  const end = guard(PART, ({ operation, server }: PoolWait, error: unknown, client: unknown) => {
    if (!error) pools.endWait(operation, server, toObject(client));
    // Other errors come from the client, which reports them itself.
    else if (readErrorProperty(error, 'message') === POOL_TIMEOUT_MESSAGE)
      databases.endFailedConnect(operation, POSTGRESQL, { errorType: 'timeout', error, server });
    else endOperation(operation, server, true);
  });
  const startWait = guard(PART, (pool: PgPool): PoolWait | undefined => {
    if (pool.options.application_name === PERFSCOPE_APPLICATION_NAME) return undefined;
    if (QueueOwnedField.has(pool.options)) return undefined;
    const server = pools.register(pool, () => getPoolName(pool), readPool);
    return { operation: startOperation('connection'), server };
  });
  /** The pool can call back in the context of the caller that released the connection. */
  const bindConnectCallback = guard(PART, (args: unknown[], wait: PoolWait | undefined) => {
    const isOwn = isPromiseQuery;
    const bound = isOwn ? args : bindCallback(args, 0);
    const callback = bound[0] as (this: unknown, ...results: unknown[]) => unknown;
    const scope = isOwn ? getCurrentScope() : undefined;
    const wrapped = function (this: unknown, ...results: unknown[]) {
      if (wait) end(wait, results[0], results[1]);
      if (!isOwn) return callback.apply(this, results);
      return runLibraryCode(scope, () => callback.apply(this, results));
    };
    return bound.with(0, wrapped);
  });
  const { prototype } = exports as { prototype: object };
  wrapMethod(prototype, 'newClient', (original) => {
    return function newClient(this: PgPool, ...args: unknown[]) {
      return connectForPool(this.options, () => original.apply(this, args));
    };
  });
  wrapMethod(prototype, 'connect', (original) => {
    return function connect(this: PgPool, ...args: unknown[]) {
      const wait = startWait(this);
      if (typeof args[0] === 'function')
        return original.apply(this, bindConnectCallback(args, wait) ?? args);
      const result = original.apply(this, args);
      if (!wait || !types.isPromise(result)) return result;
      return observePromise(
        result,
        (client) => end(wait, undefined, client),
        (error) => end(wait, error || UNKNOWN_ERROR, undefined),
      );
    };
  });
  // Its promise is settled by callbacks that run no code of the application.
  wrapMethod(prototype, 'query', (original) => {
    return function query(this: PgPool, ...args: unknown[]) {
      const outer = isPromiseQuery;
      isPromiseQuery = !args.some((arg) => typeof arg === 'function');
      try {
        return original.apply(this, args);
      } finally {
        isPromiseQuery = outer;
      }
    };
  });
}

function readPool(pool: PgPool) {
  if (pool.ended) return undefined;
  return {
    used: pool.totalCount - pool.idleCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
    max: pool.options.max ?? 0,
    listTaken: () => listTaken(pool),
  };
}

function listTaken({ _clients = [], _idle = [] }: PgPool): readonly object[] {
  const idle = new Set(_idle.map(({ client }) => client));
  return _clients.filter((client) => !idle.has(client));
}

function toObject(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null ? value : undefined;
}

/** Returns `host:port/database`. The URL of a connection can contain credentials, so only its parts are used. */
function getPoolName({ options }: PgPool): string {
  const { connectionString } = options;
  if (typeof connectionString !== 'string' || !URL.canParse(connectionString))
    return formatServer(options);
  const { hostname, port, pathname } = new URL(connectionString);
  return formatServer({
    host: hostname || options.host,
    port: Number(port) || options.port,
    database: pathname.slice(1),
  });
}
