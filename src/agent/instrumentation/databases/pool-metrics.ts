import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { guard } from '../../../core/guard.ts';
import { HELD_CONNECTIONS_METRIC_NAME } from '../../../core/suggestion-metrics.ts';
import { ATTR_CALLER } from '../../attribute-keys.ts';
import { endOperation, type Operation } from '../context/operations.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import { findHeldConnections, markTaken } from './held-connections.ts';

/** What fails, for {@link guard}. */
const PART = 'the pool metrics';
/** Boundaries in seconds that the semantic conventions recommend. */
const WAIT_TIME_BOUNDARIES_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** Connections of a pool. */
interface PoolCounts {
  readonly used: number;
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
  /** Maximum number of connections, or 0 if it is unknown. */
  readonly max: number;
  /** Returns the connections that the application has taken, without idle ones. Undefined if the library hides them. */
  readonly listTaken?: () => Iterable<object>;
}

/** Returns the connections of a pool, or undefined if the pool is closed. */
type ReadPool = (pool: object) => PoolCounts | undefined;

/** The connection pools of this process. */
export interface PoolMetrics {
  /**
   * Adds a pool. It is held by a weak reference, so it can be garbage-collected. Does nothing if the pool is known.
   *
   * @param name returns `host:port/database`, as the semantic conventions recommend. Without credentials.
   * @returns the name of the pool
   */
  register<P extends object>(
    pool: P,
    name: () => string,
    read: (pool: P) => PoolCounts | undefined,
  ): string;
  /**
   * Ends the operation of a caller that got a connection, and records how long the caller waited.
   *
   * @param connection the connection, if the caller must return it to the pool
   */
  endWait: (operation: Operation, poolName: string, connection?: object) => void;
  /** Returns the open connections of all pools, or undefined if there is no pool. */
  countConnections: () => number | undefined;
}

/**
 * Records the pools of all database drivers: used and idle connections, their limit, waiting callers, and how
 * long callers waited.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/db/database-metrics/#connection-pools
 */
export function createPoolMetrics(meter: Meter, histograms: HistogramRegistry): PoolMetrics {
  const pools = new Set<{ readonly reference: WeakRef<object>; readonly read: ReadPool }>();
  /** Names of the registered pools. */
  const names = new WeakMap<object, string>();
  const createGauge = (name: string, description: string) =>
    meter.createObservableGauge(name, { unit: '{connection}', description });
  const count = createGauge('db.client.connection.count', 'Connections by state.');
  const max = createGauge('db.client.connection.max', 'Maximum number of connections of the pool.');
  const pending = createGauge(
    'db.client.connection.pending_requests',
    'Callers that wait for a connection.',
  );
  const held = createGauge(
    HELD_CONNECTIONS_METRIC_NAME,
    'Connections that the application took more than a minute ago and has not returned.',
  );
  const waitTime = histograms.create({
    scope: 'perfscope.db',
    name: 'db.client.connection.wait_time',
    unit: 's',
    description: 'Time to get an open connection from the pool.',
    boundaries: WAIT_TIME_BOUNDARIES_S,
  });

  const readOpenPools = (): [name: string, counts: PoolCounts][] =>
    [...pools].flatMap((entry): [string, PoolCounts][] => {
      const pool = entry.reference.deref();
      const counts = pool && entry.read(pool);
      if (counts) return [[names.get(pool) ?? '', counts]];
      pools.delete(entry);
      return [];
    });

  const observe = (result: BatchObservableResult) => {
    const byName = Map.groupBy(readOpenPools(), ([name]) => name);
    for (const [name, entries] of byName) {
      const sum = (key: 'used' | 'idle' | 'max' | 'waiting') =>
        entries.reduce((total, [, counts]) => total + counts[key], 0);
      const pool = { 'db.client.connection.pool.name': name };
      result.observe(count, sum('used'), { ...pool, 'db.client.connection.state': 'used' });
      result.observe(count, sum('idle'), { ...pool, 'db.client.connection.state': 'idle' });
      result.observe(max, sum('max'), pool);
      result.observe(pending, sum('waiting'), pool);
      const taken = entries.flatMap(([, { listTaken }]) => [...(listTaken?.() ?? [])]);
      const { count: heldCount, caller } = findHeldConnections(taken, performance.now());
      if (heldCount > 0) result.observe(held, heldCount, { ...pool, [ATTR_CALLER]: caller });
    }
  };
  meter.addBatchObservableCallback(guard(PART, observe), [count, max, pending, held]);

  return {
    register: (pool, name, read) => {
      const existing = names.get(pool);
      if (existing !== undefined) return existing;
      const poolName = name();
      names.set(pool, poolName);
      pools.add({ reference: new WeakRef(pool), read: guard(PART, read as ReadPool) });
      return poolName;
    },
    endWait: (operation, poolName, connection) => {
      if (operation.ended) return;
      const nowMs = performance.now();
      const waitMs = nowMs - operation.startMs;
      if (connection !== undefined) markTaken(connection, nowMs, operation.caller);
      const createAttributes = () => ({ 'db.client.connection.pool.name': poolName });
      waitTime.record(waitMs / 1000, poolName, createAttributes);
      endOperation(operation, poolName, false);
    },
    countConnections: guard(PART, () => {
      const open = readOpenPools();
      return open.length > 0
        ? open.reduce((sum, [, { used, idle }]) => sum + used + idle, 0)
        : undefined;
    }),
  };
}
