import { narrowScope, type TenantScope } from '../../../core/tenant-scope.ts';
import type { Dimension, Filter, Query } from '../../../storage/queries/query-definition.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { EndpointContext } from '../endpoint-definition.ts';
import type { TimeRangeParameters } from './request-time-range.ts';
import { getTimeZone, parseTimeRange } from './request-time-range.ts';

type NameFilter = readonly string[] | undefined;

/** Parameters that many endpoints share. Each endpoint declares which parameters it accepts. */
export interface CommonParameters extends TimeRangeParameters {
  readonly service?: NameFilter;
  readonly version?: NameFilter;
  readonly environment?: NameFilter;
  readonly instance?: NameFilter;
  readonly endpoint?: NameFilter;
  readonly operation?: NameFilter;
  readonly queue?: NameFilter;
  readonly queueScope?: NameFilter;
  readonly organizationId?: NameFilter;
  readonly propertyId?: NameFilter;
  readonly includeTest?: boolean;
}

/** A query, and the time zone that determines where its days and steps begin. */
export interface RequestQuery {
  readonly dbQuery: Query;
  readonly zone: string;
}

/** Converts a request to a query within the caller's scope. @throws PS_REQUEST_INVALID */
export function toRequestQuery({
  query,
  scope,
  dependencies,
  nowMs,
}: EndpointContext<CommonParameters>): RequestQuery {
  const zone = getTimeZone(query, dependencies.zone);
  const range = parseTimeRange(query, zone, nowMs);
  const { healthIntervalMs: reportIntervalMs } = dependencies;
  return { zone, dbQuery: { ...toQuery(query, scope, range), reportIntervalMs } };
}

/** Converts parameters to a query with filters. Tenant parameters narrow the caller's scope. */
export function toQuery(query: CommonParameters, scope: TenantScope, range: TimeRange): Query {
  const { service, version, environment, instance, endpoint, operation } = query;
  const { queue, queueScope } = query;
  const filters = {
    ...{ service, version, environment, instance, endpoint, operation },
    ...{ queue, queueScope },
  };
  const present = Object.entries(filters).filter(([, values]) => values !== undefined);
  const filter = Object.fromEntries(present) as Filter satisfies Partial<
    Record<Dimension, unknown>
  >;
  return { scope: narrowScope(scope, query), range, filter, includeTest: query.includeTest };
}
