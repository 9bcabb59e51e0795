import type { Dimension, Group } from '../windows/dimensions.ts';

/** The dimensions under the names that requests and answers have for them. */
const DIMENSION_OF = {
  service: 'service',
  version: 'version',
  environment: 'environment',
  instance: 'instance',
  endpoint: 'endpoint',
  operation: 'operation',
  queue: 'queue',
  organizationId: 'organization',
  propertyId: 'property',
} as const satisfies Record<string, Dimension>;

export type DimensionName = keyof typeof DIMENSION_OF;
export const DIMENSION_NAMES = Object.keys(DIMENSION_OF) as [DimensionName, ...DimensionName[]];

export function dimensionsOf(names: readonly DimensionName[]): Dimension[] {
  return [...new Set(names)].map((name) => DIMENSION_OF[name]);
}

/** A group as answers name it. */
export function namedGroup(group: Group): Partial<Record<DimensionName, string>> {
  return Object.fromEntries(
    DIMENSION_NAMES.flatMap((name) => {
      const value = group[DIMENSION_OF[name]];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
