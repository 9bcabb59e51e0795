import { parseDuration } from '../../../schema/duration.ts';
import { EVERYTHING } from '../../../schema/scope.ts';
import type { Dimension, Filter, Group } from '../../../windows/dimensions.ts';
import { gauges } from '../../../windows/gauges.ts';
import { jobTotals } from '../../../windows/jobs.ts';
import type { Question } from '../../../windows/question.ts';
import { queueFigures } from '../../../windows/queues.ts';
import { lengthMs } from '../../../windows/range.ts';
import type { Store } from '../../../windows/store.ts';
import { type Measured, totals } from '../../../windows/totals.ts';
import { work } from '../../../windows/work.ts';
import { scaledQueues } from '../../scaling/scaling.ts';
import { type Tenant, tenantKey } from '../decide.ts';
import type { Figures } from '../judge.ts';
import { type BusinessRule, requestsOf } from '../rule.ts';
import { type FactName, type FactParams, type FactRequest, factKey } from './words.ts';

/** The figures of one tenant. */
export interface TenantFigures {
  readonly tenant: Tenant;
  readonly figures: Figures;
}

type Found = readonly { readonly group: Group; readonly value: number | undefined }[];
type Ask = (store: Store, question: Question, params: FactParams) => Promise<Found>;

const REQUESTS: Measured = { metricType: 'API_RESPONSE_TIME' };
const DEFAULT_WAIT_MS = 60_000;
const STABILIZATION_MS = 300_000;

/** How each fact is asked for: one question for all groups. */
const ASKS: Readonly<Record<FactName, Ask>> = {
  requestRate: ofRequests(({ rate }) => rate),
  errorRatio: ofRequests(({ errorRate }) => errorRate),
  responseTime: ofRequests(({ average }) => average),
  responseTimeP95: async (store, question) =>
    (await work(store, question, REQUESTS)).map(({ group, p95 }) => ({ group, value: p95 })),
  activeUsers: ofGauge('ACTIVE_USERS'),
  ongoingReservations: ofGauge('ONGOING_RESERVATIONS'),
  gauge: ofGauge('CUSTOM'),
  queueDepth: ofQueue(({ depth }) => depth),
  queueArrivalRate: async (store, question) =>
    (await jobTotals(store, question)).map(({ group, arrived }) => ({
      group,
      value: (1000 * arrived) / lengthMs(question.range),
    })),
  queueOldestAge: ofQueue(({ oldestAge }) => oldestAge),
  queueDrainTime: ofQueue(({ timeToDrain }) => timeToDrain),
  recommendedWorkers: async (store, { scope, range, filter }, { targetWait }) => {
    const waitMs = (targetWait && parseDuration(targetWait)) || DEFAULT_WAIT_MS;
    const target = { waitMs, concurrency: 1, min: 0, max: Number.MAX_SAFE_INTEGER };
    const asked = { scope, filter, target, stabilizationMs: STABILIZATION_MS, now: range.toMs };
    return (await scaledQueues(store, asked)).map(({ desired }) => ({ group: {}, value: desired }));
  },
};

/**
 * The figures that a rule asks for, of the window that ends at `now`, for each tenant that has any.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function figuresOf(
  store: Store,
  rule: BusinessRule,
  now: number,
): Promise<TenantFigures[]> {
  const found = new Map<string, { tenant: Tenant; figures: Map<string, number> }>();
  const requests = requestsOf(rule);
  const answers = await Promise.all(requests.map((request) => answer(store, rule, request, now)));
  for (const [i, request] of requests.entries()) {
    for (const { group, value } of answers[i] ?? []) {
      const tenant = tenantOf(rule, group);
      if (!tenant || value === undefined || !Number.isFinite(value)) continue;
      const key = tenantKey(tenant);
      const known = found.get(key) ?? { tenant, figures: new Map<string, number>() };
      known.figures.set(factKey(request), value);
      found.set(key, known);
    }
  }
  // Without any request the rate is known: none.
  for (const { figures } of found.values()) {
    for (const request of requests) {
      const key = factKey(request);
      if (request.fact === 'requestRate' && !figures.has(key)) figures.set(key, 0);
    }
  }
  if (rule.per === 'all' && found.size === 0) return [{ tenant: {}, figures: new Map() }];
  return [...found.values()];
}

function answer(
  store: Store,
  { per, only, windowMs }: BusinessRule,
  { fact, params }: FactRequest,
  now: number,
): Promise<Found> {
  const { service, endpoint, queue } = params;
  const named = Object.entries({ service, endpoint, queue }).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, [text]]],
  );
  const filter: Filter = { ...only, ...Object.fromEntries(named) };
  const groupBy: Dimension[] =
    per === 'all' ? [] : per === 'organization' ? ['organization'] : ['organization', 'property'];
  const range = { fromMs: now - windowMs, toMs: now };
  // The installation's own rules see all tenants; each decision is of one of them.
  return ASKS[fact](store, { scope: EVERYTHING, range, filter, groupBy }, params);
}

/** Rows that name no tenant are nobody's, unless the rule is for all. */
function tenantOf({ per }: BusinessRule, { organization, property }: Group): Tenant | undefined {
  if (per === 'all') return {};
  if (organization === undefined) return undefined;
  if (per === 'organization') return { organizationId: organization };
  return property === undefined
    ? undefined
    : { organizationId: organization, propertyId: property };
}

function ofRequests(
  value: (total: Awaited<ReturnType<typeof totals>>[number]) => number | undefined,
): Ask {
  return async (store, question) =>
    (await totals(store, question, REQUESTS)).map((total) => ({
      group: total.group,
      value: value(total),
    }));
}

function ofGauge(metricType: string): Ask {
  return async (store, question, { name }) => {
    const names = name === undefined ? undefined : [name];
    const found = await gauges(store, question, { metricType, names });
    return found.map(({ group, last }) => ({ group, value: last }));
  };
}

function ofQueue(
  value: (queue: Awaited<ReturnType<typeof queueFigures>>[number]) => number | undefined,
): Ask {
  return async (store, question) =>
    (await queueFigures(store, question)).map((queue) => ({ group: {}, value: value(queue) }));
}
