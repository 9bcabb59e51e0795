import type { CurrentAttributes } from './map-attributes.ts';
import { getMetricDefinition } from './metric-definitions.ts';
import type { MappedResource } from './resource-mapping.ts';
import { toShortKey } from './short-key.ts';

/**
 * Returns the fact that a process sends a metric. Spans with the same information must then not be counted too.
 *
 * @param system database or messaging system, if each system has its own metric
 */
function toMetricFact(resource: MappedResource, name: string, system = ''): string {
  return toFact('metric', resource, [name, system]);
}

/** Returns the fact that a process sends a metric under its current name. */
export function toNameFact(resource: MappedResource, name: string): string {
  return toFact('name', resource, [name]);
}

/** The organization and the service are always in the text, because senders share limits by them. */
function toFact(
  kind: string,
  { service: { service, instance }, organizationId = '' }: MappedResource,
  names: readonly string[],
): string {
  const owner = [kind, toShortKey(organizationId), toShortKey(service)].join('\n');
  return `${owner}\n${toShortKey([instance, ...names].join('\n'))}`;
}

/** Returns the fact about the metric of a series. `name` is the name under which it is stored. */
export function getMetricFact(
  resource: MappedResource,
  name: string,
  attributes: CurrentAttributes,
): string {
  const { systemAttribute } = getMetricDefinition(name);
  const system = systemAttribute && attributes.get(systemAttribute);
  return toMetricFact(resource, name, system === undefined ? undefined : String(system));
}
