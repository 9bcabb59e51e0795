import type { TenantScope } from '../../core/tenant-scope.ts';
import { queryMetricCatalog } from '../../storage/queries/metric-catalog.ts';
import { queryRequestTotals } from '../../storage/queries/request-totals.ts';
import type { TimeRange } from '../../storage/queries/time-range.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';

/** The endpoints and metrics of one service. */
export interface ServiceChoices {
  readonly service: string;
  /** Texts such as `GET /rooms`, the endpoint with the most requests first. */
  readonly endpoints: readonly string[];
  /** Names of metrics that the application records. */
  readonly metrics: readonly string[];
}

const MAX_ENDPOINTS = 100;
/** Metrics of agents, servers, and libraries. */
const FOREIGN_NAMES =
  /^(?:perfscope|process|nodejs|v8js|jvm|db|http|rpc|messaging|system|container|k8s|questdb)\./;
/** Requests with these methods usually change something. */
const WRITE_METHOD = /^(?:POST|PUT|PATCH) /;

/**
 * Lists what can be compared, by service.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function listImpactChoices(
  queryClient: QueryClient,
  range: TimeRange,
  scope: TenantScope,
): Promise<ServiceChoices[]> {
  const query = { scope, range };
  const [totals, metrics] = await Promise.all([
    queryRequestTotals(queryClient, {
      ...query,
      groupBy: ['service', 'operation', 'endpoint'],
    }),
    queryMetricCatalog(queryClient, query, ['CUSTOM']),
  ]);
  const sorted = totals
    .filter(({ group: { service, endpoint } }) => service !== undefined && endpoint !== undefined)
    .sort((a, b) => b.count - a.count);
  const byService = Map.groupBy(sorted, ({ group }) => group.service!);
  return [...byService].map(([service, endpoints]) => ({
    service,
    endpoints: endpoints
      .slice(0, MAX_ENDPOINTS)
      .map(({ group: { operation, endpoint } }) =>
        operation === undefined ? endpoint! : `${operation} ${endpoint}`,
      ),
    metrics: metrics
      .filter(({ name, services }) => name !== undefined && services.includes(service))
      .map(({ name }) => name!)
      .filter((name) => !FOREIGN_NAMES.test(name))
      .sort(),
  }));
}

/**
 * Chooses a sensible comparison: the most frequent request that changes something, per most frequent read of the same
 * service.
 *
 * @param service limits the choice to this service
 * @returns `undefined` if no service has both
 */
export function chooseImpactSources(
  choices: readonly ServiceChoices[],
  service: string | undefined,
): { service: string; outcome: string; exposure: string } | undefined {
  for (const each of choices) {
    if (service !== undefined && each.service !== service) continue;
    const outcome = each.endpoints.find((text) => WRITE_METHOD.test(text));
    const exposure = each.endpoints.find((text) => !WRITE_METHOD.test(text));
    if (outcome !== undefined && exposure !== undefined)
      return { service: each.service, outcome, exposure };
  }
  return undefined;
}
