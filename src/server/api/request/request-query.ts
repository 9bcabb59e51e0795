import { narrowScope, type TenantScope } from '../../../core/tenant-scope.ts';
import type { Dimension, Filter, Query } from '../../../storage/queries/query.ts';
import type { TimeRange } from '../../../storage/queries/query-range.ts';
import type { EndpointContext } from '../endpoint-definition.ts';
import type { TimeRangeParameters } from './request-time-range.ts';
import { getTimeZone, parseTimeRange } from './request-time-range.ts';

type NameFilter = readonly string[] | undefined;

/** What requests have in common; endpoints take as much of it as they declare. */
export interface CommonParameters extends TimeRangeParameters {
  readonly service?: NameFilter;
  readonly version?: NameFilter;
  readonly environment?: NameFilter;
  readonly instance?: NameFilter;
  readonly endpoint?: NameFilter;
  readonly operation?: NameFilter;
  readonly queue?: NameFilter;
  readonly organizationId?: NameFilter;
  readonly propertyId?: NameFilter;
  readonly includeTest?: boolean;
}

/** A question, and the zone whose clock its days and steps follow. */
export interface RequestQuery {
  readonly question: Query;
  readonly zone: string;
}

/** The question of a request, within the caller's scope. @throws PS_REQUEST_INVALID */
export function toRequestQuery({
  query,
  scope,
  dependencies: parts,
  nowMs,
}: EndpointContext<CommonParameters>): RequestQuery {
  const zone = getTimeZone(query, parts.zone);
  return { zone, question: toQuery(query, scope, parseTimeRange(query, zone, nowMs)) };
}

/** Filters, and rows of the named tenants only. */
export function toQuery(query: CommonParameters, scope: TenantScope, range: TimeRange): Query {
  const { service, version, environment, instance, endpoint, operation, queue } = query;
  const named = { service, version, environment, instance, endpoint, operation, queue };
  const given = Object.entries(named).filter(([, values]) => values !== undefined);
  const filter = Object.fromEntries(given) as Filter satisfies Partial<Record<Dimension, unknown>>;
  return { scope: narrowScope(scope, query), range, filter, includeTest: query.includeTest };
}
