import type { Dimension } from '../../src/storage/queries/query.ts';
import type { QueryTable } from '../../src/storage/queries/run-query.ts';
import { toConditions } from './select-metrics.ts';
import type { VariableName } from './sql-text.ts';
import { getNameParts } from './table-parts.ts';

/** Maximum number of names in a list. Longer lists are not useful in a browser. */
const MAX_NAMES = 5000;

/** Selects the names of a dimension in the time range. `by` lists the variables that limit the result. */
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
