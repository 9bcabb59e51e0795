import { MINUTE_MS } from '../../../../core/duration.ts';
import { HOSTS_TABLE } from '../../../../storage/queries/aggregation-tables.ts';
import { queryGauges } from '../../../../storage/queries/gauge-values.ts';
import { type HostMetric, toHostAggregations } from '../../../../storage/queries/host-health.ts';
import { queryTotals } from '../../../../storage/queries/operation-totals.ts';
import type { Dimension, Query } from '../../../../storage/queries/query-definition.ts';
import { BY_QUEUE, queryQueueTotals } from '../../../../storage/queries/queue-totals.ts';
import { toNumber } from '../../../../storage/queries/row-values.ts';
import { runQuery } from '../../../../storage/queries/run-query.ts';
import type { QueryClient } from '../../../../storage/questdb/query-client.ts';
import type { BusiestSeries } from './busiest-series.ts';
import type { CauseKind } from './cause.ts';

/** Kinds of series. The last kinds aren't causes, but explain the others. */
export type SignalKind =
  | Exclude<CauseKind, 'version' | 'restart'>
  | 'all_requests'
  | 'finished_jobs'
  | 'process_cpu';

/** The value of a signal in one time bucket: `total / weight`. */
export interface SignalPoint {
  readonly fromMs: number;
  /** Sum of durations, number of failures or events, or sum of samples. */
  readonly total: number;
  /** Number of measurements. For rates, minutes. */
  readonly weight: number;
}

export interface SignalSeries {
  readonly kind: SignalKind;
  readonly subject: string;
  readonly service: string | undefined;
  /** Sorted by time. Buckets without measurements are missing. */
  readonly points: readonly SignalPoint[];
}

/** Selects the rows of an incident. */
export interface SignalFilter {
  readonly services: readonly string[];
  readonly hosts: readonly string[];
  readonly queues: readonly string[];
}

/** Collects the points of series by kind, subject, and service. */
class SeriesCollector {
  readonly #series = new Map<string, SignalSeries & { points: SignalPoint[] }>();

  add(kind: SignalKind, subject: string, service: string | undefined, point: SignalPoint): void {
    const key = JSON.stringify([kind, subject, service]);
    const known = this.#series.get(key);
    if (known) known.points.push(point);
    else this.#series.set(key, { kind, subject, service, points: [point] });
  }

  list(): SignalSeries[] {
    for (const { points } of this.#series.values()) points.sort((a, b) => a.fromMs - b.fromMs);
    return [...this.#series.values()];
  }
}

/** Reads one group of signals into a collector. */
type SignalReader = (
  queryClient: QueryClient,
  query: Query & { readonly step: NonNullable<Query['step']> },
  filter: SignalFilter,
  collector: SeriesCollector,
  busiest: BusiestSeries,
) => Promise<void>;

const readRequests: SignalReader = async (client, query, { services }, collector, busiest) => {
  if (services.length === 0) return;
  const selector = { metricType: 'API_RESPONSE_TIME' };
  const minutes = query.step.ms / MINUTE_MS;
  const filter = { service: services };
  const read = async (groupBy: readonly Dimension[]) => {
    const limited = await busiest.limitOperations(selector, groupBy, filter);
    return queryTotals(client, { ...query, filter: limited, groupBy }, selector);
  };
  const [endpoints, tenants, all] = await Promise.all([
    read(['service', 'operation', 'endpoint']),
    read(['organization', 'property']),
    queryTotals(client, { ...query, filter, groupBy: [] }, selector),
  ]);
  for (const { group, bucket, count, average, errorCount } of endpoints) {
    const { fromMs } = bucket!;
    const subject = [group.operation, group.endpoint ?? '(no route)'].filter(Boolean).join(' ');
    collector.add('endpoint_time', subject, group.service, {
      fromMs,
      total: count * average,
      weight: count,
    });
    collector.add('errors', subject, group.service, { fromMs, total: errorCount, weight: count });
  }
  for (const { bucket, count } of all) {
    const { fromMs } = bucket!;
    collector.add('all_requests', '', undefined, { fromMs, total: count, weight: minutes });
  }
  for (const { group, bucket, count } of tenants) {
    const { organization, property } = group;
    if (organization === undefined) continue;
    const subject = property === undefined ? organization : `${organization}/${property}`;
    const { fromMs } = bucket!;
    collector.add('requests', subject, undefined, { fromMs, total: count, weight: minutes });
  }
};

/** Reads the durations of operations, and the share of failed operations if there is a kind for it. */
function createOperationReader(
  metricType: string,
  timeKind: SignalKind,
  failureKind: SignalKind | undefined,
  names?: readonly string[],
): SignalReader {
  return async (client, query, { services }, collector, busiest) => {
    if (services.length === 0) return;
    const groupBy: readonly Dimension[] = ['service', 'endpoint', 'operation'];
    const selector = { metricType, names };
    const filter = await busiest.limitOperations(selector, groupBy, { service: services });
    const totals = await queryTotals(client, { ...query, filter, groupBy }, selector);
    for (const { group, bucket, count, average, errorCount } of totals) {
      const { fromMs } = bucket!;
      const subject = group.endpoint ?? group.operation ?? '(unnamed)';
      const { service } = group;
      collector.add(timeKind, subject, service, { fromMs, total: count * average, weight: count });
      if (failureKind)
        collector.add(failureKind, subject, service, { fromMs, total: errorCount, weight: count });
    }
  };
}

const readBreakers: SignalReader = async (client, query, { services }, collector) => {
  if (services.length === 0) return;
  const filtered = {
    ...query,
    filter: { service: services },
    groupBy: ['service', 'endpoint'] as const,
  };
  const gauges = await queryGauges(client, filtered, { metricType: 'BREAKER_STATE' });
  for (const { group, bucket, sum = 0, samples } of gauges) {
    const point = { fromMs: bucket!.fromMs, total: sum, weight: samples };
    collector.add('breaker', group.endpoint ?? '(unnamed)', group.service, point);
  }
};

const readQueues: SignalReader = async (
  client,
  query,
  { services, queues },
  collector,
  busiest,
) => {
  const filters = [
    ...(services.length > 0 ? [{ service: services }] : []),
    ...(queues.length > 0 ? [{ queue: queues }] : []),
  ];
  const minutes = query.step.ms / MINUTE_MS;
  const seen = new Set<string>();
  for (const each of filters) {
    const filter = await busiest.limitQueues(each);
    const totals = await queryQueueTotals(client, { ...query, filter, groupBy: [...BY_QUEUE] });
    for (const { group, bucket, arrived, completed, failed, processing } of totals) {
      const { queue = '(unnamed)', queueScope = '' } = group;
      const { fromMs } = bucket!;
      const key = JSON.stringify([queue, queueScope, fromMs]);
      if (seen.has(key)) continue;
      seen.add(key);
      const ended = completed + failed;
      const add = (kind: SignalKind, total: number, weight: number) =>
        collector.add(kind, queue, queueScope, { fromMs, total, weight });
      add('arrivals', arrived, minutes);
      add('finished_jobs', ended, minutes);
      if (ended > 0) add('job_failures', failed, ended);
      if (ended > 0) add('job_time', processing, ended);
    }
  }
};

const readHosts: SignalReader = async (client, query, { services, hosts }, collector) => {
  if (!query.scope.hosts) return;
  const filters = [
    ...(services.length > 0 ? [{ service: services }] : []),
    ...(hosts.length > 0 ? [{ host: hosts }] : []),
  ];
  const metrics: readonly (readonly [SignalKind, HostMetric])[] = [
    ['cpu', 'cpuUsage'],
    ['memory', 'memoryUsage'],
    ['process_cpu', 'processCpuUsage'],
    ['event_loop', 'eventLoopDelayP99'],
  ];
  const seen = new Set<string>();
  for (const filter of filters) {
    for (const [kind, metric] of metrics) {
      const results = await runQuery(
        client,
        HOSTS_TABLE,
        { ...query, filter, groupBy: ['host', 'service'] },
        { aggregations: toHostAggregations(metric) },
      );
      for (const { group, bucket, row } of results) {
        const { host = '(unnamed)', service } = group;
        const samples = toNumber(row.samples) ?? 0;
        const key = JSON.stringify([kind, host, service, bucket?.fromMs]);
        if (samples === 0 || seen.has(key)) continue;
        seen.add(key);
        const point = { fromMs: bucket!.fromMs, total: toNumber(row.total) ?? 0, weight: samples };
        const isOfHost = kind === 'cpu' || kind === 'memory';
        if (kind === 'event_loop') collector.add(kind, service ?? '', service, point);
        else collector.add(kind, host, isOfHost ? undefined : service, point);
      }
    }
  }
};

const READERS: readonly SignalReader[] = [
  readRequests,
  createOperationReader('DATABASE_QUERY_TIME', 'statement_time', undefined),
  createOperationReader('OUTGOING_REQUEST_TIME', 'call_time', 'failed_calls'),
  createOperationReader('CUSTOM', 'connection_wait', undefined, ['db.client.connection.wait_time']),
  readBreakers,
  readQueues,
  readHosts,
];

/**
 * Reads the signals of an incident's services, hosts, and queues in a range. Signals that can't be read, for example
 * because they have too many subjects, are missing.
 *
 * @param busiest selects the series of each metric
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function readSignals(
  queryClient: QueryClient,
  query: Query & { readonly step: NonNullable<Query['step']> },
  filter: SignalFilter,
  busiest: BusiestSeries,
): Promise<SignalSeries[]> {
  const collector = new SeriesCollector();
  for (const read of READERS) {
    // One after the other, so that rule evaluations don't wait for these queries.
    await read(queryClient, query, filter, collector, busiest).catch((error: unknown) => {
      const { code } = error as { code?: string };
      if (code !== 'PS_REQUEST_TOO_LARGE') throw error;
    });
  }
  return collector.list();
}
