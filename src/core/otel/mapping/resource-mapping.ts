import { hashText } from '../../lazy-crypto.ts';
import { MAX_NAME_LENGTH, type ServiceResource } from '../../schema/table-definition.ts';
import { toServiceName, UNKNOWN_SERVICE } from '../../service-name.ts';
import type { OtelAttributes, OtelAttributeValue } from '../metric-data.ts';
import { toShortKey } from './short-key.ts';
import { readTenant, readTenantId, type TenantAttributeNames } from './tenant-attributes.ts';

export interface MappingOptions {
  readonly tenantAttributes: TenantAttributeNames;
  /** Organization of the sender's key. It replaces the organization in attributes. */
  readonly senderOrganizationId?: string | undefined;
  /** The current process, for resources of an SDK in this process. Completes what the resource doesn't say. */
  readonly fallback?: { readonly service: ServiceResource; readonly host: string } | undefined;
}

/**
 * Attribute with the ID of the store to which the sender also writes rows. It says nothing about the sender, so it isn't
 * part of rows or series.
 */
export const ATTR_STORE_ID = 'perfscope.store.id';

/** Who recorded a metric or a span. */
export interface MappedResource {
  readonly service: ServiceResource;
  /** Whether the resource is a process of a service, and not only a host, a container, or a table. */
  readonly isService: boolean;
  /** Name of the pod, the container, or the host. Undefined if it is unknown. */
  readonly host: string | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly userId: string | undefined;
  /** Attributes that distinguish the objects of a receiver, such as the tables of a database. Stored as tags. */
  readonly tags: OtelAttributes | undefined;
  /** The same text for equal resources of the same sender. */
  readonly key: string;
}

/** Service name of resources that describe only a host, as the Collector's host metrics do. */
const HOST_SERVICE_NAME = 'host-metrics';
const HOST_ATTRIBUTES = ['k8s.pod.name', 'container.id', 'host.name'];
const NODE_ATTRIBUTES = ['k8s.node.name', 'host.id'];
/** An instance ID must be unique for each process, so these are used only together with the process ID. */
const PROCESS_ATTRIBUTE = 'process.pid';
/** Describes a process that `service.instance.id` identifies. Can differ between its OTLP requests. */
const DESCRIPTION = /^(?:cloud|container|deployment|faas|host|k8s|os|process|service|telemetry)\./;
/** Parts of a pod or a host. Receivers of the Collector send one resource for each. */
const PARTS = new Set([
  'container.name',
  'k8s.container.name',
  'k8s.volume.name',
  'process.executable.name',
]);

/** Each row of the resource contains its tags. Longer ones, as JSON, are replaced by a marker. */
const MAX_TAGS_LENGTH = 4096;
const DROPPED_TAGS: OtelAttributes = { 'perfscope.tags.dropped': true };

/**
 * Maps the attributes of a resource
 * (https://opentelemetry.io/docs/specs/semconv/resource/) to the columns of a row.
 *
 * The instance is `service.instance.id`. If that is missing, it consists of the host and the process ID, or of one of
 * them. If nothing is known, it is a hash of all attributes.
 */
export function mapResource(
  { [ATTR_STORE_ID]: _storeId, ...attributes }: OtelAttributes,
  { tenantAttributes, senderOrganizationId, fallback }: MappingOptions,
): MappedResource {
  const get = (name: string) => toName(attributes[name]);
  const host =
    HOST_ATTRIBUTES.map(get).find(Boolean) ??
    fallback?.host ??
    NODE_ATTRIBUTES.map(get).find(Boolean);
  const service = {
    service: getServiceName(get, host, fallback?.service),
    serviceVersion: get('service.version') ?? fallback?.service.serviceVersion,
    environment:
      get('deployment.environment.name') ??
      get('deployment.environment') ??
      fallback?.service.environment,
    instance:
      get('service.instance.id') ??
      fallback?.service.instance ??
      getInstance(attributes, get(PROCESS_ATTRIBUTE), host),
  };
  const ids = readTenant(attributes, tenantAttributes);
  const { propertyId } = ids;
  const organizationId = senderOrganizationId ?? ids.organizationId;
  const userId = readTenantId(attributes[tenantAttributes.user]);
  const tenant = [senderOrganizationId, organizationId, propertyId];
  const identity = [...Object.values(service), host, ...tenant].map((value) => value ?? '');
  const hasInstanceId = get('service.instance.id') !== undefined || fallback !== undefined;
  const others = Object.entries(attributes).filter(
    ([name]) => !hasInstanceId || PARTS.has(name) || !DESCRIPTION.test(name),
  );
  return {
    ...{ service, host, organizationId, propertyId, userId },
    isService: get('service.name') !== undefined || fallback !== undefined,
    tags: getTags(attributes),
    key: toShortKey(JSON.stringify([...identity, others.sort(compareNames)])),
  };
}

/**
 * SDKs describe one process with one resource. Receivers of the Collector send a resource for each measured object, such
 * as a table or a container, so its attributes distinguish their rows.
 */
function getTags(attributes: OtelAttributes): OtelAttributes | undefined {
  if (Object.keys(attributes).some((name) => name.startsWith('telemetry.'))) return undefined;
  const tags = Object.entries(attributes).filter(
    ([name, value]) => value !== undefined && (PARTS.has(name) || !DESCRIPTION.test(name)),
  );
  if (tags.length === 0) return undefined;
  if (JSON.stringify(tags).length > MAX_TAGS_LENGTH) return DROPPED_TAGS;
  // Unlike an assignment, `fromEntries` creates the property `__proto__`.
  return Object.fromEntries(tags);
}

function compareNames([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function getServiceName(
  get: (name: string) => string | undefined,
  host: string | undefined,
  fallback: ServiceResource | undefined,
): string {
  const name = get('service.name');
  // SDKs set a default name, such as `unknown_service:node`.
  if (name === undefined || name.startsWith(UNKNOWN_SERVICE)) {
    if (fallback) return fallback.service;
    if (name !== undefined) return name;
    return host === undefined ? UNKNOWN_SERVICE : HOST_SERVICE_NAME;
  }
  return toServiceName(name, get('service.namespace'));
}

function getInstance(
  attributes: OtelAttributes,
  pid: string | undefined,
  host: string | undefined,
): string {
  const known = [host, pid].filter((part) => part !== undefined);
  if (known.length > 0) return known.join('-').slice(0, MAX_NAME_LENGTH);
  const text = JSON.stringify(Object.entries(attributes).sort(compareNames));
  return hashText(text, 16);
}

/** Returns the text of a value for a column. Undefined if it is empty. */
export function toName(value: OtelAttributeValue | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (text.length <= MAX_NAME_LENGTH) return text;
  // A slice would keep the whole text in memory. This makes a copy, and replaces half a character at the cut.
  return Buffer.from(text.slice(0, MAX_NAME_LENGTH)).toString();
}
