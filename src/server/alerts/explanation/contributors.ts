import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { Dimension, Group } from '../../../storage/queries/query-definition.ts';
import type { RuleQueryCache } from '../rule-queries/rule-query-cache.ts';
import type { Measure } from '../rules/alert-rule.ts';
import { getRowSource, HEALTH_ROWS, QUEUE_AGGREGATES } from '../rules/rule-aggregates.ts';
import type { Contributor } from './format-cause.ts';

interface WeightedGroup {
  readonly group: Group;
  /** Time, errors, or jobs. */
  readonly weight: number;
  /** Requests, statements, or jobs. */
  readonly count: number;
}

const WORK_DIMENSIONS: readonly Dimension[] = ['endpoint', 'operation', 'organization', 'instance'];
/** Dimensions of failures. Each kind of error is worth mentioning. */
const FAILURE_DIMENSIONS: readonly Dimension[] = ['errorType', ...WORK_DIMENSIONS];
const JOB_DIMENSIONS: readonly Dimension[] = ['queue', 'operation', 'organization', 'instance'];

/**
 * Returns the share of each contributor in the total time, the errors, or the jobs.
 *
 * @param missing dimensions that the rows must not have
 */
export async function queryContributors(
  measure: Measure,
  cache: RuleQueryCache,
  { hosts }: TenantScope,
  missing: readonly Dimension[],
): Promise<Contributor[]> {
  // Requests don't show why processes end.
  if (getRowSource(measure.aggregate) === HEALTH_ROWS) return [];
  const dimensions = listDimensions(measure).filter(
    (name) => !measure.filter[name] && (hosts || name !== 'instance'),
  );
  const groupBy = [...new Set([...dimensions, ...missing])];
  const found = await queryWeights({ ...measure, groupBy }, cache);
  const groups = found.filter(({ group }) => !missing.some((name) => group[name] !== undefined));
  const total = sumBy(groups, ({ weight }) => weight);
  const totalCount = sumBy(groups, ({ count }) => count);
  // Sampled values, such as CPU usage, have no counts and can't be divided.
  if (total <= 0 || totalCount <= 0) return [];
  return dimensions.flatMap((dimension) => {
    const byName = Map.groupBy(groups, ({ group }) =>
      getContributorName(measure, dimension, group),
    );
    byName.delete(undefined);
    // A single contributor is useful only if it names the endpoint, the queue, or the kind of error.
    const isUseful = dimension === 'endpoint' || dimension === 'queue' || dimension === 'errorType';
    if (byName.size < 2 && !isUseful) return [];
    return [...byName].map(([name = '', parts]) => ({
      dimension,
      name,
      share: sumBy(parts, ({ weight }) => weight) / total,
      expectedShare:
        dimension === 'errorType' ? 0 : sumBy(parts, ({ count }) => count) / totalCount,
    }));
  });
}

function listDimensions({ aggregate }: Measure): readonly Dimension[] {
  if (QUEUE_AGGREGATES.has(aggregate)) return JOB_DIMENSIONS;
  return aggregate === 'error_ratio' ? FAILURE_DIMENSIONS : WORK_DIMENSIONS;
}

/** Jobs that arrive aren't weighted against anything, so an even distribution isn't remarkable. */
async function queryWeights(query: Measure, cache: RuleQueryCache): Promise<WeightedGroup[]> {
  const { aggregate } = query;
  if (!QUEUE_AGGREGATES.has(aggregate)) {
    const sums = await cache.metricSums(query);
    return sums.map(({ group, count, errorCount, sum }) => ({
      group,
      count,
      weight: aggregate === 'error_ratio' ? errorCount : sum,
    }));
  }
  const isFailureRate = aggregate === 'failure_rate';
  const jobs = await (isFailureRate ? cache.queueTotals(query) : cache.jobTotals(query));
  return jobs.map(({ group, completed, failed, arrived }) =>
    isFailureRate
      ? { group, weight: failed, count: completed + failed }
      : { group, weight: arrived, count: arrived },
  );
}

function sumBy<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}

/** Returns the name of a contributor. For requests, the name consists of method and route. */
function getContributorName(
  { type }: Measure,
  dimension: Dimension,
  group: Group,
): string | undefined {
  const name = group[dimension];
  // The route contains the method, and the statement contains its verb.
  const isPartOfEndpoint = type === 'API_RESPONSE_TIME' || type === 'DATABASE_QUERY_TIME';
  if (isPartOfEndpoint && dimension === 'operation' && group.endpoint !== undefined)
    return undefined;
  if (type !== 'API_RESPONSE_TIME') return name;
  const { operation } = group;
  return dimension === 'endpoint' && name && operation ? `${operation} ${name}` : name;
}
