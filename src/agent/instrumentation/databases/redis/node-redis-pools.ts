import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import { type Operation, startOperation } from '../../context/operations.ts';
import { bindCallback } from '../../context/tenant-context.ts';
import { observePromise, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import type { PoolMetrics } from '../pool-metrics.ts';
import { formatNodeRedisServer, type NodeRedisOptions } from './node-redis-connects.ts';
import { REDIS } from './redis-commands.ts';
import { getRedisErrorType } from './redis-errors.ts';

/** What fails, for {@link guard}. */
const PART = 'the node-redis pool metrics';

interface NodeRedisPool {
  readonly _self: NodeRedisPool;
  readonly isOpen?: boolean;
  readonly clientsInUse: number;
  readonly idleClients: number;
  readonly tasksQueueLength: number;
}

/** The options of pools that `create` created. Their limit is a private field. */
const poolOptions = new WeakMap<object, { server: string; max: number }>();

/** Measures the pools of node-redis 5 and 6. A task waits until a client is idle. */
export function patchNodeRedisPool(
  exports: unknown,
  pools: PoolMetrics,
  databases: DatabaseRecorder,
): void {
  const { RedisClientPool } = exports as {
    RedisClientPool: { prototype: object; create?: unknown };
  };
  const storeOptions = guard(PART, (pool: NodeRedisPool, args: readonly unknown[]) => {
    const [clientOptions, options] = args as [NodeRedisOptions?, { maximum?: number }?];
    const server = formatNodeRedisServer(clientOptions);
    // A pool without this option has up to 100 clients.
    poolOptions.set(pool._self, { server, max: options?.maximum ?? 100 });
  });
  wrapMethod(RedisClientPool, 'create', (original) => {
    return function create(this: unknown, ...args: unknown[]) {
      const pool = original.apply(this, args) as NodeRedisPool;
      storeOptions(pool, args);
      return pool;
    };
  });

  const onClient = guard(PART, (operation: Operation, name: string) =>
    pools.endWait(operation, name),
  );
  const onRejected = guard(PART, (operation: Operation, server: string, error: unknown) => {
    const errorType = getRedisErrorType(error);
    databases.endFailedConnect(operation, REDIS, { errorType, error, server });
  });
  const startTask = guard(PART, ({ _self: pool }: NodeRedisPool, args: unknown[]) => {
    const options = poolOptions.get(pool) ?? { server: formatNodeRedisServer(), max: 0 };
    const name = pools.register(
      pool,
      () => options.server,
      (self) => readPool(self, options.max),
    );
    const operation = startOperation('connection');
    // A waiting task runs in the context of the task that returned its client.
    const bound = bindCallback(args, 0);
    const [task] = bound;
    const reject = (error: unknown) => onRejected(operation, name, error);
    if (typeof task !== 'function') return { args: bound, reject };
    const observedTask = function (this: unknown, ...taskArgs: unknown[]) {
      onClient(operation, name);
      return task.apply(this, taskArgs);
    };
    return { args: bound.with(0, observedTask), reject };
  });
  wrapMethod(RedisClientPool.prototype, 'execute', (original) => {
    return function execute(this: NodeRedisPool, ...args: unknown[]) {
      const task = startTask(this, args);
      const result = original.apply(this, task?.args ?? args);
      if (!task || !types.isPromise(result)) return result;
      return observePromise(result, () => {}, task.reject);
    };
  });
}

function readPool(pool: NodeRedisPool, max: number) {
  if (pool.isOpen === false) return undefined;
  return {
    used: pool.clientsInUse,
    idle: pool.idleClients,
    waiting: pool.tasksQueueLength,
    max,
  };
}
