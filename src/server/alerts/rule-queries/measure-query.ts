import type { Labels } from '../../../core/alerts/alert.ts';
import { type MetricSums, mergeMetricSums } from '../../../storage/queries/metric-sums.ts';
import type { Group } from '../../../storage/queries/query.ts';
import { toGroupKey } from '../../../storage/queries/query.ts';
import { floorTo, MINUTE_MS } from '../../../storage/queries/query-range.ts';
import { computeTimeToDrain, READY_STATES } from '../../../storage/queries/queue-stats.ts';
import { computePercent } from '../../../storage/queries/row-values.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { Measure } from '../rules/alert-rule.ts';
import type { Aggregate } from '../rules/rule-aggregates.ts';
import type { RuleQueryCache } from './rule-query-cache.ts';

/** What the rows of a measure's window say of each of its groups. */
export function queryMeasure(measure: Measure, round: RuleQueryCache): Promise<Observation[]> {
  return AGGREGATE_QUERIES[measure.aggregate](measure, round);
}

type AggregateQuery = (measure: Measure, round: RuleQueryCache) => Promise<Observation[]>;

const AGGREGATE_QUERIES: Readonly<Record<Aggregate, AggregateQuery>> = {
  mean: createSumsQuery(computeMean),
  min: createSumsQuery(({ min: least }) => least),
  max: createSumsQuery(({ max: most }) => most),
  last: createSumsQuery(({ last }) => last),
  count: createSumsQuery(getCount),
  rate: createSumsQuery((found, { windowMs }) => (getCount(found) * MINUTE_MS) / windowMs),
  error_ratio: createSumsQuery(({ errorCount: errors, count }) => computePercent(errors, count)),
  p50: createDistributionQuery((spread) => spread.computePercentiles().p50),
  p90: createDistributionQuery((spread) => spread.computePercentiles().p90),
  p95: createDistributionQuery((spread) => spread.computePercentiles().p95),
  p99: createDistributionQuery((spread) => spread.computePercentiles().p99),
  p999: createDistributionQuery((spread) => spread.computePercentiles().p999),
  slow_share: createDistributionQuery((spread, { slowerThanMs = 0 }) => {
    const share = spread.computeShareAbove(slowerThanMs);
    return share === undefined ? undefined : 100 * share;
  }),
  apdex: createDistributionQuery((spread, { slowerThanMs = 0 }) =>
    spread.computeApdex(slowerThanMs),
  ),
  spike: querySpike,
  uptime: queryUptime,
  depth: async (measure, round) => {
    const depths = await queryDepths(measure, round);
    return depths.map((found) => toObservation(found, found.value, found.valueCount));
  },
  oldest_age: (measure, round) =>
    createSumsQuery(({ last }) => last)({ ...measure, type: 'QUEUE_OLDEST_AGE' }, round),
  failure_rate: async (measure, round) => {
    const jobs = await round.jobTotals(measure);
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
  value: (found: MetricSums, measure: Measure) => number | undefined,
): AggregateQuery {
  return async (measure, round) => {
    const found = await round.metricSums(measure);
    return found.map((each) => toObservation(each, value(each, measure), getCount(each)));
  };
}

type GroupDistribution =
  Awaited<ReturnType<RuleQueryCache['distributions']>> extends Map<string, infer D> ? D : never;

/** Buckets are wider than what is in them: a percentile is never beyond the extremes. */
function createDistributionQuery(
  value: (spread: GroupDistribution, measure: Measure) => number | undefined,
): AggregateQuery {
  return async (measure, round) => {
    const { type = 'CUSTOM', aggregate } = measure;
    const [found, spreads] = await Promise.all([
      round.metricSums(measure),
      round.distributions({ ...measure, type }),
    ]);
    return found.map((each) => {
      const spread = spreads.get(toGroupKey(each.group));
      const exact = spread && value(spread, measure);
      const { min: least = Number.NEGATIVE_INFINITY, max: most = Number.POSITIVE_INFINITY } = each;
      const isTime = aggregate.startsWith('p') && exact !== undefined;
      return toObservation(
        each,
        isTime ? Math.min(most, Math.max(least, exact)) : exact,
        each.count,
      );
    });
  };
}

/** The mean of the window as a multiple of that of the longer time that ends with it. */
async function querySpike(measure: Measure, round: RuleQueryCache): Promise<Observation[]> {
  const [found, usual] = await Promise.all([
    round.metricSums(measure),
    round.metricSums({ ...measure, windowMs: measure.baselineMs ?? measure.windowMs }),
  ]);
  const usualOf = new Map(usual.map((each) => [toGroupKey(each.group), computeMean(each)]));
  return found.map((each) => {
    const [mean, before] = [computeMean(each), usualOf.get(toGroupKey(each.group))];
    const factor = mean !== undefined && before ? mean / before : undefined;
    return toObservation(each, factor, getCount(each));
  });
}

/** The share rests on what is missing as much as on what is there, so it is always of now. */
async function queryUptime(measure: Measure, round: RuleQueryCache): Promise<Observation[]> {
  const newestMs = floorTo(round.now, MINUTE_MS);
  return (await round.uptime(measure)).map(({ group, uptime, intervals }) =>
    toObservation({ group, newestMs }, uptime, intervals),
  );
}

/** Jobs that could run now: the newest depth of each such state. */
async function queryDepths(
  measure: Measure,
  round: RuleQueryCache,
): Promise<(MetricSums & { value: number })[]> {
  const groupBy = [...new Set([...measure.groupBy, 'operation' as const])];
  const found = await round.metricSums({ ...measure, type: 'QUEUE_DEPTH', groupBy });
  const groups = new Map<string, MetricSums & { value: number }>();
  for (const each of found) {
    if (!READY_STATES.has(each.group.operation)) continue;
    const group = Object.fromEntries(measure.groupBy.map((name) => [name, each.group[name]]));
    const known = groups.get(toGroupKey(group));
    const value = (known?.value ?? 0) + (each.last ?? 0);
    groups.set(toGroupKey(group), {
      ...(known ? mergeMetricSums(known, each) : each),
      group,
      value,
    });
  }
  return [...groups.values()];
}

/** Rests on the jobs that wait: a queue of a few that is never quite empty is none that grows. */
async function queryTimeToDrain(measure: Measure, round: RuleQueryCache): Promise<Observation[]> {
  const [depths, jobs] = await Promise.all([queryDepths(measure, round), round.jobTotals(measure)]);
  const jobsOf = new Map(jobs.map((total) => [toGroupKey(total.group), total]));
  return depths.map((found) => {
    const { arrived = 0, completed = 0, failed = 0 } = jobsOf.get(toGroupKey(found.group)) ?? {};
    const perSecond = (count: number) => (1000 * count) / measure.windowMs;
    const flow = {
      arrivalRate: perSecond(arrived),
      completionRate: perSecond(completed + failed),
    };
    const ms = computeTimeToDrain(found.value, flow) ?? Number.POSITIVE_INFINITY;
    return toObservation(found, ms, found.value);
  });
}

function computeMean({
  count,
  sum: total,
  valueCount: values,
  valueSum: valueTotal,
}: MetricSums): number | undefined {
  if (count > 0) return total / count;
  return values > 0 ? valueTotal / values : undefined;
}

function getCount({ count, valueCount: values }: MetricSums): number {
  return count > 0 ? count : values;
}

function toObservation(
  { group, newestMs }: { group: Group; newestMs: number },
  value: number | undefined,
  count: number,
): Observation {
  return { labels: toLabels(group), value, count, newestMs };
}

function toLabels(group: Group): Labels {
  return Object.fromEntries(
    Object.entries(group).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
}
