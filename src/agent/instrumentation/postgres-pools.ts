import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { guard } from '../../core/guard.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import { wrapMethod } from './method-patching.ts';
import { bindCallback } from './tenant-context.ts';

interface PgPool {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
  ended?: boolean;
  options: {
    max?: number;
    host?: string;
    port?: number;
    database?: string;
    application_name?: string;
  };
}

/** What fails, for {@link guard}. */
const PART = 'the PostgreSQL pool metrics';

export interface PoolMetrics {
  /** Patches the `Pool` class of `pg-pool`. */
  patch: (exports: unknown) => void;
  /** Returns the open connections of all pools, or undefined if there is no pool. */
  countConnections: () => number | undefined;
}

/**
 * Records the pools of `pg-pool`: used and idle connections, their limit, and waiting callers.
 * Pools are held by weak references, so they can be garbage-collected.
 */
export function createPoolMetrics(meter: Meter): PoolMetrics {
  const pools = new Set<WeakRef<PgPool>>();
  const registered = new WeakSet<PgPool>();
  const createGauge = (name: string, description: string) =>
    meter.createObservableGauge(name, { unit: '{connection}', description });
  const count = createGauge('db.client.connection.count', 'Connections by state.');
  const max = createGauge('db.client.connection.max', 'Maximum number of connections of the pool.');
  const pending = createGauge(
    'db.client.connection.pending_requests',
    'Callers that wait for a connection.',
  );

  const getOpenPools = (): PgPool[] =>
    [...pools].flatMap((reference) => {
      const pool = reference.deref();
      if (pool && !pool.ended) return [pool];
      pools.delete(reference);
      return [];
    });

  const observe = (result: BatchObservableResult) => {
    const sums = new Map<string, { used: number; idle: number; waiting: number; max: number }>();
    for (const pool of getOpenPools()) {
      const name = getPoolName(pool);
      const sum = sums.get(name) ?? { used: 0, idle: 0, waiting: 0, max: 0 };
      sum.used += pool.totalCount - pool.idleCount;
      sum.idle += pool.idleCount;
      sum.waiting += pool.waitingCount;
      sum.max += pool.options.max ?? 0;
      sums.set(name, sum);
    }
    for (const [name, sum] of sums) {
      const pool = { 'db.client.connection.pool.name': name };
      result.observe(count, sum.used, { ...pool, 'db.client.connection.state': 'used' });
      result.observe(count, sum.idle, { ...pool, 'db.client.connection.state': 'idle' });
      result.observe(max, sum.max, pool);
      result.observe(pending, sum.waiting, pool);
    }
  };
  meter.addBatchObservableCallback(guard(PART, observe), [count, max, pending]);

  const startConnect = guard(PART, (pool: PgPool, args: unknown[]) => {
    if (!registered.has(pool) && pool.options.application_name !== PERFSCOPE_APPLICATION_NAME) {
      registered.add(pool);
      pools.add(new WeakRef(pool));
    }
    // The pool can call back in the context of the caller that released the connection.
    return bindCallback(args, 0);
  });

  const patch = (exports: unknown) => {
    wrapMethod((exports as { prototype: object }).prototype, 'connect', (original) => {
      return function connect(this: PgPool, ...args: unknown[]) {
        return original.apply(this, startConnect(this, args) ?? args);
      };
    });
  };
  const countConnections = guard(PART, () => {
    const open = getOpenPools();
    return open.length > 0 ? open.reduce((sum, pool) => sum + pool.totalCount, 0) : undefined;
  });
  return { patch, countConnections };
}

/**
 * Returns `host:port/database`, as the semantic conventions recommend. It contains no credentials.
 */
function getPoolName({ options }: PgPool): string {
  return `${options.host ?? 'default'}:${options.port ?? 5432}/${options.database ?? ''}`;
}
