import type { MergeMethod } from '../../src/storage/queries/merge-rows.ts';
import type { Dimension } from '../../src/storage/queries/query-definition.ts';
import type { Aggregation, QueryTable } from '../../src/storage/queries/run-query.ts';
import {
  CAN_BE_EMPTY,
  INTERVAL,
  toFilter,
  toName,
  toSqlText,
  type VariableName,
} from './sql-text.ts';
import {
  getMinuteParts,
  getNameParts,
  getRangeParts,
  getSeriesParts,
  RANGE,
  type TablePart,
  type TimeBounds,
} from './table-parts.ts';

export interface SelectSpec {
  /** Aggregations by column name. */
  readonly aggregations: Readonly<Record<string, Aggregation>>;
  /** Additional columns to group by. */
  readonly keys?: readonly string[];
  /** Conditions on columns that exist in rows and roll-ups. */
  readonly conditions?: readonly string[];
  /** The variables that filter the result. Default: `TENANT_AND_SERVICE`. */
  readonly by?: readonly VariableName[] | undefined;
  /** Default: the time range of the dashboard. */
  readonly range?: TimeBounds;
}

/** The filter variables that most dashboards have. */
export const TENANT_AND_SERVICE = ['organization', 'property', 'service', 'environment'] as const;

/** Returns a subquery with the aggregations for each interval (`time`). */
export function selectOverTime(family: QueryTable, spec: SelectSpec): string {
  return selectUnion(family, spec, getSeriesParts(family.table, spec.range ?? RANGE), [
    { name: 'time', text: `timestamp_floor(${INTERVAL}, timestamp)` },
  ]);
}

/**
 * Returns a subquery with the aggregations for each minute (`time`), independent of the panel's interval. Excludes the
 * current minute.
 */
export function selectByMinute(family: QueryTable, spec: SelectSpec): string {
  return selectUnion(family, spec, getMinuteParts(family.table), [
    { name: 'time', text: "timestamp_floor('m', timestamp)" },
  ]);
}

/** Returns a subquery with the aggregations for the whole time range. */
export function selectOverRange(family: QueryTable, spec: SelectSpec): string {
  return selectUnion(family, spec, getRangeParts(family.table, spec.range ?? RANGE), []);
}

/** Returns the conditions for the selected filters. Excludes test measurements. */
export function toConditions(
  family: QueryTable,
  by: readonly VariableName[] = TENANT_AND_SERVICE,
): string[] {
  const filters = by.flatMap((name) => {
    const column = family.columns[name];
    return column === undefined ? [] : [toFilter(name, column)];
  });
  return [...(family.hasTest ? ['test = false'] : []), ...filters];
}

interface GroupKey {
  readonly name: string;
  readonly text: string;
}

function selectUnion(
  family: QueryTable,
  { aggregations, keys = [], conditions = [], by }: SelectSpec,
  parts: readonly TablePart[],
  time: readonly GroupKey[],
): string {
  const all = [...time, ...keys.map((name) => ({ name, text: name }))];
  const commonConditions = [...conditions, ...toConditions(family, by)];
  const branches = parts.map(({ name, where }) => {
    const isRollup = name !== family.table;
    const columns = [
      ...all.map(({ name: alias, text }) => (text === alias ? alias : `${text} AS ${alias}`)),
      ...Object.entries(aggregations).map(
        ([alias, aggregation]) =>
          `${toSqlText(isRollup ? aggregation.rollup : aggregation.rows)} AS ${alias}`,
      ),
    ];
    const rowFilter = isRollup ? [] : [toSqlText(family.rowFilter)];
    return `SELECT ${columns.join(', ')} FROM ${name} WHERE ${[where, ...commonConditions, ...rowFilter].join(' AND ')}`;
  });
  const merged = Object.entries(aggregations).map(
    ([name, { mergeWith }]) => `${toMergeSql(name, mergeWith)} AS ${name}`,
  );
  const columns = [...all.map(({ name }) => name), ...merged].join(', ');
  return `(SELECT ${columns} FROM (\n  ${branches.join('\n  UNION ALL ')}\n))`;
}

function toMergeSql(name: string, method: MergeMethod): string {
  return typeof method === 'string' ? `${method}(${name})` : `arg_max(${name}, ${method.latestBy})`;
}

/** Maximum number of names in a list. Longer lists are not useful in a browser. */
const MAX_NAMES = 5000;

/**
 * Selects the names of a dimension in the time range. Includes `(none)` if the filter can select rows without a name.
 *
 * @param by variables that limit the result
 */
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
  const rows = `(${parts.join('\n  UNION ')})`;
  return CAN_BE_EMPTY.has(dimension)
    ? `SELECT ${toName('name')} AS name FROM ${rows} ORDER BY name LIMIT ${MAX_NAMES}`
    : `SELECT name FROM ${rows} WHERE name IS NOT NULL ORDER BY name LIMIT ${MAX_NAMES}`;
}
