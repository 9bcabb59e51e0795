import { parseDuration } from '../../../core/format.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { queryGauges } from '../../../storage/queries/gauge-values.ts';
import { queryJobTotals } from '../../../storage/queries/job-totals.ts';
import {
  type MetricSelector,
  queryDistributionTotals,
  queryTotals,
} from '../../../storage/queries/metric-totals.ts';
import type { Dimension, Filter, Group, Query } from '../../../storage/queries/query.ts';
import { getRangeLengthMs } from '../../../storage/queries/query-range.ts';
import { queryQueueStats } from '../../../storage/queries/queue-stats.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { recommendQueueWorkers } from '../scaling/scaling-recommendation.ts';
import {
  type BusinessRule,
  type FactName,
  type FactParams,
  type FactRequest,
  listFactRequests,
  toFactKey,
} from './business-rule.ts';
import type { FactValues } from './evaluate-rule.ts';
import { type Tenant, toTenantKey } from './setting-decision.ts';

/** The figures of one tenant. */
export interface TenantFacts {
  readonly tenant: Tenant;
  readonly values: FactValues;
}

type FactResult = readonly { readonly group: Group; readonly value: number | undefined }[];
type FactQuery = (store: QueryClient, question: Query, params: FactParams) => Promise<FactResult>;

const REQUEST_METRIC: MetricSelector = { metricType: 'API_RESPONSE_TIME' };
const DEFAULT_WAIT_MS = 60_000;
const STABILIZATION_MS = 300_000;

/** How each fact is asked for: one question for all groups. */
const FACT_QUERIES: Readonly<Record<FactName, FactQuery>> = {
  requestRate: createRequestQuery(({ rate }) => rate),
  errorRatio: createRequestQuery(({ errorRate }) => errorRate),
  responseTime: createRequestQuery(({ average }) => average),
  responseTimeP95: async (store, question) =>
    (await queryDistributionTotals(store, question, REQUEST_METRIC)).map(({ group, p95 }) => ({
      group,
      value: p95,
    })),
  activeUsers: createGaugeQuery('ACTIVE_USERS'),
  ongoingReservations: createGaugeQuery('ONGOING_RESERVATIONS'),
  gauge: createGaugeQuery('CUSTOM'),
  queueDepth: createQueueQuery(({ depth }) => depth),
  queueArrivalRate: async (store, question) =>
    (await queryJobTotals(store, question)).map(({ group, arrived }) => ({
      group,
      value: (1000 * arrived) / getRangeLengthMs(question.range),
    })),
  queueOldestAge: createQueueQuery(({ oldestAge }) => oldestAge),
  queueDrainTime: createQueueQuery(({ timeToDrain }) => timeToDrain),
  recommendedWorkers: async (store, { scope, range, filter }, { targetWait }) => {
    const waitMs = (targetWait && parseDuration(targetWait)) || DEFAULT_WAIT_MS;
    const target = { waitMs, concurrency: 1, min: 0, max: Number.MAX_SAFE_INTEGER };
    const asked = { scope, filter, target, stabilizationMs: STABILIZATION_MS, now: range.toMs };
    return (await recommendQueueWorkers(store, asked)).map(({ desired }) => ({
      group: {},
      value: desired,
    }));
  },
};

/**
 * The figures that a rule asks for, of the window that ends at `now`, for each tenant that has any.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function queryTenantFacts(
  store: QueryClient,
  rule: BusinessRule,
  now: number,
): Promise<TenantFacts[]> {
  const found = new Map<string, { tenant: Tenant; values: Map<string, number> }>();
  const requests = listFactRequests(rule);
  const answers = await Promise.all(
    requests.map((request) => queryFact(store, rule, request, now)),
  );
  for (const [i, request] of requests.entries()) {
    for (const { group, value } of answers[i] ?? []) {
      const tenant = toTenant(rule, group);
      if (!tenant || value === undefined || !Number.isFinite(value)) continue;
      const key = toTenantKey(tenant);
      const known = found.get(key) ?? { tenant, values: new Map<string, number>() };
      known.values.set(toFactKey(request), value);
      found.set(key, known);
    }
  }
  // Without any request the rate is known: none.
  for (const { values: figures } of found.values()) {
    for (const request of requests) {
      const key = toFactKey(request);
      if (request.fact === 'requestRate' && !figures.has(key)) figures.set(key, 0);
    }
  }
  if (rule.per === 'all' && found.size === 0) return [{ tenant: {}, values: new Map() }];
  return [...found.values()];
}

function queryFact(
  store: QueryClient,
  { per, only, windowMs }: BusinessRule,
  { fact, params }: FactRequest,
  now: number,
): Promise<FactResult> {
  const { service, endpoint, queue } = params;
  const named = Object.entries({ service, endpoint, queue }).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, [text]]],
  );
  const filter: Filter = { ...only, ...Object.fromEntries(named) };
  const groupBy: Dimension[] =
    per === 'all' ? [] : per === 'organization' ? ['organization'] : ['organization', 'property'];
  const range = { fromMs: now - windowMs, toMs: now };
  // The installation's own rules see all tenants; each decision is of one of them.
  return FACT_QUERIES[fact](store, { scope: UNRESTRICTED_SCOPE, range, filter, groupBy }, params);
}

/** Rows that name no tenant are nobody's, unless the rule is for all. */
function toTenant({ per }: BusinessRule, { organization, property }: Group): Tenant | undefined {
  if (per === 'all') return {};
  if (organization === undefined) return undefined;
  if (per === 'organization') return { organizationId: organization };
  return property === undefined
    ? undefined
    : { organizationId: organization, propertyId: property };
}

function createRequestQuery(
  value: (total: Awaited<ReturnType<typeof queryTotals>>[number]) => number | undefined,
): FactQuery {
  return async (store, question) =>
    (await queryTotals(store, question, REQUEST_METRIC)).map((total) => ({
      group: total.group,
      value: value(total),
    }));
}

function createGaugeQuery(metricType: string): FactQuery {
  return async (store, question, { name }) => {
    const names = name === undefined ? undefined : [name];
    const found = await queryGauges(store, question, { metricType, names });
    return found.map(({ group, last }) => ({ group, value: last }));
  };
}

function createQueueQuery(
  value: (queue: Awaited<ReturnType<typeof queryQueueStats>>[number]) => number | undefined,
): FactQuery {
  return async (store, question) =>
    (await queryQueueStats(store, question)).map((queue) => ({ group: {}, value: value(queue) }));
}
