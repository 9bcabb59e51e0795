import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { queryTotals } from '../../../storage/queries/operation-totals.ts';
import { type Query, toGroupKey } from '../../../storage/queries/query-definition.ts';
import {
  queryRequestTotals,
  REQUESTS_METRIC,
  type RequestTotals,
} from '../../../storage/queries/request-totals.ts';
import { getRangeLengthMs, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { REQUEST_PARTS } from '../../bottlenecks/request-part-table.ts';
import { MIN_TENANT_DIFFERENCE_MS, MIN_TENANT_FACTOR } from '../detectors/slow-tenant.ts';
import { BY_ENDPOINT, type TenantFact } from './suggestion-facts.ts';

/** Candidates with the most additional time. Only these are compared in time intervals. */
const MAX_CANDIDATES = 10;
/** With fewer requests in an interval, its mean is one request. */
const MIN_INTERVAL_REQUESTS = 2;

interface Candidate {
  readonly own: RequestTotals;
  /** Requests of all other tenants at the same endpoint. */
  readonly others: readonly RequestTotals[];
}

/**
 * Compares the tenants of each endpoint. Only tenants that are visible in the scope are compared, so the caller must
 * be allowed to read all of them.
 *
 * @returns the tenants that are slow at an endpoint, and the number of all comparisons
 * @throws PS_UNAVAILABLE, PS_REQUEST_TOO_LARGE
 */
export async function readTenants(
  queryClient: QueryClient,
  query: Query,
): Promise<{ tenants: TenantFact[]; tenantComparisons: number }> {
  const groupBy = [...BY_ENDPOINT, 'organization', 'property'] as const;
  const totals = await queryRequestTotals(queryClient, { ...query, groupBy, step: undefined });
  const known = totals.filter(
    ({ group, count }) =>
      count > 0 && (group.organization !== undefined || group.property !== undefined),
  );
  const byEndpoint = Map.groupBy(known, toEndpointKey);
  const comparable = [...byEndpoint.values()].filter(({ length }) => length > 1);
  const tenantComparisons = comparable.reduce((sum, { length }) => sum + length, 0);
  const candidates = comparable
    .flatMap(listCandidates)
    .sort((a, b) => computeExcess(b) - computeExcess(a))
    .slice(0, MAX_CANDIDATES);
  if (candidates.length === 0) return { tenants: [], tenantComparisons };
  const names = (name: 'service' | 'endpoint' | 'operation') => [
    ...new Set(candidates.map(({ own }) => own.group[name] ?? '(none)')),
  ];
  const step = { ms: chooseIntervalMs(query.range), zone: 'utc' };
  const filter = {
    ...query.filter,
    service: names('service'),
    endpoint: names('endpoint'),
    operation: names('operation'),
  };
  const intervals = await queryTotals(
    queryClient,
    { ...query, filter, groupBy, step },
    REQUESTS_METRIC,
  );
  const intervalsByEndpoint = Map.groupBy(intervals, toEndpointKey);
  const tenants = candidates.map((candidate) =>
    toTenantFact(candidate, intervalsByEndpoint.get(toEndpointKey(candidate.own)) ?? []),
  );
  return { tenants, tenantComparisons };
}

/** Returns a length that the roll-ups can provide, for 6 to 72 intervals. */
export function chooseIntervalMs(range: TimeRange): number {
  const length = getRangeLengthMs(range);
  if (length <= HOUR_MS) return MINUTE_MS;
  if (length <= 12 * HOUR_MS) return 10 * MINUTE_MS;
  return length <= 72 * HOUR_MS ? HOUR_MS : 6 * HOUR_MS;
}

function listCandidates(tenants: readonly RequestTotals[]): Candidate[] {
  return tenants
    .map((own) => ({ own, others: tenants.filter((each) => each !== own) }))
    .filter(({ own, others }) => {
      const average = computeMean(others);
      const difference = (own.average ?? 0) - average;
      return (
        difference >= MIN_TENANT_DIFFERENCE_MS && (own.average ?? 0) >= MIN_TENANT_FACTOR * average
      );
    });
}

function computeExcess({ own, others }: Candidate): number {
  return own.count * ((own.average ?? 0) - computeMean(others));
}

function toTenantFact(
  { own, others }: Candidate,
  intervals: readonly IntervalTotals[],
): TenantFact {
  const { service = '', endpoint, operation, organization, property } = own.group;
  const isOwn = ({ group }: IntervalTotals) =>
    group.organization === organization && group.property === property;
  const byInterval = Map.groupBy(intervals, ({ bucket }) => bucket?.fromMs ?? 0);
  const compared = [...byInterval].flatMap(([fromMs, totals]) => {
    const mine = totals.filter(isOwn);
    const theirs = totals.filter((each) => !isOwn(each));
    const isEnough = [mine, theirs].every(
      (each) => each.reduce((sum, { count }) => sum + count, 0) >= MIN_INTERVAL_REQUESTS,
    );
    return isEnough ? [{ fromMs, own: computeMean(mine), others: computeMean(theirs) }] : [];
  });
  const times = compared.map(({ fromMs }) => fromMs);
  const otherRequests = others.reduce((sum, { count }) => sum + count, 0);
  return {
    ...{ service, endpoint, operation, organizationId: organization, propertyId: property },
    own: { count: own.count, average: own.average ?? 0 },
    others: { count: otherRequests, average: computeMean(others) },
    otherTenants: others.length,
    intervals: compared.map((each) => ({ own: each.own, others: each.others })),
    slowerPart: findSlowerPart(own, others),
    firstMs: times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    lastMs: times.reduce((a, b) => Math.max(a, b), 0),
  };
}

type IntervalTotals = Pick<RequestTotals, 'group' | 'bucket' | 'count' | 'average'>;

/** Returns the part with more than half of the additional time. */
function findSlowerPart(own: RequestTotals, others: readonly RequestTotals[]) {
  const difference = (own.average ?? 0) - computeMean(others);
  return REQUEST_PARTS.flatMap(({ name, field }) => {
    const mine = own[field];
    if (mine === undefined) return [];
    const ms = mine - computeMean(others.map((each) => ({ ...each, average: each[field] })));
    return ms > difference / 2 ? [{ name, ms }] : [];
  }).at(0);
}

function computeMean(
  totals: readonly { readonly count: number; readonly average: number | undefined }[],
): number {
  let [count, sum] = [0, 0];
  for (const each of totals) {
    if (each.average === undefined) continue;
    count += each.count;
    sum += each.count * each.average;
  }
  return count > 0 ? sum / count : 0;
}

function toEndpointKey({ group }: Pick<RequestTotals, 'group'>): string {
  return toGroupKey(BY_ENDPOINT.map((name) => group[name] ?? null));
}
