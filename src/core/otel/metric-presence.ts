import type { CurrentAttributes } from './map-attributes.ts';
import { getMetricDefinition } from './metric-definitions.ts';
import type { MappedResource } from './resource-mapping.ts';
import { toShortKey } from './short-key.ts';
import type { SpanRow } from './span-row-memory.ts';

/** Stores facts, and the rows of spans that depend on them. See `SeriesTransaction`. */
export interface FactStore {
  noteFact(fact: string): void;
  hasFact(fact: string): boolean;
  noteSpanRow(row: Omit<SpanRow, 'kind' | 'seconds'>): void;
}

/**
 * Returns the fact that a process sends a metric. Spans with the same information must then not be counted too.
 *
 * @param system database or messaging system, if each system has its own metric
 */
function toMetricFact(
  { service: { service, instance }, organizationId }: MappedResource,
  name: string,
  system?: string,
): string {
  return toShortKey(
    ['metric', organizationId ?? '', service, instance, name, system ?? ''].join('\n'),
  );
}

/** Returns the fact that a process sends a metric under its current name. */
export function toNameFact(
  { service: { service, instance }, organizationId }: MappedResource,
  name: string,
): string {
  return toShortKey(['name', organizationId ?? '', service, instance, name].join('\n'));
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
