import { types } from 'node:util';
import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { guard } from '../../../core/guard.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../../core/schema/row-ids.ts';
import { bindCallback, getCurrentTenant } from '../context/tenant-context.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import { observePromise, wrapMethod } from '../loading/method-patching.ts';
import { formatServer, type OnFailedConnect, type PostgresAddress } from './postgres-connects.ts';

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

export interface PoolMetrics {
  /**
   * Patches the `Pool` class of `pg-pool`.
   *
   * @param onTimeout called if a caller got no connection in time, although the pool has connections
   */
  patch: (exports: unknown, onTimeout: OnFailedConnect) => void;
  /** Returns the open connections of all pools, or undefined if there is no pool. */
  countConnections: () => number | undefined;
}

/** Boundaries in seconds that the semantic conventions recommend. */
const WAIT_TIME_BOUNDARIES_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** Message of `pg-pool` for a caller that waited too long. It has no code. */
const POOL_TIMEOUT_MESSAGE = 'timeout exceeded when trying to connect';

/**
 * Records the pools of `pg-pool`: used and idle connections, their limit, waiting callers, and how
 * long callers waited. Pools are held by weak references, so they can be garbage-collected.
 */
export function createPoolMetrics(meter: Meter, histograms: HistogramRegistry): PoolMetrics {
  const pools = new Set<WeakRef<PgPool>>();
  /** Names of the registered pools. */
  const names = new WeakMap<PgPool, string>();
  const createGauge = (name: string, description: string) =>
    meter.createObservableGauge(name, { unit: '{connection}', description });
  const count = createGauge('db.client.connection.count', 'Connections by state.');
  const max = createGauge('db.client.connection.max', 'Maximum number of connections of the pool.');
  const pending = createGauge(
    'db.client.connection.pending_requests',
    'Callers that wait for a connection.',
  );

  const waitTime = histograms.create({
    scope: 'perfscope.db',
    name: 'db.client.connection.wait_time',
    unit: 's',
    description: 'Time to get an open connection from the pool.',
    boundaries: WAIT_TIME_BOUNDARIES_S,
  });

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
      const name = names.get(pool) ?? '';
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

  const register = (pool: PgPool): string => {
    const existing = names.get(pool);
    if (existing !== undefined) return existing;
    const name = getPoolName(pool);
    names.set(pool, name);
    pools.add(new WeakRef(pool));
    return name;
  };

  const startConnect = guard(PART, (pool: PgPool, args: unknown[], onTimeout: OnFailedConnect) => {
    // The pool can call back in the context of the caller that released the connection.
    const bound = bindCallback(args, 0);
    if (pool.options.application_name === PERFSCOPE_APPLICATION_NAME) return { args: bound };
    const server = register(pool);
    const attempt = { startMs: performance.now(), tenant: getCurrentTenant() };
    const onConnect = guard(PART, () => {
      const waitMs = performance.now() - attempt.startMs;
      const attributes = { 'db.client.connection.pool.name': server };
      waitTime.record(waitMs / 1000, server, () => attributes);
    });
    const onError = guard(PART, (error: unknown) => {
      // Other errors come from the client, which reports them itself.
      if ((error as { message?: unknown } | undefined)?.message === POOL_TIMEOUT_MESSAGE)
        onTimeout(attempt, { errorType: 'timeout', error, server });
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

  const patch = (exports: unknown, onTimeout: OnFailedConnect) => {
    wrapMethod((exports as { prototype: object }).prototype, 'connect', (original) => {
      return function connect(this: PgPool, ...args: unknown[]) {
        const call = startConnect(this, args, onTimeout);
        const result = original.apply(this, call?.args ?? args);
        if (!call?.onConnect || !types.isPromise(result)) return result;
        return observePromise(result, call.onConnect, call.onError);
      };
    });
  };
  const countConnections = guard(PART, () => {
    const open = getOpenPools();
    return open.length > 0 ? open.reduce((sum, pool) => sum + pool.totalCount, 0) : undefined;
  });
  return { patch, countConnections };
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
