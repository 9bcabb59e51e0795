import { MINUTE_MS } from '../../../core/duration.ts';
import { queryRunningGauges } from '../../../storage/queries/gauge-values.ts';
import { queryTotals } from '../../../storage/queries/operation-totals.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import { queryQueueSeries } from '../../../storage/queries/queue-stats.ts';
import { getRunningRange } from '../../../storage/queries/running-processes.ts';
import { floorTo } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { ScalingView } from '../action-views.ts';

/** The load of a queue or service in one period. Rates are per second, times in ms. */
export interface Load {
  readonly arrivalRate: number;
  /** Mean time per job or request. Undefined if none has completed. */
  readonly processingTime: number | undefined;
  /** Number of waiting jobs. */
  readonly backlog: number;
}

interface ScalingTarget {
  /** Maximum time that jobs should wait, in ms. */
  readonly waitMs: number;
  /** Number of jobs or requests that one worker or replica handles at the same time. */
  readonly concurrency: number;
  readonly min: number;
  readonly max: number;
}

export interface Recommendation {
  readonly desired: number;
  /** Explanation with the measured load. */
  readonly reason: string;
}

/** Planned share of busy capacity. Without spare capacity, a backlog never shrinks. */
const TARGET_UTILIZATION = 0.8;
/** Smaller relative differences are ignored, as in the Kubernetes autoscaler. */
const TOLERANCE = 0.1;

/**
 * Returns the number of workers needed to handle the arrivals (Little's law) and to clear the
 * backlog within the target time.
 *
 * @returns undefined if the processing time is unknown
 */
export function computeNeeded(load: Load, target: ScalingTarget): number | undefined {
  const { arrivalRate, processingTime, backlog } = load;
  if (arrivalRate === 0 && backlog === 0) return target.min;
  if (processingTime === undefined) return undefined;
  const steady = (arrivalRate * processingTime) / 1000 / TARGET_UTILIZATION;
  const clearing = (backlog * processingTime) / target.waitMs;
  const exact = (steady + clearing) / target.concurrency;
  // A rounding error above a whole number must not add a worker.
  return clamp(Math.ceil(exact - 1e-9), target);
}

/**
 * Returns the current recommendation. Scales up immediately, but down only to the highest number
 * needed within `history`, like Kubernetes's stabilization window. Ignores a decrease within the
 * tolerance.
 *
 * @param history load in each equal part of the stabilization window, newest last
 * @param current number of running workers or replicas, if known
 */
export function recommend(
  history: readonly Load[],
  target: ScalingTarget,
  current: number | undefined,
): Recommendation {
  const now = history.at(-1) ?? { arrivalRate: 0, processingTime: undefined, backlog: 0 };
  const processingTime = findLastProcessingTime(history);
  const neededCounts = history.map((load) =>
    computeNeeded({ ...load, processingTime: load.processingTime ?? processingTime }, target),
  );
  const neededNow = neededCounts.at(-1);
  if (neededNow === undefined) {
    const desired = clamp(Math.max(current ?? 0, now.backlog > 0 ? 1 : 0), target);
    const reason = `${formatLoad(now)}: ${desired} until the processing time is known`;
    return { desired, reason };
  }
  const highest = Math.max(...neededCounts.filter((count) => count !== undefined));
  const explanation = formatExplanation(now, processingTime, target);
  const isWithinTolerance =
    current !== undefined && Math.abs(highest - current) <= TOLERANCE * current;
  if (isWithinTolerance && highest < current && clamp(current, target) === current) {
    const reason = `${explanation}: ${highest}, close enough to the current ${current}`;
    return { desired: current, reason };
  }
  const stabilization = highest > neededNow ? `, kept at ${highest} for recent load` : '';
  return { desired: highest, reason: `${explanation}: ${neededNow}${stabilization}` };
}

/** Returns the latest known processing time, in ms. */
function findLastProcessingTime(history: readonly Load[]): number | undefined {
  return history.findLast((load) => load.processingTime !== undefined)?.processingTime;
}

function clamp(count: number, { min, max }: ScalingTarget): number {
  return Math.min(max, Math.max(min, count));
}

function formatExplanation(
  load: Load,
  processingTime: number | undefined,
  target: ScalingTarget,
): string {
  const clearing =
    load.backlog > 0 ? ` to clear within ${formatNumber(target.waitMs / 1000)} s` : '';
  const duration = processingTime === undefined ? '' : `, ${formatNumber(processingTime)} ms each`;
  const concurrency = target.concurrency === 1 ? '' : `, ${target.concurrency} at a time`;
  return `${formatLoad(load)}${clearing}${duration}${concurrency}`;
}

function formatLoad({ arrivalRate, backlog }: Load): string {
  return `${formatNumber(arrivalRate)} arriving per second, ${formatNumber(backlog)} waiting`;
}

function formatNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

export interface ScalingQuery extends Pick<Query, 'scope' | 'filter'> {
  readonly target: ScalingTarget;
  /**
   * Time, in ms, for which fewer workers or replicas must be needed before the recommendation
   * decreases.
   */
  readonly stabilizationMs: number;
  readonly now: number;
}

const WORKERS_METRIC = { metricType: 'CUSTOM', names: ['perfscope.queue.workers'] } as const;
const REQUESTS_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;
const MINUTE_STEP = { ms: MINUTE_MS, zone: 'utc' } as const;

/** Recommends workers for each queue. Uses only stored data, so all servers give the same result. */
export async function recommendQueueWorkers(
  queryClient: QueryClient,
  scalingQuery: ScalingQuery,
): Promise<ScalingView[]> {
  const { query, minutes } = toScalingRange(scalingQuery);
  const [series, workers] = await Promise.all([
    queryQueueSeries(queryClient, { ...query, step: MINUTE_STEP }),
    queryRunningGauges(queryClient, { ...query, groupBy: ['queue'] }, WORKERS_METRIC),
  ]);
  const workersByQueue = new Map(workers.map(({ group, last }) => [group.queue, last]));
  return series.map(({ queue, points }) => {
    const pointByMinute = new Map(points.map((point) => [point.bucket?.fromMs, point]));
    let backlog = 0;
    const history = minutes.map(({ fromMs, seconds, isLast }) => {
      const point = pointByMinute.get(fromMs);
      // The current minute is too short for rates, but its depth is already known.
      const newest = isLast ? pointByMinute.get(fromMs + MINUTE_MS) : undefined;
      // If a minute has no data, the queue is not necessarily empty. Keep the previous backlog.
      backlog = newest?.depth ?? point?.depth ?? backlog;
      const arrivalRate = (point?.arrived ?? 0) / seconds;
      return { arrivalRate, processingTime: point?.averageProcessing, backlog };
    });
    return toScalingView('queue', queue, history, scalingQuery.target, workersByQueue.get(queue));
  });
}

/** Recommends replicas for each service. The number of requests that wait for a service is unknown. */
export async function recommendServiceReplicas(
  queryClient: QueryClient,
  scalingQuery: ScalingQuery,
): Promise<ScalingView[]> {
  const { query, minutes } = toScalingRange(scalingQuery);
  const [totals, instances] = await Promise.all([
    queryTotals(
      queryClient,
      { ...query, groupBy: ['service'], step: MINUTE_STEP },
      REQUESTS_METRIC,
    ),
    queryTotals(
      queryClient,
      { ...query, range: getRunningRange(query), groupBy: ['service', 'instance'] },
      REQUESTS_METRIC,
    ),
  ]);
  return [...Map.groupBy(totals, ({ group }) => group.service)].flatMap(
    ([service, serviceTotals]) => {
      if (service === undefined) return [];
      const totalByMinute = new Map(serviceTotals.map((total) => [total.bucket?.fromMs, total]));
      const history = minutes.map(({ fromMs, seconds }) => {
        const total = totalByMinute.get(fromMs);
        const arrivalRate = (total?.count ?? 0) / seconds;
        return { arrivalRate, processingTime: total?.average, backlog: 0 };
      });
      const current = instances.filter(({ group }) => group.service === service).length;
      return toScalingView('service', service, history, scalingQuery.target, current);
    },
  );
}

/** Returns the minutes to evaluate. The current minute is included once half of it has passed. */
function toScalingRange({ scope, filter, now, stabilizationMs }: ScalingQuery) {
  const lastMs = floorTo(now - MINUTE_MS / 2, MINUTE_MS);
  const fromMs = floorTo(lastMs - stabilizationMs, MINUTE_MS);
  const minutes: { fromMs: number; seconds: number; isLast: boolean }[] = [];
  for (let ms = fromMs; ms <= lastMs; ms += MINUTE_MS) {
    const seconds = Math.min(MINUTE_MS, now - ms) / 1000;
    minutes.push({ fromMs: ms, seconds, isLast: ms === lastMs });
  }
  return { query: { scope, filter, range: { fromMs, toMs: now } }, minutes };
}

function toScalingView(
  kind: ScalingView['kind'],
  name: string,
  history: readonly Load[],
  target: ScalingTarget,
  current: number | undefined,
): ScalingView {
  const { arrivalRate = 0, backlog = 0 } = history.at(-1) ?? {};
  const processingTime = findLastProcessingTime(history);
  const recommendation = recommend(history, target, current);
  return { kind, name, current, arrivalRate, processingTime, backlog, ...recommendation };
}
