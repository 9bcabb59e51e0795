import type { Aggregation, MergeMethod, QueryTable } from '../../src/storage/queries/run-query.ts';
import { INTERVAL, toFilter, toSqlText, type VariableName } from './sql-text.ts';
import {
  getRangeParts,
  getSeriesParts,
  RANGE,
  type TablePart,
  type TimeBounds,
} from './table-parts.ts';

export interface SelectSpec {
  readonly figures: Readonly<Record<string, Aggregation>>;
  /** More columns to group by. */
  readonly keys?: readonly string[];
  /** Conditions on columns that rows and roll-ups share. */
  readonly conditions?: readonly string[];
  /** The variables that narrow the answer. */
  readonly by?: readonly VariableName[] | undefined;
  /** Default: the viewer's. */
  readonly range?: TimeBounds;
}

/** The usual variables; each room of a dashboard adds what its rows have beside these. */
export const TENANT_AND_SERVICE = ['organization', 'property', 'service', 'environment'] as const;

/** Figures of each bucket of `time`, as a table to select from. */
export function selectOverTime(family: QueryTable, wanted: SelectSpec): string {
  return selectUnion(family, wanted, getSeriesParts(family.table, wanted.range ?? RANGE), [
    { name: 'time', text: `timestamp_floor(${INTERVAL}, timestamp)` },
  ]);
}

/** Figures of the whole range, as a table to select from. */
export function selectOverRange(family: QueryTable, wanted: SelectSpec): string {
  return selectUnion(family, wanted, getRangeParts(family.table, wanted.range ?? RANGE), []);
}

/** Conditions that every row of an answer meets. */
export function toConditions(
  family: QueryTable,
  by: readonly VariableName[] = TENANT_AND_SERVICE,
): string[] {
  const chosen = by.flatMap((name) => {
    const column = family.columns[name];
    return column === undefined ? [] : [toFilter(name, column)];
  });
  return [...(family.hasTest ? ['test = false'] : []), ...chosen];
}

interface GroupKey {
  readonly name: string;
  readonly text: string;
}

function selectUnion(
  family: QueryTable,
  { figures, keys = [], conditions = [], by }: SelectSpec,
  parts: readonly TablePart[],
  time: readonly GroupKey[],
): string {
  const all = [...time, ...keys.map((name) => ({ name, text: name }))];
  const always = [...conditions, ...toConditions(family, by)];
  const branches = parts.map(({ name, where }) => {
    const rolled = name !== family.table;
    const columns = [
      ...all.map(({ name: alias, text }) => (text === alias ? alias : `${text} AS ${alias}`)),
      ...Object.entries(figures).map(
        ([alias, figure]) => `${toSqlText(rolled ? figure.rollup : figure.rows)} AS ${alias}`,
      ),
    ];
    const kept = rolled ? [] : [toSqlText(family.rowFilter)];
    return `SELECT ${columns.join(', ')} FROM ${name} WHERE ${[where, ...always, ...kept].join(' AND ')}`;
  });
  const sums = Object.entries(figures).map(
    ([name, { mergeWith: again }]) => `${toMergeSql(name, again)} AS ${name}`,
  );
  const columns = [...all.map(({ name }) => name), ...sums].join(', ');
  return `(SELECT ${columns} FROM (\n  ${branches.join('\n  UNION ALL ')}\n))`;
}

function toMergeSql(name: string, again: MergeMethod): string {
  return typeof again === 'string' ? `${again}(${name})` : `arg_max(${name}, ${again.latestBy})`;
}
