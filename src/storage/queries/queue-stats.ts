import type { QueryClient } from '../questdb/query-client.ts';
import { type GaugePoint, queryGauges, queryRunningGauges } from './gauge-values.ts';
import type { JobTotals } from './job-totals.ts';
import { type Group, type Query, toGroupKey } from './query-definition.ts';
import { BY_QUEUE, queryQueueTotals, toQueueKey } from './queue-totals.ts';
import { computePercent } from './row-values.ts';
import { getRangeLengthMs, type TimeRange } from './time-range.ts';

/**
 * Statistics of a queue. Times in ms, rates per second, `failureRate` in percent of ended attempts.
 */
export interface QueueStats {
  /** Name of the queue. */
  queue: string;
  /** Distinguishes queues with the same name. */
  scope: string | undefined;
  /** Number of completed attempts. */
  completed: number;
  /** Number of failed attempts. */
  failed: number;
  /** Number of stalled attempts. */
  stalled: number;
  /** Share of failed attempts in all ended attempts, in percent. */
  failureRate: number | undefined;
  /** Mean processing time, in ms. */
  processingTime: number | undefined;
  /** Mean time in the queue, in ms. */
  waitTime: number | undefined;
  /** Jobs per second that became ready to run for the first time. */
  arrivalRate: number;
  /** Attempts per second that ended. */
  completionRate: number;
  /** Number of jobs that are ready to run; `undefined` if not reported. */
  depth: number | undefined;
  /** Number of jobs by state. */
  depthByState: Record<string, number>;
  /** Waiting time of the oldest job in ms. */
  oldestAge: number | undefined;
  /** Connected workers, as the running processes report them. */
  workers: number | undefined;
  /**
   * Time in ms until the queue is empty at the current rates; `undefined` if it is not shrinking, or if no
   * job ended.
   */
  timeToDrain: number | undefined;
}

/** The name and scope of a queue. */
interface QueueName {
  readonly queue: string;
  readonly scope: string | undefined;
}

/** States of jobs that are ready to run. Queues from OTLP report no state. */
export const READY_STATES = new Set<string | undefined>([
  undefined,
  'waiting',
  'prioritized',
  'paused',
]);
const DEPTH_METRIC = { metricType: 'QUEUE_DEPTH' } as const;
const OLDEST_AGE_METRIC = { metricType: 'QUEUE_OLDEST_AGE' } as const;
const WORKERS_METRIC = { metricType: 'CUSTOM', names: ['perfscope.queue.workers'] } as const;

/** Returns all queues with jobs, processed messages, or a reported depth in the range, sorted by name and scope. */
export async function queryQueueStats(
  queryClient: QueryClient,
  query: Query,
): Promise<QueueStats[]> {
  const byQueue = { ...query, groupBy: BY_QUEUE, step: undefined } as const;
  const [jobs, depths, ages, workers] = await Promise.all([
    queryQueueTotals(queryClient, byQueue),
    queryGauges(queryClient, { ...byQueue, groupBy: [...BY_QUEUE, 'operation'] }, DEPTH_METRIC),
    queryGauges(queryClient, byQueue, OLDEST_AGE_METRIC),
    queryRunningGauges(queryClient, byQueue, WORKERS_METRIC),
  ]);
  const jobsByQueue = new Map(jobs.map((total) => [toQueueKey(total), total]));
  const depthsByQueue = Map.groupBy(depths, toQueueKey);
  const indexLast = (points: typeof ages) =>
    new Map(points.map((point) => [toQueueKey(point), point.last]));
  const [agesByQueue, workersByQueue] = [indexLast(ages), indexLast(workers)];
  const groups = new Map([...jobs, ...depths].map((source) => [toQueueKey(source), source.group]));
  return [...groups]
    .flatMap(([key, { queue, queueScope: scope }]) => {
      if (queue === undefined) return [];
      const states = depthsByQueue.get(key) ?? [];
      const depth = sumReadyDepth(states);
      const depthByState = Object.fromEntries(
        states.map(({ group, last }) => [group.operation ?? 'waiting', last ?? 0]),
      );
      const flow = computeFlow(jobsByQueue.get(key), getRangeLengthMs(query.range));
      const timeToDrain = computeTimeToDrain(depth, flow);
      return {
        queue,
        scope,
        depth,
        depthByState,
        ...flow,
        oldestAge: agesByQueue.get(key),
        workers: workersByQueue.get(key),
        timeToDrain: Number.isFinite(timeToDrain) ? timeToDrain : undefined,
      };
    })
    .sort(compareQueues);
}

/** Returns the latest number of connected workers, by the result of {@link toQueueKey}. */
export async function queryWorkerCounts(
  queryClient: QueryClient,
  query: Query,
): Promise<Map<string, number | undefined>> {
  const byQueue = { ...query, groupBy: BY_QUEUE, step: undefined };
  const workers = await queryRunningGauges(queryClient, byQueue, WORKERS_METRIC);
  return new Map(workers.map((point) => [toQueueKey(point), point.last]));
}

function compareQueues(a: QueueName, b: QueueName): number {
  return compareText(a.queue, b.queue) || compareText(a.scope ?? '', b.scope ?? '');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
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
 * @returns time in ms; 0 for an empty queue; infinity if the queue is not shrinking; `undefined` if no job
 * ended. Then nothing shows that the queue is processed.
 */
export function computeTimeToDrain(
  depth: number | undefined,
  flow: { arrivalRate: number; completionRate: number },
): number | undefined {
  if (depth === undefined || depth === 0) return depth;
  if (flow.completionRate === 0) return undefined;
  const perSecond = flow.completionRate - flow.arrivalRate;
  return perSecond > 0 ? (1000 * depth) / perSecond : Number.POSITIVE_INFINITY;
}

/**
 * State of a queue in one time bucket. Times in ms. `depth` is the depth at the end of the bucket.
 */
export interface QueuePoint
  extends Pick<
    JobTotals,
    | 'arrived'
    | 'completed'
    | 'failed'
    | 'stalled'
    | 'averageProcessing'
    | 'averageWork'
    | 'averageWait'
  > {
  bucket: TimeRange | undefined;
  depth: number | undefined;
}

export interface QueueSeries {
  queue: string;
  scope: string | undefined;
  /** Sorted by time. Buckets without data are omitted. */
  points: QueuePoint[];
}

/**
 * Returns the time series of each queue, sorted by name and scope.
 *
 * @param queryFlow reads the jobs. Arrivals are known only with `queryJobTotals`.
 */
export async function queryQueueSeries(
  queryClient: QueryClient,
  query: Query,
  queryFlow: typeof queryQueueTotals = queryQueueTotals,
): Promise<QueueSeries[]> {
  const [jobs, depths] = await Promise.all([
    queryFlow(queryClient, { ...query, groupBy: BY_QUEUE }),
    queryGauges(queryClient, { ...query, groupBy: [...BY_QUEUE, 'operation'] }, DEPTH_METRIC),
  ]);
  const jobsByKey = new Map(jobs.map((total) => [toPointKey(total), total]));
  const depthsByKey = Map.groupBy(depths, toPointKey);
  const sources = new Map([...jobs, ...depths].map((source) => [toPointKey(source), source]));
  const points = [...sources].map(([key, { group, bucket }]) => {
    const total: Partial<JobTotals> = jobsByKey.get(key) ?? {};
    const { arrived = 0, completed = 0, failed = 0, stalled = 0 } = total;
    const { averageProcessing, averageWork, averageWait } = total;
    const depth = sumReadyDepth(depthsByKey.get(key) ?? []);
    return {
      group,
      point: {
        bucket,
        arrived,
        completed,
        failed,
        stalled,
        averageProcessing,
        averageWork,
        averageWait,
        depth,
      },
    };
  });
  return [...Map.groupBy(points, toQueueKey).values()]
    .flatMap((queuePoints) => {
      const { queue, queueScope: scope } = queuePoints[0]!.group;
      return queue === undefined ? [] : { queue, scope, points: sortByTime(queuePoints) };
    })
    .sort(compareQueues);
}

function toPointKey({ group, bucket }: Pick<JobTotals, 'group' | 'bucket'>): string {
  return toGroupKey([group.queue, group.queueScope], bucket);
}

function sortByTime(queuePoints: readonly { point: QueuePoint }[]): QueuePoint[] {
  return queuePoints
    .map(({ point }) => point)
    .sort((a, b) => (a.bucket?.fromMs ?? 0) - (b.bucket?.fromMs ?? 0));
}

/** Resources that a tenant's jobs used in a queue. Times in ms, shares in percent of the queue. */
export interface TenantQueueUsage {
  queue: string | undefined;
  scope: string | undefined;
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
  const groupBy = [...BY_QUEUE, 'organization', 'property'] as const;
  const totals = await queryQueueTotals(queryClient, { ...query, groupBy, step: undefined });
  const totalsByQueue = Map.groupBy(totals, toQueueKey);
  const sumOfQueue = (group: Group, time: 'processing' | 'waiting') =>
    totalsByQueue.get(toQueueKey({ group }))?.reduce((sum, total) => sum + total[time], 0) ?? 0;
  return totals
    .map(({ group, completed, failed, processing, waiting }) => ({
      queue: group.queue,
      scope: group.queueScope,
      organizationId: group.organization,
      propertyId: group.property,
      ended: completed + failed,
      processing,
      waiting,
      processingShare: computePercent(processing, sumOfQueue(group, 'processing')),
      waitingShare: computePercent(waiting, sumOfQueue(group, 'waiting')),
    }))
    .sort((a, b) => (b.processingShare ?? 0) - (a.processingShare ?? 0));
}
