import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { queryGauges } from '../../../storage/queries/gauge-values.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import {
  type QueuePoint,
  queryQueueSeries,
  queryWorkerCounts,
} from '../../../storage/queries/queue-stats.ts';
import { BY_QUEUE, toQueueKey } from '../../../storage/queries/queue-totals.ts';
import { getRangeLengthMs } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { estimateAcceptedRate } from '../../actions/scaling/scaling-recommendation.ts';
import type { QueueFact } from './suggestion-facts.ts';

const ACTIVE_STATE = 'active';
/** Longer ranges are read from the hourly roll-ups. */
const MAX_MINUTE_RANGE_MS = 2 * HOUR_MS;

/** Reads the load of each queue. @throws PS_UNAVAILABLE, PS_REQUEST_TOO_LARGE */
export async function readQueues(queryClient: QueryClient, query: Query): Promise<QueueFact[]> {
  const ms = getRangeLengthMs(query.range) <= MAX_MINUTE_RANGE_MS ? MINUTE_MS : HOUR_MS;
  const byQueue = { ...query, groupBy: BY_QUEUE, step: undefined };
  const [series, workers, active] = await Promise.all([
    queryQueueSeries(queryClient, { ...query, step: { ms, zone: 'utc' } }),
    queryWorkerCounts(queryClient, query),
    queryGauges(
      queryClient,
      { ...byQueue, filter: { ...query.filter, operation: [ACTIVE_STATE] } },
      { metricType: 'QUEUE_DEPTH' },
    ),
  ]);
  const maxActive = new Map(active.map((point) => [toQueueKey(point), point.max ?? 0]));
  return series.map(({ queue, scope, points }) => {
    const key = toQueueKey({ group: { queue, queueScope: scope } });
    const found = { workers: workers.get(key), maxActive: maxActive.get(key) ?? 0 };
    return { queue, scope, ...found, ...toQueueFact(points, ms, query) };
  });
}

/** Adds up the points of a queue. Times without a point had no jobs. */
export function toQueueFact(
  points: readonly QueuePoint[],
  stepMs: number,
  { range }: Pick<Query, 'range'>,
): Omit<QueueFact, 'queue' | 'scope' | 'workers' | 'maxActive'> {
  const sum = (read: (point: QueuePoint) => number) =>
    points.reduce((total, point) => total + read(point), 0);
  const weighted = (name: 'averageWork' | 'averageWait') => {
    const known = points.filter((point) => point[name] !== undefined);
    const count = known.reduce((total, { completed, failed }) => total + completed + failed, 0);
    if (count === 0) return undefined;
    return (
      known.reduce((t, each) => t + (each[name] ?? 0) * (each.completed + each.failed), 0) / count
    );
  };
  const busy = points.filter(({ arrived, completed, failed }) => arrived + completed + failed > 0);
  const firstMs = Math.max(range.fromMs, busy[0]?.bucket?.fromMs ?? range.fromMs);
  const lastMs = Math.min(range.toMs, busy.at(-1)?.bucket?.toMs ?? range.toMs);
  const seconds = Math.max(stepMs, lastMs - firstMs) / 1000;
  // If jobs wait and their producers aren't instrumented, some arrivals are not recorded.
  const accepted = stepMs === MINUTE_MS ? estimateAcceptedRate(points) : 0;
  const rates = points.map(({ arrived }) => (1000 * arrived) / stepMs);
  return {
    ended: sum(({ completed, failed }) => completed + failed),
    arrivalRate: Math.max(sum(({ arrived }) => arrived) / seconds, accepted),
    peakArrivalRate: Math.max(0, accepted, ...rates),
    workMs: weighted('averageWork'),
    waitMs: weighted('averageWait'),
    depth: points.findLast(({ depth }) => depth !== undefined)?.depth ?? 0,
    maxDepth: Math.max(0, ...points.map(({ depth }) => depth ?? 0)),
    ...{ firstMs, lastMs },
  };
}
