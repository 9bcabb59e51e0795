import { queryGauges } from '../../../storage/queries/gauge-values.ts';
import { queryTotals } from '../../../storage/queries/metric-totals.ts';
import type { Query } from '../../../storage/queries/query.ts';
import { floorTo, MINUTE_MS } from '../../../storage/queries/query-range.ts';
import { queryQueueSeries } from '../../../storage/queries/queue-stats.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { ScalingView } from '../action-views.ts';

/** What came and waits in a time. Rates per second, times in ms. */
export interface Load {
  readonly arrivalRate: number;
  /** Mean time that one piece of work takes; undefined where none has ended. */
  readonly processingTime: number | undefined;
  /** What waits. */
  readonly backlog: number;
}

interface ScalingTarget {
  /** How long work should wait at most, in ms. */
  readonly waitMs: number;
  /** Pieces of work that one worker or replica does at once. */
  readonly concurrency: number;
  readonly min: number;
  readonly max: number;
}

export interface Recommendation {
  readonly desired: number;
  /** In words and figures. */
  readonly reason: string;
}

/** Of the capacity, what is planned to be busy: without reserve a queue never shrinks. */
const TARGET_UTILIZATION = 0.8;
/** As Kubernetes' autoscaler: smaller differences are none. */
const TOLERANCE = 0.1;

/**
 * Workers that do what comes (Little's law) and what waits within the target time.
 *
 * @returns undefined where it is not known how long work takes
 */
export function computeNeeded(load: Load, target: ScalingTarget): number | undefined {
  const { arrivalRate, processingTime, backlog } = load;
  if (arrivalRate === 0 && backlog === 0) return target.min;
  if (processingTime === undefined) return undefined;
  const steady = (arrivalRate * processingTime) / 1000 / TARGET_UTILIZATION;
  const clearing = (backlog * processingTime) / target.waitMs;
  const exact = (steady + clearing) / target.concurrency;
  // What is only a rounding error above a whole number needs no worker more.
  return clamp(Math.ceil(exact - 1e-9), target);
}

/**
 * What is recommended now: up at once, down only to the greatest need of the time that `history` covers
 * (Kubernetes' stabilization window), and not at all for a difference within the tolerance.
 *
 * @param history loads of equal parts of the stabilization window, the newest last
 * @param current how many there are, where that is known
 */
export function recommend(
  history: readonly Load[],
  target: ScalingTarget,
  current: number | undefined,
): Recommendation {
  const now = history.at(-1) ?? { arrivalRate: 0, processingTime: undefined, backlog: 0 };
  const known = findLastProcessingTime(history);
  const needs = history.map((load) =>
    computeNeeded({ ...load, processingTime: load.processingTime ?? known }, target),
  );
  const present = needs.at(-1);
  if (present === undefined) {
    const desired = clamp(Math.max(current ?? 0, now.backlog > 0 ? 1 : 0), target);
    const reason = `${formatLoad(now)}, and it is not known how long work takes`;
    return { desired, reason: `${reason}: ${desired} until something ends` };
  }
  const greatest = Math.max(...needs.filter((need) => need !== undefined));
  const words = formatExplanation(now, known, target);
  const isNear = current !== undefined && Math.abs(greatest - current) <= TOLERANCE * current;
  if (isNear && greatest < current && clamp(current, target) === current) {
    return { desired: current, reason: `${words}: ${greatest}, near enough to ${current}` };
  }
  const held = greatest > present ? `, held at ${greatest} by the minutes before` : '';
  return { desired: greatest, reason: `${words}: ${present}${held}` };
}

/** The newest that is known. */
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
  const each =
    processingTime === undefined ? '' : `, each takes ${formatNumber(processingTime)} ms`;
  const wait =
    load.backlog > 0 ? `, to be cleared within ${formatNumber(target.waitMs / 1000)} s` : '';
  const atOnce = target.concurrency === 1 ? '' : `, ${target.concurrency} at once`;
  return `${formatLoad(load)}${wait}${each}${atOnce}`;
}

function formatLoad({ arrivalRate, backlog }: Load): string {
  return `${formatNumber(arrivalRate)} come a second, ${formatNumber(backlog)} wait`;
}

function formatNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

export interface ScalingQuery extends Pick<Query, 'scope' | 'filter'> {
  readonly target: ScalingTarget;
  /** How long a smaller need must last before it counts, in ms. */
  readonly stabilizationMs: number;
  readonly now: number;
}

const WORKERS_METRIC = { metricType: 'CUSTOM', names: ['perfscope.queue.workers'] } as const;
const REQUESTS_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;
const MINUTE_STEP = { ms: MINUTE_MS, zone: 'utc' } as const;

/** Workers of each queue that was seen. All from stored data: any server, and after a restart, the same. */
export async function recommendQueueWorkers(
  store: QueryClient,
  asked: ScalingQuery,
): Promise<ScalingView[]> {
  const { question, minutes } = toScalingRange(asked);
  const [series, workers] = await Promise.all([
    queryQueueSeries(store, { ...question, step: MINUTE_STEP }),
    queryGauges(store, { ...question, groupBy: ['queue'] }, WORKERS_METRIC),
  ]);
  const workersOf = new Map(workers.map(({ group, last }) => [group.queue, last]));
  return series.map(({ queue, points }) => {
    const at = new Map(points.map((point) => [point.bucket?.fromMs, point]));
    let backlog = 0;
    const history = minutes.map(({ fromMs, seconds, isLast }) => {
      const point = at.get(fromMs);
      // What waits is known at once, also of a minute that is too young for its rates.
      const newest = isLast ? at.get(fromMs + MINUTE_MS) : undefined;
      // A minute without a report is not an empty queue.
      backlog = newest?.depth ?? point?.depth ?? backlog;
      const arrivalRate = (point?.arrived ?? 0) / seconds;
      return { arrivalRate, processingTime: point?.averageProcessing, backlog };
    });
    return toScalingView('queue', queue, history, asked.target, workersOf.get(queue));
  });
}

/** Replicas of each service that answers requests. Requests that wait outside of it are not known. */
export async function recommendServiceReplicas(
  store: QueryClient,
  asked: ScalingQuery,
): Promise<ScalingView[]> {
  const { question, minutes } = toScalingRange(asked);
  const [done, instances] = await Promise.all([
    queryTotals(store, { ...question, groupBy: ['service'], step: MINUTE_STEP }, REQUESTS_METRIC),
    queryTotals(store, { ...question, groupBy: ['service', 'instance'] }, REQUESTS_METRIC),
  ]);
  return [...Map.groupBy(done, ({ group }) => group.service)].flatMap(([service, found]) => {
    if (service === undefined) return [];
    const at = new Map(found.map((total) => [total.bucket?.fromMs, total]));
    const history = minutes.map(({ fromMs, seconds }) => {
      const total = at.get(fromMs);
      const arrivalRate = (total?.count ?? 0) / seconds;
      return { arrivalRate, processingTime: total?.average, backlog: 0 };
    });
    const current = instances.filter(({ group }) => group.service === service).length;
    return toScalingView('service', service, history, asked.target, current);
  });
}

/** Minutes back from the one that goes on, which counts when half of it is there. */
function toScalingRange({ scope, filter, now, stabilizationMs }: ScalingQuery) {
  const lastMs = floorTo(now - MINUTE_MS / 2, MINUTE_MS);
  const fromMs = floorTo(lastMs - stabilizationMs, MINUTE_MS);
  const minutes: { fromMs: number; seconds: number; isLast: boolean }[] = [];
  for (let ms = fromMs; ms <= lastMs; ms += MINUTE_MS) {
    const seconds = Math.min(MINUTE_MS, now - ms) / 1000;
    minutes.push({ fromMs: ms, seconds, isLast: ms === lastMs });
  }
  return { question: { scope, filter, range: { fromMs, toMs: now } }, minutes };
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
  const found = recommend(history, target, current);
  return { kind, name, current, arrivalRate, processingTime, backlog, ...found };
}
