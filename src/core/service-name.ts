import { MAX_NAME_LENGTH } from './schema/table-definition.ts';

/** Start of the default names of the OpenTelemetry specification, such as `unknown_service:node`. */
export const UNKNOWN_SERVICE = 'unknown_service';

/**
 * Returns the name under which a service is stored: the namespace, `/`, and the name, as in Prometheus
 * (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/).
 *
 * @param namespace `service.namespace`. Ignored if it is empty, or if the name is unknown.
 */
export function toServiceName(name: string, namespace: string | undefined): string {
  const isNamed = Boolean(namespace) && !name.startsWith(UNKNOWN_SERVICE);
  return (isNamed ? `${namespace}/${name}` : name).slice(0, MAX_NAME_LENGTH);
}

/** Returns the `service.name` of a service that is stored under a name. */
export function removeNamespace(service: string, namespace: string | undefined): string {
  const prefix = `${namespace}/`;
  return namespace && service.startsWith(prefix) ? service.slice(prefix.length) : service;
}
