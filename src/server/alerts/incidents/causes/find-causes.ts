import type { AffectedTenant } from '../../../../core/alerts/incident-summary.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../core/duration.ts';
import {
  isEmptyScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../../../core/tenant-scope.ts';
import { queryErrorGroups } from '../../../../storage/queries/error-groups.ts';
import { queryTotals } from '../../../../storage/queries/operation-totals.ts';
import type { Filter } from '../../../../storage/queries/query-definition.ts';
import { floorTo, type TimeRange } from '../../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../../storage/questdb/query-client.ts';
import { BusiestSeries } from './busiest-series.ts';
import type { Cause } from './cause.ts';
import { type EventRequest, findEventCauses } from './event-causes.ts';
import { rankCauses } from './rank-causes.ts';
import { readSignals, type SignalFilter } from './read-signals.ts';

/** The incident to explain. Times are in ms since the epoch. */
export type CauseRequest = SignalFilter & EventRequest;

/** Signals before this time before the start of the first alert can be the cause. */
const BEFORE_START_MS = 20 * MINUTE_MS;
/** Later signals are effects. */
const AFTER_START_MS = 10 * MINUTE_MS;
const EARLIER_HOURS_MS = 6 * HOUR_MS;
const STEP_MS = 10_000;
const EARLIER_STEP_MS = 5 * MINUTE_MS;
/** Limit on analyzed services. */
const MAX_SERVICES = 20;
const MAX_MESSAGE_LENGTH = 120;

/**
 * Returns the likely causes of an incident, with the likeliest first. With a scope that is limited to tenants, the
 * causes are based on the tenants' rows only, and contain no hosts and no error messages.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function findCauses(
  queryClient: QueryClient,
  request: CauseRequest,
): Promise<Cause[]> {
  const { scope, startedMs, now, services, hosts, queues } = request;
  const isAboutNothing = services.length + hosts.length + queues.length === 0;
  if (isAboutNothing || isEmptyScope(scope)) return [];
  const fromMs = floorTo(startedMs - BEFORE_START_MS, EARLIER_STEP_MS);
  const range = { fromMs, toMs: Math.min(now, startedMs + AFTER_START_MS) };
  const filter = {
    ...{ hosts, queues },
    services: await selectServices(queryClient, scope, services, range),
  };
  const busiest = new BusiestSeries(queryClient, { scope, range });
  const earlierRanges = [
    { fromMs: fromMs - EARLIER_HOURS_MS, toMs: fromMs },
    { fromMs: fromMs - DAY_MS, toMs: fromMs - DAY_MS + HOUR_MS },
  ];
  const read = (each: TimeRange, ms: number) =>
    readSignals(queryClient, { scope, range: each, step: { ms, zone: 'utc' } }, filter, busiest);
  const recent = await read(range, STEP_MS);
  const earlier = [];
  for (const each of earlierRanges) earlier.push(...(await read(each, EARLIER_STEP_MS)));
  const ranked = rankCauses({
    ...{ recent, range, startedMs, earlier, earlierRanges },
    stepMs: STEP_MS,
    earlierStepMs: EARLIER_STEP_MS,
  });
  const events = await findEventCauses(queryClient, { ...request, ...filter });
  return addMessages(queryClient, request, [
    ...events.versions,
    ...placeRestarts(ranked, events.restarts),
  ]);
}

/** A restart follows the dependencies, and precedes the errors and durations that it can explain. */
function placeRestarts(ranked: readonly Cause[], restarts: readonly Cause[]): Cause[] {
  const symptoms = new Set<Cause['kind']>(['errors', 'job_failures', 'job_time', 'endpoint_time']);
  const at = ranked.findIndex(({ kind }) => symptoms.has(kind));
  return at < 0 ? [...ranked, ...restarts] : ranked.toSpliced(at, 0, ...restarts);
}

/** Adds the most frequent error message to failing endpoints. Messages can contain texts of other tenants. */
async function addMessages(
  queryClient: QueryClient,
  { scope, now }: CauseRequest,
  causes: readonly Cause[],
): Promise<Cause[]> {
  const failing = causes.filter(({ kind }) => kind === 'errors');
  if (failing.length === 0 || !scope.hosts) return [...causes];
  const fromMs = Math.min(...failing.map(({ onsetMs }) => onsetMs));
  const services = failing.flatMap(({ service }) => service ?? []);
  const range = { fromMs, toMs: now };
  const groups = await queryErrorGroups(
    queryClient,
    { scope, range },
    { kind: ['request'], service: services },
  );
  const sorted = groups.toSorted((a, b) => b.count - a.count);
  return causes.map((cause) => {
    const { kind, subject, service, text } = cause;
    const found = sorted.find(
      ({ example }) => example.service === service && isSameEndpoint(subject, example.endpoint),
    );
    const message = kind === 'errors' ? found?.example.message : undefined;
    return message ? { ...cause, text: `${text}: ${message.slice(0, MAX_MESSAGE_LENGTH)}` } : cause;
  });
}

/** The endpoint of an error can contain the method. */
function isSameEndpoint(subject: string, endpoint: string | undefined): boolean {
  if (endpoint === undefined) return false;
  return subject === endpoint || subject.endsWith(` ${endpoint}`);
}

/**
 * Returns at most 20 services: the services with the most requests.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
async function selectServices(
  queryClient: QueryClient,
  scope: TenantScope,
  services: readonly string[],
  range: TimeRange,
): Promise<readonly string[]> {
  if (services.length <= MAX_SERVICES) return services;
  const busiest = await listBusiestServices(queryClient, scope, { service: services }, range);
  return [...new Set([...busiest, ...services])].slice(0, MAX_SERVICES);
}

/**
 * Returns the services that handled requests of organizations in a range, sorted by their number of requests.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export function findTenantServices(
  queryClient: QueryClient,
  organizations: readonly string[],
  range: TimeRange,
): Promise<string[]> {
  const filter = { organization: organizations };
  return listBusiestServices(queryClient, UNRESTRICTED_SCOPE, filter, range);
}

async function listBusiestServices(
  queryClient: QueryClient,
  scope: TenantScope,
  filter: Filter,
  range: TimeRange,
): Promise<string[]> {
  const query = { scope, range, filter, groupBy: ['service'] as const };
  const totals = await queryTotals(queryClient, query, { metricType: 'API_RESPONSE_TIME' });
  return totals.sort((a, b) => b.count - a.count).flatMap(({ group }) => group.service ?? []);
}

/** Limit on services whose requests are counted. */
const MAX_COUNTED_SERVICES = 1000;
const MAX_TENANTS = 50;

/**
 * Returns the requests of each tenant in the incident's services, with the most failures first.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function findAffectedTenants(
  queryClient: QueryClient,
  scope: TenantScope,
  services: readonly string[],
  range: TimeRange,
): Promise<AffectedTenant[]> {
  if (services.length === 0 || isEmptyScope(scope) || range.toMs <= range.fromMs) return [];
  const filter = { service: services.slice(0, MAX_COUNTED_SERVICES) };
  const groupBy = ['organization', 'property'] as const;
  const selector = { metricType: 'API_RESPONSE_TIME' };
  const totals = await queryTotals(queryClient, { scope, range, filter, groupBy }, selector);
  return totals
    .filter(({ group }) => group.organization !== undefined)
    .sort((a, b) => b.errorCount - a.errorCount || b.count - a.count)
    .slice(0, MAX_TENANTS)
    .map(({ group, count, errorCount, average }) => ({
      organizationId: group.organization,
      propertyId: group.property,
      requests: count,
      failed: errorCount,
      averageMs: average,
    }));
}
