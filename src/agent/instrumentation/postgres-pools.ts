import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import { wrapMethod } from './method-patching.ts';
import { bindTenantContext } from './tenant-context.ts';

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

export interface PoolMetrics {
  /** Patches the package's class. */
  patch: (exports: unknown) => void;
  /** Open connections of all pools; undefined without a pool. */
  countConnections: () => number | undefined;
}

/**
 * Measures the pools of `pg-pool`: connections in use and idle, their limit, and how many callers
 * wait for one. A pool that nobody holds any more is forgotten.
 */
export function createPoolMetrics(meter: Meter): PoolMetrics {
  const pools = new Set<WeakRef<PgPool>>();
  const known = new WeakSet<PgPool>();
  const gauge = (name: string, description: string) =>
    meter.createObservableGauge(name, { unit: '{connection}', description });
  const count = gauge('db.client.connection.count', 'Connections by state.');
  const max = gauge('db.client.connection.max', 'Most connections that the pool opens.');
  const pending = gauge('db.client.connection.pending_requests', 'Callers that wait for one.');

  const alive = (): PgPool[] =>
    [...pools].flatMap((reference) => {
      const pool = reference.deref();
      if (pool && !pool.ended) return [pool];
      pools.delete(reference);
      return [];
    });

  const observe = (result: BatchObservableResult) => {
    const sums = new Map<string, { used: number; idle: number; waiting: number; max: number }>();
    for (const pool of alive()) {
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
  meter.addBatchObservableCallback(observe, [count, max, pending]);

  const patch = (exports: unknown) => {
    wrapMethod((exports as { prototype: object }).prototype, 'connect', (original) => {
      return function connect(this: PgPool, ...args: unknown[]) {
        if (!known.has(this) && this.options.application_name !== PERFSCOPE_APPLICATION_NAME) {
          known.add(this);
          pools.add(new WeakRef(this));
        }
        // Whoever gives a connection back would otherwise lend its context to the one who waited.
        if (typeof args[0] === 'function') args[0] = bindTenantContext(args[0]);
        return original.apply(this, args);
      };
    });
  };
  const connections = () => {
    const open = alive();
    return open.length > 0 ? open.reduce((sum, pool) => sum + pool.totalCount, 0) : undefined;
  };
  return { patch, countConnections: connections };
}

/** As the semantic conventions advise: where it leads to, without user and password. */
function getPoolName({ options }: PgPool): string {
  return `${options.host ?? 'default'}:${options.port ?? 5432}/${options.database ?? ''}`;
}
