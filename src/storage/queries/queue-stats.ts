import type { QueryClient } from '../questdb/query-client.ts';
import { type GaugePoint, queryGauges, queryRunningGauges } from './gauge-values.ts';
import { type JobTotals, queryJobTotals } from './job-totals.ts';
import { type Query, toGroupKey } from './query-definition.ts';
import { computePercent } from './row-values.ts';
import { getRangeLengthMs, type TimeRange } from './time-range.ts';

/**
 * Statistics of a queue. Times in ms, rates per second, `failureRate` in percent of ended attempts.
 */
export interface QueueStats {
  queue: string;
  completed: number;
  failed: number;
  stalled: number;
  failureRate: number | undefined;
  processingTime: number | undefined;
  waitTime: number | undefined;
  /** Jobs that became ready to run. */
  arrivalRate: number;
  /** Attempts that ended. */
  completionRate: number;
  /** Number of jobs that are ready to run; `undefined` if not reported. */
  depth: number | undefined;
  /** Number of jobs by BullMQ state. */
  depthByState: Record<string, number>;
  /** Waiting time of the oldest job in ms. */
  oldestAge: number | undefined;
  /** Connected workers, as the running processes report them. */
  workers: number | undefined;
  /**
   * Time in ms until the queue is empty at the current rates; `undefined` if it is not shrinking.
   */
  timeToDrain: number | undefined;
}

/** States of jobs that are ready to run. Queues other than BullMQ report no state. */
export const READY_STATES = new Set<string | undefined>([
  undefined,
  'waiting',
  'prioritized',
  'paused',
]);
const DEPTH_METRIC = { metricType: 'QUEUE_DEPTH' } as const;
const OLDEST_AGE_METRIC = { metricType: 'QUEUE_OLDEST_AGE' } as const;
const WORKERS_METRIC = { metricType: 'CUSTOM', names: ['perfscope.queue.workers'] } as const;

/** Returns all queues with jobs or a reported depth in the range, sorted by name. */
export async function queryQueueStats(
  queryClient: QueryClient,
  query: Query,
): Promise<QueueStats[]> {
  const byQueue = { ...query, groupBy: ['queue'], step: undefined } as const;
  const [jobs, depths, ages, workers] = await Promise.all([
    queryJobTotals(queryClient, byQueue),
    queryGauges(queryClient, { ...byQueue, groupBy: ['queue', 'operation'] }, DEPTH_METRIC),
    queryGauges(queryClient, byQueue, OLDEST_AGE_METRIC),
    queryRunningGauges(queryClient, byQueue, WORKERS_METRIC),
  ]);
  const jobsByQueue = new Map(jobs.map((total) => [total.group.queue, total]));
  const indexLast = (points: typeof ages) =>
    new Map(points.map(({ group, last }) => [group.queue, last]));
  const [agesByQueue, workersByQueue] = [indexLast(ages), indexLast(workers)];
  const names = new Set([...jobs, ...depths].map(({ group }) => group.queue));
  return [...names]
    .filter((name) => name !== undefined)
    .sort()
    .map((queue) => {
      const states = depths.filter(({ group }) => group.queue === queue);
      const depth = sumReadyDepth(states);
      const depthByState = Object.fromEntries(
        states.map(({ group, last }) => [group.operation ?? 'waiting', last ?? 0]),
      );
      const flow = computeFlow(jobsByQueue.get(queue), getRangeLengthMs(query.range));
      return {
        queue,
        depth,
        depthByState,
        ...flow,
        oldestAge: agesByQueue.get(queue),
        workers: workersByQueue.get(queue),
        timeToDrain: computeTimeToDrain(depth, flow),
      };
    });
}

/** Sums the depths of all ready states; `undefined` if no depth was reported. */
function sumReadyDepth(states: readonly GaugePoint[]): number | undefined {
  const ready = states.filter(({ group }) => READY_STATES.has(group.operation));
  return ready.length > 0 ? ready.reduce((sum, { last }) => sum + (last ?? 0), 0) : undefined;
}

/** Computes the rates of a queue in a range of `lengthMs`. */
function computeFlow(jobs: JobTotals | undefined, lengthMs: number) {
  const { arrived = 0, completed = 0, failed = 0, stalled = 0 } = jobs ?? {};
  return {
    completed,
    failed,
    stalled,
    failureRate: computePercent(failed, completed + failed),
    processingTime: jobs?.averageProcessing,
    waitTime: jobs?.averageWait,
    arrivalRate: (1000 * arrived) / lengthMs,
    completionRate: (1000 * (completed + failed)) / lengthMs,
  };
}

/**
 * Computes the time until a queue is empty.
 *
 * @returns time in ms; 0 for an empty queue; `undefined` if the queue is not shrinking
 */
export function computeTimeToDrain(
  depth: number | undefined,
  flow: { arrivalRate: number; completionRate: number },
): number | undefined {
  if (depth === undefined || depth === 0) return depth;
  const perSecond = flow.completionRate - flow.arrivalRate;
  return perSecond > 0 ? (1000 * depth) / perSecond : undefined;
}

/**
 * State of a queue in one time bucket. Times in ms. `depth` is the depth at the end of the bucket.
 */
interface QueuePoint
  extends Pick<
    JobTotals,
    'arrived' | 'completed' | 'failed' | 'stalled' | 'averageProcessing' | 'averageWait'
  > {
  bucket: TimeRange | undefined;
  depth: number | undefined;
}

export interface QueueSeries {
  queue: string;
  /** Sorted by time. Buckets without data are omitted. */
  points: QueuePoint[];
}

/** Returns the time series of each queue, sorted by name. */
export async function queryQueueSeries(
  queryClient: QueryClient,
  query: Query,
): Promise<QueueSeries[]> {
  const [jobs, depths] = await Promise.all([
    queryJobTotals(queryClient, { ...query, groupBy: ['queue'] }),
    queryGauges(queryClient, { ...query, groupBy: ['queue', 'operation'] }, DEPTH_METRIC),
  ]);
  const jobsByKey = new Map(jobs.map((total) => [toQueueKey(total), total]));
  const depthsByKey = Map.groupBy(depths, toQueueKey);
  const sources = new Map([...jobs, ...depths].map((source) => [toQueueKey(source), source]));
  const points = [...sources].map(([key, { group, bucket }]) => {
    const total: Partial<JobTotals> = jobsByKey.get(key) ?? {};
    const { arrived = 0, completed = 0, failed = 0, stalled = 0 } = total;
    const { averageProcessing, averageWait } = total;
    const depth = sumReadyDepth(depthsByKey.get(key) ?? []);
    return {
      queue: group.queue,
      point: {
        bucket,
        arrived,
        completed,
        failed,
        stalled,
        averageProcessing,
        averageWait,
        depth,
      },
    };
  });
  return [...Map.groupBy(points, ({ queue }) => queue)]
    .flatMap(([queue, queuePoints]) =>
      queue === undefined ? [] : { queue, points: sortByTime(queuePoints) },
    )
    .sort((a, b) => (a.queue < b.queue ? -1 : 1));
}

function toQueueKey({ group, bucket }: Pick<JobTotals, 'group' | 'bucket'>): string {
  return toGroupKey([group.queue], bucket);
}

function sortByTime(queuePoints: readonly { point: QueuePoint }[]): QueuePoint[] {
  return queuePoints
    .map(({ point }) => point)
    .sort((a, b) => (a.bucket?.fromMs ?? 0) - (b.bucket?.fromMs ?? 0));
}

/** Resources that a tenant's jobs used in a queue. Times in ms, shares in percent of the queue. */
export interface TenantQueueUsage {
  queue: string | undefined;
  organizationId: string | undefined;
  propertyId: string | undefined;
  /** Number of ended attempts. */
  ended: number;
  processing: number;
  processingShare: number | undefined;
  waiting: number;
  waitingShare: number | undefined;
}

/**
 * Returns each tenant's use of each queue, sorted by share of processing time in descending order.
 */
export async function queryQueueUsageByTenant(
  queryClient: QueryClient,
  query: Query,
): Promise<TenantQueueUsage[]> {
  const groupBy = ['queue', 'organization', 'property'] as const;
  const totals = await queryJobTotals(queryClient, { ...query, groupBy, step: undefined });
  const sumOfQueue = (queue: string | undefined, time: 'processing' | 'waiting') =>
    totals
      .filter(({ group }) => group.queue === queue)
      .reduce((sum, total) => sum + total[time], 0);
  return totals
    .map(({ group, completed, failed, processing, waiting }) => ({
      queue: group.queue,
      organizationId: group.organization,
      propertyId: group.property,
      ended: completed + failed,
      processing,
      waiting,
      processingShare: computePercent(processing, sumOfQueue(group.queue, 'processing')),
      waitingShare: computePercent(waiting, sumOfQueue(group.queue, 'waiting')),
    }))
    .sort((a, b) => (b.processingShare ?? 0) - (a.processingShare ?? 0));
}
