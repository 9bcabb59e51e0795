import { hashText } from '../../lazy-crypto.ts';
import { PerformanceMetricType } from '../../schema/enums.ts';
import type { PerformanceMetricRow } from '../../schema/tables/performance-metrics-table.ts';
import type { OtelAttributes, OtelMetric, OtelScope } from '../metric-data.ts';
import { isGrpcServerFault } from './grpc-status.ts';
import {
  type CurrentAttributes,
  METRIC_TYPE_ATTRIBUTE,
  normalizeNames,
  toRowDimensions,
} from './map-attributes.ts';
import { getMetricDefinition, type MetricDefinition, toDefinedUnit } from './metric-definitions.ts';
import { getMetricFact } from './metric-presence.ts';
import type { MappedResource, MappingOptions } from './resource-mapping.ts';
import { readTenant } from './tenant-attributes.ts';

/** Columns of the numbers of responses by status class. */
type StatusColumn = 'count2xx' | 'count3xx' | 'count4xx' | 'count5xx';

/** What all points of a series have in common. */
export interface MappedSeries {
  /** Identifies the series, including its resource. Part of the IDs of rows. */
  readonly hash: string;
  /** The columns that are the same for all points. */
  readonly template: Omit<PerformanceMetricRow, 'timestamp'>;
  /** Whether the sender's key sets the organization. */
  readonly hasSenderOrganization: boolean;
  /** See `getMetricFact`. */
  readonly metricFact: string;
  /** Name under which the series is stored. */
  readonly name: string;
  /** Values are multiplied by this factor before they are stored. */
  readonly factor: number;
  /** Whether all values of the series are failures. */
  readonly failed: boolean;
  readonly statusColumn: StatusColumn | undefined;
  /** Attributes by their current names. */
  readonly attributes: CurrentAttributes;
}

/** A metric without its points. */
export type MetricHeader = Pick<OtelMetric, 'name' | 'unit' | 'kind'> & {
  readonly isMonotonic?: boolean | undefined;
};

/** Maps what all points of a series have in common. Callers cache the result, because this takes several µs. */
export function mapSeries(
  resource: MappedResource,
  scope: OtelScope,
  metric: MetricHeader,
  attributes: OtelAttributes,
  { tenantAttributes, senderOrganizationId }: MappingOptions,
): MappedSeries {
  const { name, unit, kind, isMonotonic } = metric;
  const definition = getMetricDefinition(name);
  const storedName = definition.storedName ?? name;
  const stored = toDefinedUnit(definition, storedName, unit);
  const all = resource.tags ? { ...resource.tags, ...attributes } : attributes;
  const current = normalizeNames(addRoute(scope, all), definition);
  const dimensions = toRowDimensions(current, definition, tenantAttributes);
  const tenant = readTenant(all, tenantAttributes, resource);
  const key = JSON.stringify([
    resource.key,
    scope.name,
    scope.version ?? '',
    scope.schemaUrl ?? '',
    name,
    unit,
    kind,
    isMonotonic ?? false,
    Object.entries(attributes).sort(compareNames),
  ]);
  const status = getStatus(current);
  return {
    hash: hashText(key, 16),
    hasSenderOrganization: senderOrganizationId !== undefined,
    metricFact: getMetricFact(resource, storedName, current),
    name: storedName,
    factor: stored.factor,
    failed: isFailed(current, definition, status),
    statusColumn: toStatusColumn(status),
    attributes: current,
    template: {
      ...resource.service,
      ...dimensions,
      host: dimensions.host ?? resource.host,
      organizationId: senderOrganizationId ?? tenant.organizationId,
      propertyId: tenant.propertyId,
      metricType: getType(definition, current),
      name: storedName,
      unit: stored.unit,
      test: false,
    },
  };
}

/** Libraries of Python whose older metrics contain the template of the route in `http.target`. */
const ROUTE_IN_TARGET = /^opentelemetry\.instrumentation\.(?:flask|asgi|fastapi|starlette)$/;

/** In other libraries, `http.target` is a raw path, which is not stored. */
function addRoute({ name }: OtelScope, attributes: OtelAttributes): OtelAttributes {
  const { 'http.target': target, 'http.route': route } = attributes;
  if (target === undefined || route !== undefined || !ROUTE_IN_TARGET.test(name)) return attributes;
  return { ...attributes, 'http.route': target };
}

function compareNames([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Returns the type of a series, from its attributes with their current names. */
export function getType(
  { type, only }: MetricDefinition,
  attributes: CurrentAttributes,
): PerformanceMetricType {
  const own = String(attributes.get(METRIC_TYPE_ATTRIBUTE));
  if (Object.hasOwn(PerformanceMetricType, own)) return own as PerformanceMetricType;
  if (!only) return type;
  const value = attributes.get(only.attribute);
  return only.values.includes(value === undefined ? undefined : String(value))
    ? type
    : PerformanceMetricType.CUSTOM;
}

function getStatus(attributes: CurrentAttributes): number {
  return Number(attributes.get('http.response.status_code') ?? Number.NaN);
}

function isFailed(
  attributes: CurrentAttributes,
  { isServer }: MetricDefinition,
  status: number,
): boolean {
  if (attributes.has('error.type')) return true;
  if (FAILED_STATUS.has(attributes.get('otel.status_code'))) return true;
  if (isServer && status >= 500) return true;
  const rpcStatus = attributes.get('rpc.response.status_code');
  return rpcStatus !== undefined && !isSuccessfulRpc(String(rpcStatus), isServer === true);
}

/** Status of spans, as in the metrics of the Collector's `spanmetrics` connector. */
const FAILED_STATUS = new Set<unknown>(['ERROR', 'STATUS_CODE_ERROR']);

/** See https://opentelemetry.io/docs/specs/semconv/rpc/grpc/. For a client, each code except OK is an error. */
function isSuccessfulRpc(code: string, isServer: boolean): boolean {
  return isServer ? !isGrpcServerFault(code) : /^(?:0|OK)$/i.test(code);
}

function toStatusColumn(status: number): StatusColumn | undefined {
  const statusClass = Math.trunc(status / 100);
  return statusClass >= 2 && statusClass <= 5
    ? `count${statusClass as 2 | 3 | 4 | 5}xx`
    : undefined;
}
