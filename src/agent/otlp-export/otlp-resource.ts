import { hostname } from 'node:os';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import { ATTR_STORE_ID } from '../../core/otel/mapping/resource-mapping.ts';
import type { OtelAttributes } from '../../core/otel/metric-data.ts';
import { removeNamespace } from '../../core/service-name.ts';
import { VERSION } from '../../core/version.ts';
import { ATTR_DISTRO_NAME, ATTR_DISTRO_VERSION, DISTRO_NAME } from '../attribute-keys.ts';

/**
 * Returns the resource attributes of this process, from `OTEL_RESOURCE_ATTRIBUTES`, the service, and the agent
 * (https://opentelemetry.io/docs/specs/semconv/resource/).
 *
 * @param storeId ID of the store to which this process also writes rows. See `findStoreId`. Undefined if it writes none.
 */
export function createOtlpResource(
  {
    resource,
    resourceAttributes = new Map(),
  }: Pick<StartupConfig, 'resource' | 'resourceAttributes'>,
  storeId?: string,
): OtelAttributes {
  return {
    'host.name': hostname(),
    'process.pid': process.pid,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    ...Object.fromEntries(resourceAttributes),
    'service.name': removeNamespace(resource.service, resourceAttributes.get('service.namespace')),
    'service.instance.id': resource.instance,
    'service.version': resource.serviceVersion,
    'deployment.environment.name': resource.environment,
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.name': 'opentelemetry',
    [ATTR_DISTRO_NAME]: DISTRO_NAME,
    [ATTR_DISTRO_VERSION]: VERSION,
    [ATTR_STORE_ID]: storeId,
  };
}
