import type { Dimension } from '../../src/storage/queries/query.ts';
import type { QueryTable } from '../../src/storage/queries/run-query.ts';
import { toConditions } from './select-metrics.ts';
import type { VariableName } from './sql-text.ts';
import { getNameParts } from './table-parts.ts';

/** A list in a browser is no use beyond this. */
const MAX_NAMES = 5000;

/** The names of a dimension that were seen in the range, among those that other variables allow. */
export function selectNames(
  family: QueryTable,
  dimension: Dimension,
  by: readonly VariableName[],
  conditions: readonly string[] = [],
): string {
  const column = family.columns[dimension];
  if (column === undefined) throw new TypeError(`${family.table} has no ${dimension}`);
  const all = [...conditions, ...toConditions(family, by)];
  const parts = getNameParts(family.table).map(
    ({ name, where }) =>
      `SELECT DISTINCT ${column} AS name FROM ${name} WHERE ${[where, ...all].join(' AND ')}`,
  );
  return `SELECT name FROM (${parts.join('\n  UNION ')}) WHERE name IS NOT NULL ORDER BY name LIMIT ${MAX_NAMES}`;
}
