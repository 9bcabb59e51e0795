import { MINUTE_MS } from '../../../core/duration.ts';
import { HOSTS_TABLE } from '../../../storage/queries/aggregation-tables.ts';
import { toHostAggregations } from '../../../storage/queries/host-health.ts';
import { queryTotals, type Totals } from '../../../storage/queries/operation-totals.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import { REQUESTS_METRIC } from '../../../storage/queries/request-totals.ts';
import { toNumber } from '../../../storage/queries/row-values.ts';
import { runQuery } from '../../../storage/queries/run-query.ts';
import { getRunningRange } from '../../../storage/queries/running-processes.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { ScalingView } from '../action-views.ts';
import {
  formatNumber,
  recommendCount,
  type ScalingTarget,
  TARGET_UTILIZATION,
  toCount,
} from './recommend-count.ts';
import { MINUTE_STEP, type ScalingQuery, toScalingRange } from './scaling-recommendation.ts';

/** Mean utilization of an instance in one minute, as a share of one event loop. */
export interface InstanceUtilization {
  readonly instance: string;
  readonly minuteMs: number;
  readonly share: number;
}

/**
 * Returns how many event loops the instances of a service keep busy in each minute. Each replica has one
 * event loop, so this determines the number of replicas. The duration of requests doesn't, because an
 * asynchronous service handles other requests while one waits.
 *
 * @param minutes starts of the minutes, oldest first
 * @returns undefined for a minute without a report of any instance
 */
export function computeBusyLoops(
  reports: readonly InstanceUtilization[],
  minutes: readonly number[],
): (number | undefined)[] {
  const byMinute = Map.groupBy(reports, ({ minuteMs }) => minuteMs);
  const toShares = (ms: number): [string, number][] =>
    (byMinute.get(ms) ?? []).map(({ instance, share }) => [instance, share]);
  return minutes.map((ms) => {
    // Reports are a minute apart. So some minutes have no report, and the next minute has two.
    const shares = new Map([...toShares(ms - MINUTE_MS), ...toShares(ms)]);
    if (shares.size === 0) return undefined;
    return [...shares.values()].reduce((sum, share) => sum + share, 0);
  });
}

/**
 * Returns the number of replicas that a service needs.
 *
 * @param busyLoops number of busy event loops in each minute, newest last; undefined if unknown
 * @param current number of running replicas, if known
 */
export function recommendReplicas(
  busyLoops: readonly (number | undefined)[],
  requestRate: number,
  target: ScalingTarget,
  current: number | undefined,
) {
  const load = `${formatNumber(requestRate)} requests per second`;
  const known = busyLoops.findLast((count) => count !== undefined);
  const needed = busyLoops.map((count) => {
    const busy = count ?? known;
    return busy === undefined ? undefined : toCount(busy / TARGET_UTILIZATION, target);
  });
  const busyText = known === undefined ? '' : formatNumber(known);
  return recommendCount({
    needed,
    target,
    current,
    load,
    explanation: `${load} keep ${busyText} event loops busy (target: ${100 * TARGET_UTILIZATION} % of each)`,
    minimum: 1,
    unknown: 'event loop utilization',
  });
}

/** Recommends replicas for each service that served requests. */
export async function recommendServiceReplicas(
  queryClient: QueryClient,
  scalingQuery: ScalingQuery,
): Promise<ScalingView[]> {
  const { query, minutes } = toScalingRange(scalingQuery);
  const byInstance = { ...query, groupBy: ['service', 'instance'] } as const;
  const running = getRunningRange(query);
  const [totals, instances, recent, utilizations] = await Promise.all([
    queryTotals(
      queryClient,
      { ...query, groupBy: ['service'], step: MINUTE_STEP },
      REQUESTS_METRIC,
    ),
    queryTotals(queryClient, byInstance, REQUESTS_METRIC),
    queryTotals(queryClient, { ...byInstance, range: running }, REQUESTS_METRIC),
    queryUtilizations(queryClient, { ...byInstance, step: MINUTE_STEP }),
  ]);
  const minuteStarts = minutes.map(({ fromMs }) => fromMs);
  return [...Map.groupBy(totals, ({ group }) => group.service)].flatMap(
    ([service, serviceTotals]) => {
      if (service === undefined) return [];
      const serving = getInstances(instances, service);
      const reports = (utilizations.get(service) ?? []).filter(({ instance }) =>
        serving.has(instance),
      );
      const current = countRunning(getInstances(recent, service), reports, running);
      const busyLoops = computeBusyLoops(reports, minuteStarts);
      const { arrivalRate, processingTime } = getLastMinute(serviceTotals, minutes.at(-1));
      return {
        kind: 'service',
        name: service,
        scope: undefined,
        current,
        arrivalRate,
        processingTime,
        backlog: 0,
        ...recommendReplicas(busyLoops, arrivalRate, scalingQuery.target, current),
      };
    },
  );
}

function getInstances(totals: readonly Totals[], service: string): Set<string> {
  return new Set(
    totals.flatMap(({ group }) => (group.service === service ? (group.instance ?? []) : [])),
  );
}

/** Counts the running instances. Without reports, counts the instances that recently served requests. */
function countRunning(
  serving: ReadonlySet<string>,
  reports: readonly InstanceUtilization[],
  running: TimeRange,
): number {
  if (reports.length === 0) return serving.size;
  const firstMinuteMs = floorTo(running.fromMs, MINUTE_MS);
  const recent = reports.filter(({ minuteMs }) => minuteMs >= firstMinuteMs);
  return new Set(recent.map(({ instance }) => instance)).size;
}

function getLastMinute(
  totals: readonly Totals[],
  last: { fromMs: number; seconds: number } | undefined,
) {
  const total = totals.find(({ bucket }) => bucket?.fromMs === last?.fromMs);
  return {
    arrivalRate: (total?.count ?? 0) / (last?.seconds ?? 1),
    processingTime: total?.average,
  };
}

/** Returns the utilization of each instance's event loop in each minute, by service. */
async function queryUtilizations(
  queryClient: QueryClient,
  query: Query,
): Promise<Map<string, InstanceUtilization[]>> {
  const { total, samples } = toHostAggregations('eventLoopUtilization');
  const results = await runQuery(queryClient, HOSTS_TABLE, query, {
    aggregations: { total, samples },
  });
  const byService = Map.groupBy(results, ({ group }) => group.service ?? '');
  return new Map(
    [...byService].map(([service, rows]) => [
      service,
      rows.flatMap(({ group: { instance }, bucket, row }) => {
        const count = toNumber(row.samples) ?? 0;
        if (count === 0 || instance === undefined || !bucket) return [];
        const share = (toNumber(row.total) ?? 0) / count / 100;
        return { instance, minuteMs: bucket.fromMs, share };
      }),
    ]),
  );
}
