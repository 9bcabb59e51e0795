import {
  ROLLUP_DEFINITIONS,
  type RollupDefinition,
  type RollupUnit,
} from './rollup-definitions.ts';

/** Returns the name of a roll-up: `metric_buckets_1m`, or `metric_buckets_1m_v2` for version 2. */
export function formatRollupName({ table, version }: RollupDefinition, unit: RollupUnit): string {
  return `${table.name}_${unit}${version > 1 ? `_v${version}` : ''}`;
}

/** Returns the names of a table and its current roll-ups. */
export function getTableAndRollupNames(definition: RollupDefinition): string[] {
  return [
    definition.table.name,
    ...definition.units.map((unit) => formatRollupName(definition, unit)),
  ];
}

/**
 * Returns the version in a roll-up name, or undefined if it is not a roll-up of `table` and `unit`.
 */
export function parseRollupVersion(
  name: string,
  table: string,
  unit: RollupUnit,
): number | undefined {
  if (name === `${table}_${unit}`) return 1;
  const version = new RegExp(`^${table}_${unit}_v(\\d+)$`).exec(name)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** Returns the unit in a roll-up name of any version, or undefined for other names. */
export function parseRollupUnit(name: string): RollupUnit | undefined {
  for (const { table, units } of ROLLUP_DEFINITIONS) {
    const found = units.find((unit) => parseRollupVersion(name, table.name, unit) !== undefined);
    if (found) return found;
  }
  return undefined;
}

/**
 * Returns the name of the current roll-up for a name without a version, in any case: `metric_buckets_1m_v2`
 * for `metric_buckets_1m`. Returns other names unchanged.
 */
export function toCurrentRollupName(name: string): string {
  for (const definition of ROLLUP_DEFINITIONS) {
    const unit = definition.units.find(
      (each) => name.toLowerCase() === `${definition.table.name}_${each}`,
    );
    if (unit) return formatRollupName(definition, unit);
  }
  return name;
}

/** Returns whether the name belongs to a measurement table with roll-ups, or to a roll-up. */
export function isMeasurementTableOrRollup(name: string): boolean {
  return (
    ROLLUP_DEFINITIONS.some(({ table }) => name === table.name) ||
    parseRollupUnit(name) !== undefined
  );
}
