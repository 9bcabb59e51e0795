import { guard } from '../../../../core/guard.ts';
import { endOperation, type Operation, startOperation } from '../../context/operations.ts';
import { bindCallback } from '../../context/tenant-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import { wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { readErrorProperty } from '../error-types.ts';
import type { PoolMetrics } from '../pool-metrics.ts';

/** What fails, for {@link guard}. */
const PART = 'the MySQL pool metrics';

/** Value of `db.system.name`. */
export const MYSQL = 'mysql';

/** Names a MySQL server and its database. */
export interface MysqlAddress {
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  readonly socketPath?: string | undefined;
  readonly database?: string | undefined;
}

interface ConnectionList {
  readonly length: number;
  get?: (index: number) => object | undefined;
}

interface MysqlPool {
  config: { connectionConfig: MysqlAddress; connectionLimit?: number };
  _allConnections: ConnectionList;
  _freeConnections: ConnectionList;
  _connectionQueue: ConnectionList;
  _closed: boolean;
}

type ConnectionCallback = (this: unknown, ...results: unknown[]) => unknown;

/** Marks the callback of a waiting caller. The pool passes it to `getConnection` again if a connection failed. */
class WaitingCallback extends ExistingObject {
  readonly #isWaiting = true;

  static has(callback: object): boolean {
    return #isWaiting in callback && callback.#isWaiting;
  }
}

/**
 * Error types of a pool that has no connection for the caller. These errors have no code. The package `mysql` uses
 * the same codes.
 */
const POOL_ERROR_TYPES = new Map<unknown, string>([
  ['Queue limit reached.', 'POOL_ENQUEUELIMIT'],
  ['No connections available.', 'POOL_CONNLIMIT'],
]);

let connectingPools = 0;

/** Whether a pool is opening a connection now. Its caller already waits for the pool. */
export function isPoolConnecting(): boolean {
  return connectingPools > 0;
}

/** Patches the `Pool` class of `mysql2`, whose pools are then measured. */
export function patchMysqlPool(
  exports: unknown,
  pools: PoolMetrics,
  databases: DatabaseRecorder,
): void {
  const { prototype } = exports as { prototype: object };
  // Newer versions have this method in another file.
  if (!Object.hasOwn(prototype, 'getConnection')) return;
  const end = guard(PART, (operation: Operation, server: string, results: unknown[]) => {
    const [error, connection] = results;
    if (!error) return pools.endWait(operation, server, connection as object | undefined);
    const errorType = POOL_ERROR_TYPES.get(readErrorProperty(error, 'message'));
    // Other errors come from the connection, which reports them itself.
    if (errorType === undefined) endOperation(operation, server, true);
    else databases.endFailedConnect(operation, MYSQL, { errorType, error, server });
  });
  const startWait = guard(PART, (pool: MysqlPool, args: unknown[]) => {
    const [original] = args;
    if (typeof original !== 'function' || WaitingCallback.has(original)) return undefined;
    const server = pools.register(
      pool,
      () => formatMysqlServer(pool.config.connectionConfig),
      readPool,
    );
    const operation = startOperation('connection');
    // The pool can call back in the context of the caller that released the connection.
    const callback = bindCallback(args, 0)[0] as ConnectionCallback;
    const waiting = function (this: unknown, ...results: unknown[]) {
      end(operation, server, results);
      return callback.apply(this, results);
    };
    new WaitingCallback(waiting);
    return waiting;
  });
  wrapMethod(prototype, 'getConnection', (original) => {
    return function getConnection(this: MysqlPool, ...args: unknown[]) {
      const callback = startWait(this, args);
      connectingPools += 1;
      try {
        return original.apply(this, callback ? args.with(0, callback) : args);
      } finally {
        connectingPools -= 1;
      }
    };
  });
}

function readPool(pool: MysqlPool) {
  if (pool._closed) return undefined;
  const idle = pool._freeConnections.length;
  return {
    used: pool._allConnections.length - idle,
    idle,
    waiting: pool._connectionQueue.length,
    max: pool.config.connectionLimit ?? 0,
    listTaken: () => listTaken(pool),
  };
}

function listTaken({ _allConnections, _freeConnections }: MysqlPool): readonly object[] {
  const free = new Set(toList(_freeConnections));
  return toList(_allConnections).filter((connection) => !free.has(connection));
}

function toList(connections: ConnectionList): object[] {
  return Array.from({ length: connections.length }, (_, i) => connections.get?.(i)).filter(
    (connection) => connection !== undefined,
  );
}

/** Returns `host:port/database`, as the semantic conventions recommend for pool names. */
export function formatMysqlServer({ host, port, socketPath, database }: MysqlAddress): string {
  return `${socketPath ?? host ?? 'localhost'}:${port ?? 3306}/${database ?? ''}`;
}
