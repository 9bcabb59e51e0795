import type { ApiResponse } from '../../client/api-types.ts';
import type { Kind } from '../design/controls.tsx';
import { parseDuration } from '../url/time-range.ts';
import { linkTo } from '../url/view-state.ts';
import { type AggregateName, type ChartData, toChartData } from './trend-data.ts';

type Queues = ApiResponse<'queues'>;
export type QueueRow = Queues['queues'][number];
type QueuePoint = NonNullable<Queues['series']>[number]['points'][number];
export type Recommendation = ApiResponse<'scaling'>['recommendations'][number];
export type Job = ApiResponse<'jobs'>['jobs'][number];

/** A queue grows if jobs arrive faster than they end by more than this share. */
const GROWTH_SHARE = 0.05;

/** Whether jobs wait, and more jobs arrive than end. */
export function isGrowing({ depth = 0, arrivalRate, completionRate }: QueueRow): boolean {
  return depth > 0 && arrivalRate - completionRate > GROWTH_SHARE * arrivalRate;
}

/** Returns the queues, worst first: growing queues, then queues with the oldest jobs. */
export function sortQueues(queues: readonly QueueRow[]): QueueRow[] {
  return queues.toSorted(
    (a, b) =>
      Number(isGrowing(b)) - Number(isGrowing(a)) ||
      (b.oldestAge ?? 0) - (a.oldestAge ?? 0) ||
      (b.depth ?? 0) - (a.depth ?? 0) ||
      (b.failureRate ?? 0) - (a.failureRate ?? 0),
  );
}

export function queueKey({
  queue,
  scope,
}: {
  queue?: string | undefined;
  scope?: string | undefined;
}): string {
  return `${queue ?? ''} ${scope ?? ''}`;
}

/** Returns the recommendation for a queue. */
export function findRecommendation(
  recommendations: readonly Recommendation[] | undefined,
  { queue, scope }: { queue: string; scope?: string | undefined },
): Recommendation | undefined {
  return recommendations?.find(
    (item) =>
      item.kind === 'queue' && item.name === queue && (scope === undefined || item.scope === scope),
  );
}

export function jobLink({
  jobId,
  queue,
  scope,
}: {
  jobId: string;
  queue?: string;
  scope?: string | undefined;
}): string {
  return linkTo('/job', { job: jobId, queue, scope });
}

/** Kind of a job's state, for its badge. */
export function jobKind(status: string | undefined): Kind | undefined {
  if (status === 'failed') return 'critical';
  if (status === 'stalled') return 'warning';
  if (status === 'completed') return 'ok';
  return status === 'active' ? 'accent' : undefined;
}

/** A line of a chart: its name, and its value at a point. */
type QueueLine = readonly [label: string, value: (point: QueuePoint) => number | undefined];

/**
 * Converts the series of `/queues` to the lines of a chart.
 *
 * @param aggregate `rate` divides counts by the length of a step. Gaps of rates are zero, and gaps of `last` stay empty.
 */
export function toQueueChart(
  { from, to, step = '60s', series = [] }: Queues,
  aggregate: Extract<AggregateName, 'rate' | 'last'>,
  lines: readonly QueueLine[],
): ChartData {
  const seconds = aggregate === 'rate' ? (parseDuration(step) ?? 60_000) / 1000 : 1;
  const points = series.flatMap((item) => item.points);
  return toChartData(
    {
      from,
      to,
      step,
      series: lines.map(([label, value]) => ({
        group: { queue: label },
        points: points.map((point) => {
          const number = value(point);
          return { at: point.at, ...(number !== undefined && { [aggregate]: number / seconds }) };
        }),
      })),
    },
    [aggregate],
    ({ queue = '' }) => queue,
  );
}

/** Returns the number of waiting jobs of all queues over time, for a sparkline. */
export function toWaitingSparkline(queues: Queues | undefined): (number | null)[] {
  const sums = new Map<string, number>();
  for (const { points } of queues?.series ?? []) {
    for (const { at, depth } of points) {
      if (depth !== undefined) sums.set(at, (sums.get(at) ?? 0) + depth);
    }
  }
  if (!queues || sums.size === 0) return [];
  const points = [...sums].map(([at, last]) => ({ at, last }));
  const { from, to, step = '60s' } = queues;
  const chart = toChartData(
    { from, to, step, series: [{ group: {}, points }] },
    ['last'],
    () => 'waiting',
  );
  return [...chart.series[0]!.values] as (number | null)[];
}

const MIN_RATE = 0.1;

/** Returns a rate per second, minute, or hour, so that the rates of slow queues are readable. */
export function toReadableRate(perSecond: number): { value: number; unit: string } {
  if (perSecond === 0 || perSecond >= MIN_RATE) return { value: perSecond, unit: '/s' };
  return perSecond * 60 >= MIN_RATE
    ? { value: perSecond * 60, unit: '/min' }
    : { value: perSecond * 3600, unit: '/h' };
}
