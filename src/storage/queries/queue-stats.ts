import type { QueryClient } from '../questdb/query-client.ts';
import { type GaugePoint, queryGauges } from './gauge-values.ts';
import { type JobTotals, queryJobTotals } from './job-totals.ts';
import { type Query, toGroupKey } from './query.ts';
import { getRangeLengthMs, type TimeRange } from './query-range.ts';
import { computePercent } from './row-values.ts';

/** Times in ms, rates per second, `failureRate` in percent of the attempts that ended. */
export interface QueueStats {
  queue: string;
  completed: number;
  failed: number;
  stalled: number;
  failureRate: number | undefined;
  processingTime: number | undefined;
  waitTime: number | undefined;
  /** Jobs that became ready to run, and attempts that ended. */
  arrivalRate: number;
  completionRate: number;
  /** Jobs that are ready to run; undefined until something reports it. */
  depth: number | undefined;
  /** Jobs by state, in BullMQ's words. */
  depthByState: Record<string, number>;
  /** Time in ms for which the oldest job has been waiting. */
  oldestAge: number | undefined;
  workers: number | undefined;
  /** Time in ms until nothing waits, if all goes on like this; undefined when it does not shrink. */
  timeToDrain: number | undefined;
}

/** The states of a depth whose jobs could run at once; a queue of another kind names none. */
export const READY_STATES = new Set<string | undefined>([
  undefined,
  'waiting',
  'prioritized',
  'paused',
]);
const DEPTH_METRIC = { metricType: 'QUEUE_DEPTH' } as const;
const OLDEST_AGE_METRIC = { metricType: 'QUEUE_OLDEST_AGE' } as const;
const WORKERS_METRIC = { metricType: 'CUSTOM', names: ['perfscope.queue.workers'] } as const;

/** All queues whose jobs, or whose depth, were seen in the range, by name. */
export async function queryQueueStats(store: QueryClient, question: Query): Promise<QueueStats[]> {
  const byQueue = { ...question, groupBy: ['queue'], step: undefined } as const;
  const [jobs, depths, ages, workers] = await Promise.all([
    queryJobTotals(store, byQueue),
    queryGauges(store, { ...byQueue, groupBy: ['queue', 'operation'] }, DEPTH_METRIC),
    queryGauges(store, byQueue, OLDEST_AGE_METRIC),
    queryGauges(store, byQueue, WORKERS_METRIC),
  ]);
  const jobsOf = new Map(jobs.map((total) => [total.group.queue, total]));
  const lastOf = (points: typeof ages) =>
    new Map(points.map(({ group, last }) => [group.queue, last]));
  const [ageOf, workersOf] = [lastOf(ages), lastOf(workers)];
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
      const flow = computeFlow(jobsOf.get(queue), getRangeLengthMs(question.range));
      return {
        queue,
        depth,
        depthByState,
        ...flow,
        oldestAge: ageOf.get(queue),
        workers: workersOf.get(queue),
        timeToDrain: computeTimeToDrain(depth, flow),
      };
    });
}

/** Jobs that are ready to run, of a queue's depths by state; undefined where none was reported. */
function sumReadyDepth(states: readonly GaugePoint[]): number | undefined {
  const waiting = states.filter(({ group }) => READY_STATES.has(group.operation));
  return waiting.length > 0 ? waiting.reduce((sum, { last }) => sum + (last ?? 0), 0) : undefined;
}

/** What the jobs of a queue did in a range of `ms`. */
function computeFlow(jobs: JobTotals | undefined, ms: number) {
  const { arrived = 0, completed = 0, failed = 0, stalled = 0 } = jobs ?? {};
  return {
    completed,
    failed,
    stalled,
    failureRate: computePercent(failed, completed + failed),
    processingTime: jobs?.averageProcessing,
    waitTime: jobs?.averageWait,
    arrivalRate: (1000 * arrived) / ms,
    completionRate: (1000 * (completed + failed)) / ms,
  };
}

/** @returns ms; 0 for an empty queue, undefined when it does not shrink */
export function computeTimeToDrain(
  depth: number | undefined,
  flow: { arrivalRate: number; completionRate: number },
): number | undefined {
  if (depth === undefined || depth === 0) return depth;
  const perSecond = flow.completionRate - flow.arrivalRate;
  return perSecond > 0 ? (1000 * depth) / perSecond : undefined;
}

/** What a queue did in a bucket of time. Times in ms; `depth` is how many jobs were ready at its end. */
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
  /** By time; buckets in which nothing was seen are left out. */
  points: QueuePoint[];
}

/** How each queue goes on, by name. */
export async function queryQueueSeries(
  store: QueryClient,
  question: Query,
): Promise<QueueSeries[]> {
  const [jobs, depths] = await Promise.all([
    queryJobTotals(store, { ...question, groupBy: ['queue'] }),
    queryGauges(store, { ...question, groupBy: ['queue', 'operation'] }, DEPTH_METRIC),
  ]);
  const keyAt = ({
    group,
    bucket: span,
  }: {
    group: { queue?: string | undefined };
    bucket?: TimeRange | undefined;
  }) => toGroupKey([group.queue], span);
  const jobsAt = new Map(jobs.map((total) => [keyAt(total), total]));
  const depthsAt = Map.groupBy(depths, keyAt);
  const seen = new Map([...jobs, ...depths].map((each) => [keyAt(each), each]));
  const points = [...seen].map(([key, { group, bucket: span }]) => {
    const { arrived = 0, completed = 0, failed = 0, stalled = 0, ...times } = jobsAt.get(key) ?? {};
    const { averageProcessing, averageWait } = { ...NO_AVERAGES, ...times };
    return {
      queue: group.queue,
      point: {
        bucket: span,
        arrived,
        completed,
        failed,
        stalled,
        averageProcessing,
        averageWait,
        depth: sumReadyDepth(depthsAt.get(key) ?? []),
      },
    };
  });
  return [...Map.groupBy(points, ({ queue }) => queue)]
    .flatMap(([queue, found]) => (queue === undefined ? [] : { queue, points: sortByTime(found) }))
    .sort((a, b) => (a.queue < b.queue ? -1 : 1));
}

const NO_AVERAGES = { averageProcessing: undefined, averageWait: undefined };

function sortByTime(found: readonly { point: QueuePoint }[]): QueuePoint[] {
  return found
    .map(({ point }) => point)
    .sort((a, b) => (a.bucket?.fromMs ?? 0) - (b.bucket?.fromMs ?? 0));
}

/** What a tenant's jobs took of a queue. Times in ms, shares in percent of the queue's. */
export interface TenantQueueUsage {
  queue: string | undefined;
  organizationId: string | undefined;
  propertyId: string | undefined;
  ended: number;
  processing: number;
  processingShare: number | undefined;
  waiting: number;
  waitingShare: number | undefined;
}

/** Who uses the queues, the greatest share of running time first. */
export async function queryQueueUsageByTenant(
  store: QueryClient,
  question: Query,
): Promise<TenantQueueUsage[]> {
  const groupBy = ['queue', 'organization', 'property'] as const;
  const totals = await queryJobTotals(store, { ...question, groupBy, step: undefined });
  const ofQueue = (queue: string | undefined) =>
    totals.filter(({ group }) => group.queue === queue);
  const whole = (queue: string | undefined, what: 'processing' | 'waiting') =>
    ofQueue(queue).reduce((sum, total) => sum + total[what], 0);
  return totals
    .map(({ group, completed, failed, processing, waiting }) => ({
      queue: group.queue,
      organizationId: group.organization,
      propertyId: group.property,
      ended: completed + failed,
      processing,
      waiting,
      processingShare: computePercent(processing, whole(group.queue, 'processing')),
      waitingShare: computePercent(waiting, whole(group.queue, 'waiting')),
    }))
    .sort((a, b) => (b.processingShare ?? 0) - (a.processingShare ?? 0));
}
