import { MINUTE_MS } from '../../../core/duration.ts';
import { queryJobTotals } from '../../../storage/queries/job-totals.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import {
  type QueuePoint,
  queryQueueSeries,
  queryWorkerCounts,
} from '../../../storage/queries/queue-stats.ts';
import { toQueueKey } from '../../../storage/queries/queue-totals.ts';
import { floorTo } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { ScalingView } from '../action-views.ts';
import {
  formatNumber,
  type Recommendation,
  recommendCount,
  type ScalingTarget,
  TARGET_UTILIZATION,
  toCount,
} from './recommend-count.ts';

/** The load of a queue in one period. Rates are per second, times in ms. */
export interface Load {
  readonly arrivalRate: number;
  /** Mean time per job, including its retries. Undefined if none has ended. */
  readonly processingTime: number | undefined;
  /** Number of waiting jobs. */
  readonly backlog: number;
}

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
  return toCount(exact, target);
}

/**
 * Returns the recommendation for a queue. See {@link recommendCount}.
 *
 * @param history load in each equal part of the stabilization window, newest last
 * @param current number of running workers, if known
 */
export function recommend(
  history: readonly Load[],
  target: ScalingTarget,
  current: number | undefined,
): Recommendation {
  const now = history.at(-1) ?? { arrivalRate: 0, processingTime: undefined, backlog: 0 };
  const processingTime = findLastProcessingTime(history);
  return recommendCount({
    needed: history.map((load) =>
      computeNeeded({ ...load, processingTime: load.processingTime ?? processingTime }, target),
    ),
    target,
    current,
    load: formatLoad(now),
    explanation: formatExplanation(now, processingTime, target),
    minimum: now.backlog > 0 ? 1 : 0,
    unknown: 'processing time',
  });
}

/** Returns the latest known processing time, in ms. */
function findLastProcessingTime(history: readonly Load[]): number | undefined {
  return history.findLast((load) => load.processingTime !== undefined)?.processingTime;
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

export interface ScalingQuery extends Pick<Query, 'scope' | 'filter'> {
  readonly target: ScalingTarget;
  /**
   * Time, in ms, for which fewer workers or replicas must be needed before the recommendation
   * decreases.
   */
  readonly stabilizationMs: number;
  readonly now: number;
}

export const MINUTE_STEP = { ms: MINUTE_MS, zone: 'utc' } as const;
/** Minimum number of minutes from which the rate of accepted jobs is estimated. */
const MIN_MINUTES = 2;
/**
 * If the rows contain a smaller share of the accepted jobs, arrivals are missing. Other differences are
 * ignored, because depths are measured up to half a minute earlier than the other values.
 */
const MAX_RECORDED_SHARE = 0.8;

/** Recommends workers for each queue. */
export async function recommendQueueWorkers(
  queryClient: QueryClient,
  scalingQuery: ScalingQuery,
): Promise<ScalingView[]> {
  const { query, minutes } = toScalingRange(scalingQuery);
  const [series, workers] = await Promise.all([
    queryQueueSeries(queryClient, { ...query, step: MINUTE_STEP }, queryJobTotals),
    queryWorkerCounts(queryClient, query),
  ]);
  return series.map(({ queue, scope, points }) => {
    const pointByMinute = new Map(points.map((point) => [point.bucket?.fromMs, point]));
    const acceptedRate = estimateAcceptedRate(points);
    let backlog = 0;
    const history = minutes.map(({ fromMs, seconds, isLast }) => {
      const point = pointByMinute.get(fromMs);
      // The current minute is too short for rates, but its depth is already known.
      const newest = isLast ? pointByMinute.get(fromMs + MINUTE_MS) : undefined;
      // If a minute has no data, the queue is not necessarily empty. Keep the previous backlog.
      backlog = newest?.depth ?? point?.depth ?? backlog;
      const arrivalRate = Math.max((point?.arrived ?? 0) / seconds, acceptedRate);
      return { arrivalRate, processingTime: point?.averageWork, backlog };
    });
    const { arrivalRate = 0 } = history.at(-1) ?? {};
    const processingTime = findLastProcessingTime(history);
    const current = workers.get(toQueueKey({ group: { queue, queueScope: scope } }));
    const recommendation = recommend(history, scalingQuery.target, current);
    const name = { kind: 'queue', name: queue, scope } as const;
    return { ...name, current, arrivalRate, processingTime, backlog, ...recommendation };
  });
}

/**
 * Returns the rate at which Redis accepted jobs, in jobs per second, or 0 if the rows contain the arrivals.
 * If jobs wait, the arrival of a job without an instrumented producer is recorded only when the job
 * starts. But all accepted jobs either ended or still wait. The median excludes bursts and retries of
 * many jobs, which only affect the backlog.
 *
 * @param points minutes of a queue, oldest first. `depth` is the depth at the end of the minute.
 */
export function estimateAcceptedRate(
  points: readonly Pick<QueuePoint, 'arrived' | 'completed' | 'failed' | 'depth'>[],
): number {
  let recorded = 0;
  const accepted = points.flatMap(({ arrived, completed, failed, depth }, i) => {
    const before = points[i - 1]?.depth;
    if (before === undefined || depth === undefined) return [];
    recorded += arrived;
    return completed + failed + depth - before;
  });
  if (accepted.length < MIN_MINUTES) return 0;
  const median = accepted.toSorted((a, b) => a - b)[Math.floor((accepted.length - 1) / 2)] ?? 0;
  const isMissing = recorded < MAX_RECORDED_SHARE * median * accepted.length;
  return isMissing ? (1000 * median) / MINUTE_MS : 0;
}

/** Returns the minutes to evaluate. The current minute is included once half of it has passed. */
export function toScalingRange({ scope, filter, now, stabilizationMs }: ScalingQuery) {
  const lastMs = floorTo(now - MINUTE_MS / 2, MINUTE_MS);
  const fromMs = floorTo(lastMs - stabilizationMs, MINUTE_MS);
  const minutes: { fromMs: number; seconds: number; isLast: boolean }[] = [];
  for (let ms = fromMs; ms <= lastMs; ms += MINUTE_MS) {
    const seconds = Math.min(MINUTE_MS, now - ms) / 1000;
    minutes.push({ fromMs: ms, seconds, isLast: ms === lastMs });
  }
  return { query: { scope, filter, range: { fromMs, toMs: now } }, minutes };
}
