import { endOperation, startOperation } from '../../context/operations.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import type { PoolMetrics } from '../pool-metrics.ts';
import { observeCall } from './mongodb-calls.ts';
import { getMongoErrorType, getSelectionErrorType } from './mongodb-errors.ts';
import { MONGODB } from './mongodb-fingerprint.ts';

/** What fails, for `guard`. */
const PART = 'the MongoDB connection metrics';

interface ConnectionPool {
  readonly address?: string;
  readonly closed?: boolean;
  readonly options?: { readonly maxPoolSize?: number };
  readonly totalConnectionCount: number;
  readonly availableConnectionCount: number;
  readonly waitQueueSize: number;
}

interface Topology {
  readonly description?: { readonly servers?: ReadonlyMap<string, unknown> };
}

/** Maximum number of servers in the name of a deployment. */
const MAX_SERVERS = 3;

/**
 * Measures the pools of the driver. It has one for each server. An operation that gets no connection is recorded as a
 * failed connection.
 */
export function patchMongoPool(
  exports: unknown,
  pools: PoolMetrics,
  databases: DatabaseRecorder,
): void {
  const { prototype } = (exports as { ConnectionPool: { prototype: object } }).ConnectionPool;
  observeCall<ConnectionPool>(PART, prototype, 'checkOut', 0, (pool) => {
    const server = pools.register(pool, () => pool.address ?? '', readPool);
    const operation = startOperation('connection');
    return {
      onFulfilled: () => pools.endWait(operation, server),
      onRejected: (error) => {
        const { name } = error as { name?: unknown };
        // The pool was cleared because of an error that is already recorded.
        if (name === 'MongoPoolClearedError' || name === 'PoolClearedError')
          return endOperation(operation, server, true);
        const errorType = getMongoErrorType(error);
        databases.endFailedConnect(operation, MONGODB, { errorType, error, server });
      },
    };
  });
}

/** Records each operation that fails because no server is available. */
export function patchMongoTopology(exports: unknown, databases: DatabaseRecorder): void {
  const { prototype } = (exports as { Topology: { prototype: object } }).Topology;
  observeCall<Topology>(PART, prototype, 'selectServer', 2, (topology) => {
    const operation = startOperation('connection');
    return {
      onFulfilled: () => endOperation(operation, '', false),
      onRejected: (error) => {
        const server = formatServers(topology);
        const errorType = getSelectionErrorType(error);
        databases.endFailedConnect(operation, MONGODB, { errorType, error, server });
      },
    };
  });
}

function readPool(pool: ConnectionPool) {
  if (pool.closed === true) return undefined;
  const { totalConnectionCount, availableConnectionCount, waitQueueSize, options } = pool;
  return {
    used: totalConnectionCount - availableConnectionCount,
    idle: availableConnectionCount,
    waiting: waitQueueSize,
    max: options?.maxPoolSize ?? 0,
  };
}

function formatServers({ description }: Topology): string {
  const servers = [...(description?.servers?.keys() ?? [])].sort();
  return servers.slice(0, MAX_SERVERS).join(',');
}
