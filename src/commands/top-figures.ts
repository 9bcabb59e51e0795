import { EVERYTHING } from '../schema/scope.ts';
import { type HealthFigures, healthFigures } from '../windows/health.ts';
import { queueFigures } from '../windows/queues.ts';
import { lastOf } from '../windows/range.ts';
import type { Store } from '../windows/store.ts';
import { work } from '../windows/work.ts';

/** What endpoints can be sorted by: the greatest comes first. */
export const SORTS = ['rate', 'p95', 'errors'] as const;
export type Sort = (typeof SORTS)[number];

const HOST_COLUMNS = [
  'service',
  'instance',
  'status',
  'cpuUsage',
  'memoryUsage',
  'diskUsage',
  'eventLoopDelayP99',
] as const;

/** Rates per second, times in ms, shares and usages in percent; undefined is "nothing reported". */
export interface TopFigures {
  at: Date;
  windowMs: number;
  endpoints: {
    service: string | undefined;
    operation: string | undefined;
    endpoint: string | undefined;
    rate: number;
    average: number;
    p95: number | undefined;
    errorRate: number | undefined;
  }[];
  queues: {
    queue: string;
    depth: number | undefined;
    oldestAge: number | undefined;
    arrivalRate: number;
    completionRate: number;
    failureRate: number | undefined;
    processingTime: number | undefined;
  }[];
  hosts: Pick<HealthFigures, (typeof HOST_COLUMNS)[number]>[];
}

const MEASURED = { metricType: 'API_RESPONSE_TIME' } as const;

/** Asks for everything that `top` shows. @throws PS_UNAVAILABLE and others of the windows */
export async function topFigures(
  store: Store,
  windowMs: number,
  sort: Sort,
  nowMs: number = Date.now(),
): Promise<TopFigures> {
  const question = { scope: EVERYTHING, range: lastOf(windowMs, nowMs) };
  const byEndpoint = { ...question, groupBy: ['service', 'operation', 'endpoint'] } as const;
  const [endpoints, queues, hosts] = await Promise.all([
    work(store, byEndpoint, MEASURED),
    queueFigures(store, question),
    healthFigures(store, question),
  ]);
  const rank = {
    rate: (each: { rate: number }) => each.rate,
    p95: (each: { p95: number | undefined }) => each.p95 ?? 0,
    errors: (each: { errorRate: number | undefined }) => each.errorRate ?? 0,
  }[sort] as (each: TopFigures['endpoints'][number]) => number;
  return {
    at: new Date(nowMs),
    windowMs,
    endpoints: endpoints
      .map(({ group, rate, average, p95, errorRate }) => ({
        service: group.service,
        operation: group.operation,
        endpoint: group.endpoint,
        rate,
        average,
        p95,
        errorRate,
      }))
      .sort((a, b) => rank(b) - rank(a) || b.rate - a.rate),
    queues: queues
      .map(({ queue, depth, oldestAge, arrivalRate, completionRate, ...rest }) => ({
        queue,
        depth,
        oldestAge,
        arrivalRate,
        completionRate,
        failureRate: rest.failureRate,
        processingTime: rest.processingTime,
      }))
      .sort((a, b) => (b.depth ?? 0) - (a.depth ?? 0)),
    hosts: hosts
      .map(
        (host) =>
          Object.fromEntries(
            HOST_COLUMNS.map((name) => [name, host[name]]),
          ) as TopFigures['hosts'][number],
      )
      .sort((a, b) => (b.cpuUsage ?? 0) - (a.cpuUsage ?? 0)),
  };
}
