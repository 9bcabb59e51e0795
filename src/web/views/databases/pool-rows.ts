import type { ApiResponse } from '../../../client/api-types.ts';
import { parseDuration } from '../../url/time-range.ts';

type Trends = ApiResponse<'trends'>;
type Series = Trends['series'][number];

/** A connection pool of a service, with all its processes. */
export interface PoolRow {
  readonly service: string | undefined;
  readonly pool: string;
  readonly used: number | undefined;
  readonly idle: number | undefined;
  readonly max: number | undefined;
  /** Most used connections of one process. */
  readonly peakUsed: number | undefined;
  /** Most waiting callers of one process. */
  readonly peakWaiting: number | undefined;
  /** Longest p95 of a time step, in ms. */
  readonly waitP95: number | undefined;
}

export interface PoolTrends {
  /** `db.client.connection.count` by service, pool, state, and instance. */
  readonly connections: Trends;
  readonly limits: Trends | undefined;
  readonly waiting: Trends | undefined;
  readonly waits: Trends | undefined;
}

/** Combines the metrics of pools. The pools with the longest waits are first. */
export function toPoolRows({ connections, limits, waiting, waits }: PoolTrends): PoolRow[] {
  const byPool = Map.groupBy(connections.series, ({ group }) => toKey(group));
  const rows = [...byPool.values()].map((series): PoolRow => {
    const { service, endpoint = '(no name)' } = series[0]!.group;
    const key = toKey(series[0]!.group);
    const ofPool = (trends: Trends | undefined) =>
      trends?.series.filter(({ group }) => toKey(group) === key) ?? [];
    const used = series.filter(({ group }) => group.operation === 'used');
    const idle = series.filter(({ group }) => group.operation === 'idle');
    return {
      service,
      pool: endpoint,
      used: addLast(used, connections),
      idle: addLast(idle, connections),
      max: limits && addLast(ofPool(limits), limits),
      peakUsed: peak(used, 'max'),
      peakWaiting: peak(ofPool(waiting), 'max'),
      waitP95: peak(ofPool(waits), 'p95'),
    };
  });
  return rows.sort((a, b) => badness(b) - badness(a));
}

function toKey({ service = '', endpoint = '' }: Series['group']): string {
  return JSON.stringify([service, endpoint]);
}

function badness({ peakWaiting = 0, waitP95 = 0 }: PoolRow): number {
  return peakWaiting * 1e6 + waitP95;
}

/** Number of time steps after which a process that reports nothing has ended. */
const ENDED_STEPS = 3;

/** Adds up the last values of the processes that still report. */
function addLast(series: readonly Series[], { to, step }: Trends): number | undefined {
  const oldest = Date.parse(to) - ENDED_STEPS * (parseDuration(step) ?? 60_000);
  const values = series.flatMap(({ points }) => {
    const point = points.findLast(({ last }) => last !== undefined);
    return point && Date.parse(point.at) >= oldest ? [point.last!] : [];
  });
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

function peak(series: readonly Series[], aggregate: 'max' | 'p95'): number | undefined {
  const values = series.flatMap(({ points }) => points.flatMap((point) => point[aggregate] ?? []));
  return values.length === 0 ? undefined : Math.max(...values);
}
