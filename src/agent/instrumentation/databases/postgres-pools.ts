import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../../core/schema/row-ids.ts';
import { endOperation, startOperation } from '../context/operations.ts';
import { bindCallback } from '../context/tenant-context.ts';
import { observePromise, wrapMethod } from '../loading/method-patching.ts';
import type { DatabaseRecorder } from './database-recorder.ts';
import type { PoolMetrics } from './pool-metrics.ts';
import {
  connectForPool,
  formatServer,
  POSTGRESQL,
  type PostgresAddress,
} from './postgres-connects.ts';

interface PgPool {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
  ended?: boolean;
  options: PostgresAddress & {
    connectionString?: unknown;
    max?: number;
    application_name?: string;
  };
}

/** What fails, for {@link guard}. */
const PART = 'the PostgreSQL pool metrics';
/** Message of `pg-pool` for a caller that waited too long. It has no code. */
const POOL_TIMEOUT_MESSAGE = 'timeout exceeded when trying to connect';

/** Patches the `Pool` class of `pg-pool`, whose pools are then measured. */
export function patchPostgresPool(
  exports: unknown,
  pools: PoolMetrics,
  databases: DatabaseRecorder,
): void {
  const startConnect = guard(PART, (pool: PgPool, args: unknown[]) => {
    // The pool can call back in the context of the caller that released the connection.
    const bound = bindCallback(args, 0);
    if (pool.options.application_name === PERFSCOPE_APPLICATION_NAME) return { args: bound };
    const server = pools.register(pool, () => getPoolName(pool), readPool);
    const operation = startOperation('connection');
    const onConnect = guard(PART, () => pools.endWait(operation, server));
    const onError = guard(PART, (error: unknown) => {
      // Other errors come from the client, which reports them itself.
      if ((error as { message?: unknown } | undefined)?.message === POOL_TIMEOUT_MESSAGE)
        databases.endFailedConnect(operation, POSTGRESQL, { errorType: 'timeout', error, server });
      else endOperation(operation, server, true);
    });
    const [callback] = bound;
    if (typeof callback !== 'function') return { args: bound, onConnect, onError };
    const wrapped = function (this: unknown, ...results: unknown[]) {
      if (results[0]) onError(results[0]);
      else onConnect();
      return callback.apply(this, results);
    };
    return { args: bound.with(0, wrapped) };
  });
  const { prototype } = exports as { prototype: object };
  wrapMethod(prototype, 'newClient', (original) => {
    return function newClient(this: PgPool, ...args: unknown[]) {
      return connectForPool(() => original.apply(this, args));
    };
  });
  wrapMethod(prototype, 'connect', (original) => {
    return function connect(this: PgPool, ...args: unknown[]) {
      const call = startConnect(this, args);
      const result = original.apply(this, call?.args ?? args);
      if (!call?.onConnect || !types.isPromise(result)) return result;
      return observePromise(result, call.onConnect, call.onError);
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
  };
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
