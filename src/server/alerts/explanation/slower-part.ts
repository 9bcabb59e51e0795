import type { TenantScope } from '../../../core/tenant-scope.ts';
import { type MetricSelector, queryTotals } from '../../../storage/queries/operation-totals.ts';
import type { Dimension, Filter } from '../../../storage/queries/query-definition.ts';
import { queryRequestTotals, type RequestTotals } from '../../../storage/queries/request-totals.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { REQUEST_PARTS, type RequestPartDefinition } from '../../bottlenecks/request-part-table.ts';
import type { SlowerPart } from './format-cause.ts';

/** A part explains slower requests only with at least this share of the additional time. */
const MIN_SHARE_OF_INCREASE = 0.5;
/** A smaller factor doesn't count as a change. */
const MIN_FACTOR = 1.5;

/** The requests of an alert, in its window and in its baseline. */
export interface SlowerRequests {
  readonly scope: TenantScope;
  readonly now: TimeRange;
  readonly before: TimeRange;
  /** Selects the requests of the alert. */
  readonly filter: Filter;
  /** Selects the operations of the same service and tenant. */
  readonly operationFilter: Filter;
  /** Dimensions that the alert doesn't have. Only rows without a value belong to it. */
  readonly missing: readonly Dimension[];
  readonly minCount: number;
}

/**
 * Returns the part of the requests that accounts for most of their additional time. The result includes the operation
 * with most of the additional time of the part. Returns undefined without evidence.
 */
export async function querySlowerPart(
  queryClient: QueryClient,
  requests: SlowerRequests,
): Promise<SlowerPart | undefined> {
  const { scope, filter, missing, minCount } = requests;
  const readTotals = async (range: TimeRange) => {
    const query = { scope, range, filter, groupBy: missing };
    const totals = await queryRequestTotals(queryClient, query);
    return totals.find(({ group }) => missing.every((name) => group[name] === undefined));
  };
  const [now, before] = await Promise.all([readTotals(requests.now), readTotals(requests.before)]);
  if (now === undefined || before === undefined || now.count < minCount) return undefined;
  const part = findSlowerPart(now, before);
  if (part === undefined) return undefined;
  const { name, field, operations } = part;
  return {
    name,
    before: before[field] ?? 0,
    now: now[field] ?? 0,
    total: now.average ?? 0,
    operation: operations && (await findSlowerOperation(queryClient, requests, operations)),
  };
}

function findSlowerPart(
  now: RequestTotals,
  before: RequestTotals,
): RequestPartDefinition | undefined {
  const increase = (now.average ?? 0) - (before.average ?? 0);
  if (increase <= 0) return undefined;
  return REQUEST_PARTS.find(({ field }) => {
    const from = before[field];
    const to = now[field];
    if (from === undefined || to === undefined) return false;
    return to - from > MIN_SHARE_OF_INCREASE * increase && to >= MIN_FACTOR * from;
  });
}

async function findSlowerOperation(
  queryClient: QueryClient,
  { scope, now, before, operationFilter, missing }: SlowerRequests,
  selector: MetricSelector,
): Promise<string | undefined> {
  const readLoads = async (range: TimeRange) => {
    const groupBy = ['endpoint', ...missing] as const;
    const query = { scope, range, filter: operationFilter, groupBy };
    const totals = await queryTotals(queryClient, query, selector);
    const loads = new Map<string, number>();
    for (const { group, count, average } of totals) {
      const { endpoint } = group;
      if (endpoint === undefined || missing.some((name) => group[name] !== undefined)) continue;
      const load = (count * average) / (range.toMs - range.fromMs);
      loads.set(endpoint, (loads.get(endpoint) ?? 0) + load);
    }
    return loads;
  };
  const [loadsNow, loadsBefore] = await Promise.all([readLoads(now), readLoads(before)]);
  const increases = [...loadsNow]
    .map(([name, load]) => ({ name, increase: load - (loadsBefore.get(name) ?? 0) }))
    .filter(({ increase }) => increase > 0)
    .sort((a, b) => b.increase - a.increase);
  const total = increases.reduce((sum, { increase }) => sum + increase, 0);
  const [first] = increases;
  return first && first.increase > MIN_SHARE_OF_INCREASE * total ? first.name : undefined;
}
