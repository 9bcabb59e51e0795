import { parseDuration } from '../../../core/duration.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { queryGauges } from '../../../storage/queries/gauge-values.ts';
import { queryJobTotals } from '../../../storage/queries/job-totals.ts';
import { queryDistributionTotals, queryTotals } from '../../../storage/queries/operation-totals.ts';
import type { Dimension, Filter, Group, Query } from '../../../storage/queries/query-definition.ts';
import { queryQueueStats } from '../../../storage/queries/queue-stats.ts';
import { REQUESTS_METRIC } from '../../../storage/queries/request-totals.ts';
import { getRangeLengthMs } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { recommendQueueWorkers } from '../scaling/scaling-recommendation.ts';
import {
  type BusinessRule,
  type FactName,
  type FactParams,
  type FactRequest,
  type FactValues,
  listFactRequests,
  toFactKey,
} from './business-rule.ts';
import { type Tenant, toTenantKey } from './decide-setting.ts';

/** The facts of one tenant. */
export interface TenantFacts {
  readonly tenant: Tenant;
  readonly values: FactValues;
}

type FactResult = readonly { readonly group: Group; readonly value: number | undefined }[];
type FactQuery = (
  queryClient: QueryClient,
  query: Query,
  params: FactParams,
) => Promise<FactResult>;

const DEFAULT_WAIT_MS = 60_000;
const STABILIZATION_MS = 300_000;

/** The query for each fact. One query returns the values of all groups. */
const FACT_QUERIES: Readonly<Record<FactName, FactQuery>> = {
  requestRate: createRequestQuery(({ rate }) => rate),
  errorRate: createRequestQuery(({ errorRate }) => errorRate),
  responseTime: createRequestQuery(({ average }) => average),
  responseTimeP95: async (queryClient, query) =>
    (await queryDistributionTotals(queryClient, query, REQUESTS_METRIC)).map(({ group, p95 }) => ({
      group,
      value: p95,
    })),
  activeUsers: createGaugeQuery('ACTIVE_USERS'),
  ongoingReservations: createGaugeQuery('ONGOING_RESERVATIONS'),
  gauge: createGaugeQuery('CUSTOM'),
  queueDepth: createQueueQuery(({ depth }) => depth, sum),
  queueArrivalRate: async (queryClient, query) =>
    (await queryJobTotals(queryClient, query)).map(({ group, arrived }) => ({
      group,
      value: (1000 * arrived) / getRangeLengthMs(query.range),
    })),
  queueOldestAge: createQueueQuery(({ oldestAge }) => oldestAge, max),
  queueDrainTime: createQueueQuery(({ timeToDrain }) => timeToDrain, max),
  recommendedWorkers: async (queryClient, { scope, range, filter }, { targetWait }) => {
    const waitMs = (targetWait && parseDuration(targetWait)) || DEFAULT_WAIT_MS;
    const target = { waitMs, concurrency: 1, min: 0, max: Number.MAX_SAFE_INTEGER };
    const recommendations = await recommendQueueWorkers(queryClient, {
      scope,
      filter,
      target,
      stabilizationMs: STABILIZATION_MS,
      now: range.toMs,
    });
    return toFactResult(
      recommendations.map(({ desired }) => desired),
      sum,
    );
  },
};

/**
 * Returns the facts that a rule uses, per tenant, for the window that ends at `now`. Tenants without
 * any data are missing.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function queryTenantFacts(
  queryClient: QueryClient,
  rule: BusinessRule,
  now: number,
): Promise<TenantFacts[]> {
  const factsByTenant = new Map<string, { tenant: Tenant; values: Map<string, number> }>();
  const requests = listFactRequests(rule);
  const results = await Promise.all(
    requests.map((request) => queryFact(queryClient, rule, request, now)),
  );
  for (const [i, request] of requests.entries()) {
    for (const { group, value } of results[i] ?? []) {
      const tenant = toTenant(rule, group);
      if (!tenant || value === undefined || !Number.isFinite(value)) continue;
      const key = toTenantKey(tenant);
      const tenantFacts = factsByTenant.get(key) ?? { tenant, values: new Map<string, number>() };
      tenantFacts.values.set(toFactKey(request), value);
      factsByTenant.set(key, tenantFacts);
    }
  }
  // Without any requests, the request rate is 0 rather than unknown.
  for (const { values } of factsByTenant.values()) {
    for (const request of requests) {
      const key = toFactKey(request);
      if (request.fact === 'requestRate' && !values.has(key)) values.set(key, 0);
    }
  }
  if (rule.per === 'all' && factsByTenant.size === 0) return [{ tenant: {}, values: new Map() }];
  return [...factsByTenant.values()];
}

function queryFact(
  queryClient: QueryClient,
  { per, only, windowMs }: BusinessRule,
  { fact, params }: FactRequest,
  now: number,
): Promise<FactResult> {
  const { service, endpoint, queue, queueScope } = params;
  const paramFilters = Object.entries({ service, endpoint, queue, queueScope }).flatMap(
    ([name, text]) => (text === undefined ? [] : [[name, [text]]]),
  );
  const filter: Filter = { ...only, ...Object.fromEntries(paramFilters) };
  const groupBy: Dimension[] =
    per === 'all' ? [] : per === 'organization' ? ['organization'] : ['organization', 'property'];
  const range = { fromMs: now - windowMs, toMs: now };
  // Business rules see all tenants, but each decision applies to one tenant.
  return FACT_QUERIES[fact](
    queryClient,
    { scope: UNRESTRICTED_SCOPE, range, filter, groupBy },
    params,
  );
}

/** @returns undefined for rows without the tenant that the rule needs */
function toTenant({ per }: BusinessRule, { organization, property }: Group): Tenant | undefined {
  if (per === 'all') return {};
  if (organization === undefined) return undefined;
  if (per === 'organization') return { organizationId: organization };
  return property === undefined
    ? undefined
    : { organizationId: organization, propertyId: property };
}

function createRequestQuery(
  getValue: (total: Awaited<ReturnType<typeof queryTotals>>[number]) => number | undefined,
): FactQuery {
  return async (queryClient, query) =>
    (await queryTotals(queryClient, query, REQUESTS_METRIC)).map((total) => ({
      group: total.group,
      value: getValue(total),
    }));
}

function createGaugeQuery(metricType: string): FactQuery {
  return async (queryClient, query, { name }) => {
    const names = name === undefined ? undefined : [name];
    const gauges = await queryGauges(queryClient, query, { metricType, names });
    return gauges.map(({ group, last }) => ({ group, value: last }));
  };
}

/** @param combine combines the values of queues with the same name in different scopes */
function createQueueQuery(
  getValue: (queue: Awaited<ReturnType<typeof queryQueueStats>>[number]) => number | undefined,
  combine: (values: readonly number[]) => number,
): FactQuery {
  return async (queryClient, query) =>
    toFactResult((await queryQueueStats(queryClient, query)).map(getValue), combine);
}

function toFactResult(
  values: readonly (number | undefined)[],
  combine: (values: readonly number[]) => number,
): FactResult {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? [{ group: {}, value: combine(known) }] : [];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function max(values: readonly number[]): number {
  return Math.max(...values);
}
