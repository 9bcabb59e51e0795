import type { Dimension } from '../../src/windows/dimensions.ts';
import type { Family } from '../../src/windows/select.ts';
import { conditionsOf } from './select.ts';
import { partsOfNames } from './sources.ts';
import type { Name } from './text.ts';

/** A list in a browser is no use beyond this. */
const MOST_NAMES = 5000;

/** The names of a dimension that were seen in the range, among those that other variables allow. */
export function namesOf(
  family: Family,
  dimension: Dimension,
  by: readonly Name[],
  conditions: readonly string[] = [],
): string {
  const column = family.columns[dimension];
  if (column === undefined) throw new TypeError(`${family.table} has no ${dimension}`);
  const all = [...conditions, ...conditionsOf(family, by)];
  const parts = partsOfNames(family.table).map(
    ({ name, where }) =>
      `SELECT DISTINCT ${column} AS name FROM ${name} WHERE ${[where, ...all].join(' AND ')}`,
  );
  return `SELECT name FROM (${parts.join('\n  UNION ')}) WHERE name IS NOT NULL ORDER BY name LIMIT ${MOST_NAMES}`;
}
