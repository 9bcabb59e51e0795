import { MINUTE_MS } from '../../../core/duration.ts';
import { type MetricSums, mergeMetricSums } from '../../../storage/queries/measurement-sums.ts';
import { toGroupKey } from '../../../storage/queries/query-definition.ts';
import { computeTimeToDrain, READY_STATES } from '../../../storage/queries/queue-stats.ts';
import { computePercent } from '../../../storage/queries/row-values.ts';
import { floorTo } from '../../../storage/queries/time-range.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { Measure } from '../rules/alert-rule.ts';
import type { Aggregate } from '../rules/rule-aggregates.ts';
import { computeMean, computeMeanBounds, getCount, toObservation } from './measure-observation.ts';
import { queryAnomalies } from './query-anomalies.ts';
import { querySpike } from './query-spike.ts';
import { querySurge } from './query-surge.ts';
import type { RuleQueryCache } from './rule-query-cache.ts';

/** Runs the query of a measure. Returns one observation for each group. */
export function queryMeasure(measure: Measure, cache: RuleQueryCache): Promise<Observation[]> {
  return AGGREGATE_QUERIES[measure.aggregate](measure, cache);
}

type AggregateQuery = (measure: Measure, cache: RuleQueryCache) => Promise<Observation[]>;

const AGGREGATE_QUERIES: Readonly<Record<Aggregate, AggregateQuery>> = {
  mean: async (measure, cache) => {
    const sums = await cache.metricSums(measure);
    return sums.map((each) => ({
      ...toObservation(each, computeMean(each), getCount(each)),
      bounds: computeMeanBounds(each, measure),
    }));
  },
  min: createSumsQuery(({ min }) => min),
  max: createSumsQuery(({ max }) => max),
  last: createSumsQuery(({ last }) => last),
  count: createSumsQuery(getCount),
  rate: createSumsQuery((sums, { windowMs }) => (getCount(sums) * MINUTE_MS) / windowMs),
  error_ratio: createSumsQuery(({ errorCount, count }) => computePercent(errorCount, count)),
  p50: createDistributionQuery((distribution) => distribution.computePercentiles().p50),
  p90: createDistributionQuery((distribution) => distribution.computePercentiles().p90),
  p95: createDistributionQuery((distribution) => distribution.computePercentiles().p95),
  p99: createDistributionQuery((distribution) => distribution.computePercentiles().p99),
  p999: createDistributionQuery((distribution) => distribution.computePercentiles().p999),
  slow_share: createDistributionQuery((distribution, { slowerThanMs = 0 }) => {
    const share = distribution.computeShareAbove(slowerThanMs);
    return share === undefined ? undefined : 100 * share;
  }),
  apdex: createDistributionQuery((distribution, { slowerThanMs = 0 }) =>
    distribution.computeApdex(slowerThanMs),
  ),
  spike: querySpike,
  surge: querySurge,
  anomaly: (measure, cache) => queryAnomalies(measure, cache, queryMeasure),
  crashes: queryCrashCounts,
  uptime: queryUptime,
  depth: async (measure, cache) => {
    const depths = await queryDepths(measure, cache);
    return depths.map((depth) => toObservation(depth, depth.value, depth.valueCount));
  },
  oldest_age: async (measure, cache) => {
    const ages = await queryQueueGauge(measure, cache, 'QUEUE_OLDEST_AGE', Math.max);
    return ages.map((age) => toObservation(age, age.value, age.valueCount));
  },
  failure_rate: async (measure, cache) => {
    const jobs = await cache.queueTotals(measure);
    return jobs.flatMap(({ group, completed, failed, newestMs }) => {
      const ended = completed + failed;
      return ended > 0
        ? [toObservation({ group, newestMs }, computePercent(failed, ended), ended)]
        : [];
    });
  },
  time_to_drain: queryTimeToDrain,
};

function createSumsQuery(
  value: (sums: MetricSums, measure: Measure) => number | undefined,
): AggregateQuery {
  return async (measure, cache) => {
    const sums = await cache.metricSums(measure);
    return sums.map((each) => toObservation(each, value(each, measure), getCount(each)));
  };
}

type GroupDistribution =
  Awaited<ReturnType<RuleQueryCache['distributions']>> extends Map<string, infer D> ? D : never;

/**
 * Percentiles are limited to the minimum and maximum, because buckets are wider than their values.
 */
function createDistributionQuery(
  value: (distribution: GroupDistribution, measure: Measure) => number | undefined,
): AggregateQuery {
  return async (measure, cache) => {
    const { type = 'CUSTOM', aggregate } = measure;
    const [sums, distributions] = await Promise.all([
      cache.metricSums(measure),
      cache.distributions({ ...measure, type }),
    ]);
    return sums.map((each) => {
      const distribution = distributions.get(toGroupKey(each.group));
      const result = distribution && value(distribution, measure);
      const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = each;
      const isPercentile = aggregate.startsWith('p') && result !== undefined;
      const limited = isPercentile ? Math.min(max, Math.max(min, result)) : result;
      return toObservation(each, limited, each.count);
    });
  };
}

/**
 * Returns the uptime. Missing rows affect the uptime, so each observation's timestamp is the
 * current minute. For alerts, planned restarts don't count. The time in which no process of any service
 * reported doesn't count either.
 */
async function queryUptime(measure: Measure, cache: RuleQueryCache): Promise<Observation[]> {
  const newestMs = floorTo(cache.now, MINUTE_MS);
  return (await cache.uptime(measure)).map(
    ({ group, uptime, unplannedUptime, intervals, expectedMs }) => ({
      ...toObservation({ group, newestMs }, uptime, intervals),
      coveredMs: expectedMs,
      bounds:
        uptime === undefined || unplannedUptime === undefined
          ? undefined
          : { lower: uptime, upper: Math.max(uptime, unplannedUptime) },
    }),
  );
}

/** Returns the number of crashes. Missing rows are crashes, so the timestamp is the current time. */
async function queryCrashCounts(measure: Measure, cache: RuleQueryCache): Promise<Observation[]> {
  const crashes = await cache.crashes(measure);
  return crashes.map(({ group, count }) =>
    toObservation({ group, newestMs: cache.now }, count, count),
  );
}

/** Returns the number of jobs that are ready to run: the sum of the newest depths by state. */
function queryDepths(measure: Measure, cache: RuleQueryCache) {
  return queryQueueGauge(measure, cache, 'QUEUE_DEPTH', (a, b) => a + b);
}

/**
 * Returns the newest value of a queue metric.
 *
 * @param combine combines the values of states, and of queues with the same name in different scopes
 */
async function queryQueueGauge(
  measure: Measure,
  cache: RuleQueryCache,
  type: 'QUEUE_DEPTH' | 'QUEUE_OLDEST_AGE',
  combine: (a: number, b: number) => number,
): Promise<(MetricSums & { value: number })[]> {
  const groupBy = [...new Set([...measure.groupBy, 'queueScope' as const, 'operation' as const])];
  const sums = await cache.metricSums({ ...measure, type, groupBy });
  const groups = new Map<string, MetricSums & { value: number }>();
  for (const each of sums) {
    if (!READY_STATES.has(each.group.operation)) continue;
    const group = Object.fromEntries(measure.groupBy.map((name) => [name, each.group[name]]));
    const known = groups.get(toGroupKey(group));
    const value = known ? combine(known.value, each.last ?? 0) : (each.last ?? 0);
    groups.set(toGroupKey(group), {
      ...(known ? mergeMetricSums(known, each) : each),
      group,
      value,
    });
  }
  return [...groups.values()];
}

/**
 * Returns the time until each queue is empty. The count is the number of waiting jobs, so that
 * `minimumCount` excludes short queues that are never quite empty.
 */
async function queryTimeToDrain(measure: Measure, cache: RuleQueryCache): Promise<Observation[]> {
  const [depths, jobs] = await Promise.all([queryDepths(measure, cache), cache.jobTotals(measure)]);
  const jobsByGroup = new Map(jobs.map((total) => [toGroupKey(total.group), total]));
  return depths.map((depth) => {
    const drainMs = computeDrainTime(
      depth.value,
      jobsByGroup.get(toGroupKey(depth.group)),
      measure.windowMs,
    );
    return toObservation(depth, drainMs, depth.value);
  });
}

/** Returns the time until a queue is empty at the rates of its window, in ms. */
export function computeDrainTime(
  depth: number,
  jobs: { arrived: number; completed: number; failed: number } | undefined,
  windowMs: number,
): number | undefined {
  const { arrived = 0, completed = 0, failed = 0 } = jobs ?? {};
  const perSecond = (count: number) => (1000 * count) / windowMs;
  return computeTimeToDrain(depth, {
    arrivalRate: perSecond(arrived),
    completionRate: perSecond(completed + failed),
  });
}
