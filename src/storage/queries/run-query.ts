import { createError } from '../../core/errors.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import type { Row } from '../questdb/questdb-reader.ts';
import {
  fromHostTable,
  fromTable,
  identifier,
  inValues,
  joinSql,
  type Param,
  type Sql,
  sql,
} from '../sql/sql-builder.ts';
import type { Dimension, Group, Query } from './query.ts';
import { planSegments, type Segment } from './query-plan.ts';
import { getRowsRevision, type TimeRange } from './query-range.ts';
import {
  isAlignedToBuckets,
  splitAtOffsetChanges,
  toBucketRange,
  toBucketSql,
} from './query-step.ts';
import { toNumber, toText } from './row-values.ts';

/** How the parts of a figure are put together; `latestBy` names the figure that says when it was. */
export type MergeMethod = 'sum' | 'min' | 'max' | { readonly latestBy: string };

/**
 * Rows of several sources as one: those with the same keys become one row.
 *
 * @param answers each with at most one row for the same keys
 */
function mergeRows(
  answers: readonly (readonly Row[])[],
  keys: readonly string[],
  figures: Readonly<Record<string, { readonly mergeWith: MergeMethod }>>,
): readonly Row[] {
  const filled = answers.filter(({ length }) => length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  const rows = new Map<string, Row>();
  for (const row of filled.flat()) {
    const key = JSON.stringify(keys.map((name) => row[name]));
    const known = rows.get(key);
    rows.set(key, known ? mergeRowPair(known, row, figures) : row);
  }
  return [...rows.values()];
}

function mergeRowPair(a: Row, b: Row, figures: Parameters<typeof mergeRows>[2]): Row {
  const together: Record<string, unknown> = { ...a };
  for (const [name, { mergeWith: again }] of Object.entries(figures)) {
    const [one, other] = [toNumber(a[name]), toNumber(b[name])];
    if (other === undefined) continue;
    // NULL is "nothing reported", which changes nothing.
    if (one === undefined) together[name] = b[name];
    else if (again === 'sum') together[name] = one + other;
    else together[name] = shouldTakeSecond(again, a, b, one, other) ? b[name] : a[name];
  }
  return together;
}

/** Whether the value of `b` is the one to keep. */
function shouldTakeSecond(
  again: Exclude<MergeMethod, 'sum'>,
  a: Row,
  b: Row,
  one: number,
  other: number,
): boolean {
  if (again === 'min') return other < one;
  if (again === 'max') return other > one;
  return Number(b[again.latestBy]) > Number(a[again.latestBy]);
}

/** How a table answers: the same columns from its rows and from its roll-ups. */
export interface QueryTable {
  readonly table: string;
  readonly scopedBy: 'tenants' | 'hosts';
  /** Columns of the dimensions. */
  readonly columns: Readonly<Partial<Record<Dimension, string>>>;
  /** What leaves neutralised rows out; roll-ups have none. */
  readonly rowFilter: Sql;
  /** Whether rows of tests are marked. */
  readonly hasTest: boolean;
}

export interface Selection {
  /** Figures from rows, from a roll-up, and from the parts that both gave, each `AS` its name. */
  readonly aggregations: Readonly<Record<string, Aggregation>>;
  /** More keys beside the question's groups, by column. */
  readonly keys?: readonly string[];
  /** Conditions on columns that rows and roll-ups share. */
  readonly conditions?: readonly Sql[];
  /** Rows of the answer at most; with more it is refused. */
  readonly limit?: number;
}

export interface Aggregation {
  readonly rows: Sql;
  readonly rollup: Sql;
  /** What puts the parts, which have the figure's name, together. */
  readonly mergeWith: MergeMethod;
}

/** A row of the answer, with its groups and its bucket of time. */
export interface ResultRow {
  readonly group: Group;
  /** Undefined without a step. */
  readonly bucket: TimeRange | undefined;
  readonly row: Row;
}

/** Rows of an answer at most; some 300 MB of memory, were there no limit. */
const MAX_ROWS = 300_000;

/**
 * Asks a table a question: rows and roll-ups as the range allows, each in a statement of its own, at
 * the same time. What a roll-up has answered once is not asked again until it is refreshed, and rows of
 * long ranges not again within some seconds.
 *
 * @throws PS_REQUEST_TOO_LARGE
 */
export async function runQuery(
  store: QueryClient,
  family: QueryTable,
  question: Query,
  selection: Selection,
): Promise<ResultRow[]> {
  const { scope, range, step, groupBy = [] } = question;
  const { limit = MAX_ROWS } = selection;
  const stored = (await store.getCatalog()).get(family.table) ?? [];
  const segments = planSegments(
    stored,
    range,
    (unitMs) => !step || isAlignedToBuckets(step, range, unitMs),
  );
  const keys = getKeyColumns(family, question, selection);
  const answers = await Promise.all(
    [...Map.groupBy(segments, ({ name }) => name)].map(([source, some]) => {
      const state = stored.find(({ name }) => name === source)?.revision ?? getRowsRevision(range);
      return store.read(scope, buildStatement(family, question, selection, some), state);
    }),
  );
  const rows = mergeRows(answers, keys, selection.aggregations);
  if (rows.length >= limit) throw createError('PS_REQUEST_TOO_LARGE', {});
  return rows.map((row) => ({
    row,
    bucket: step && toBucketRange(row.bucket as Date, step, range),
    group: Object.fromEntries(
      groupBy.map((name) => [name, toText(row[toGroupAlias(getColumn(family, name))])]),
    ),
  }));
}

function buildStatement(
  family: QueryTable,
  question: Query,
  selection: Selection,
  segments: readonly Segment[],
): Sql {
  const { limit = MAX_ROWS } = selection;
  const { step, range } = question;
  const branches = segments.flatMap((segment) =>
    (step ? splitAtOffsetChanges(segment, step, range) : [{ ...segment, offsetMs: 0 }]).map(
      (part) => buildSegmentSelect(family, question, selection, { ...segment, ...part }),
    ),
  );
  if (branches.length === 1) return sql`${joinSql(branches, '')} LIMIT ${limit}`;
  const keys = getKeyColumns(family, question, selection).map(identifier);
  const figures = Object.entries(selection.aggregations).map(
    ([name, { mergeWith: again }]) => sql`${toMergeSql(name, again)} AS ${identifier(name)}`,
  );
  return sql`SELECT ${joinSql([...keys, ...figures], ', ')} FROM (${joinSql(branches, ' UNION ALL ')})
    ${keys.length > 0 ? sql`GROUP BY ${joinSql(keys, ', ')}` : sql``}
    LIMIT ${limit}`;
}

function toMergeSql(name: string, again: MergeMethod): Sql {
  if (typeof again === 'string') return sql`${identifier(again)}(${identifier(name)})`;
  return sql`arg_max(${identifier(name)}, ${identifier(again.latestBy)})`;
}

/** Conditions for the rows that a question's filter lets through. */
export function toFilterConditions(family: QueryTable, { filter = {} }: Query): Sql[] {
  return Object.entries(filter).flatMap(([name, values]) =>
    values === undefined
      ? []
      : [inValues(getColumn(family, name as Dimension), values as readonly Param[])],
  );
}

function getKeyColumns(
  family: QueryTable,
  { groupBy = [], step }: Query,
  { keys = [] }: Selection,
) {
  const groups = getGroupColumns(family, groupBy).map(toGroupAlias);
  return [...groups, ...keys, ...(step ? ['bucket'] : [])];
}

/** Two dimensions may be one column, which QuestDB wants to be named once. */
function getGroupColumns(family: QueryTable, groupBy: readonly Dimension[]): string[] {
  return [...new Set(groupBy.map((name) => getColumn(family, name)))];
}

function getColumn(family: QueryTable, name: Dimension): string {
  const column = family.columns[name];
  if (column !== undefined) return column;
  throw createError('PS_REQUEST_INVALID', { reason: `there is no ${name} here` });
}

/** Apart from the figures' own names. */
function toGroupAlias(column: string): string {
  return `by_${column}`;
}

function buildSegmentSelect(
  family: QueryTable,
  question: Query,
  selection: Selection,
  segment: Segment & { offsetMs: number },
): Sql {
  const { groupBy = [], step, includeTest = false } = question;
  const isRows = segment.unitMs === 0;
  const columns = [
    ...getGroupColumns(family, groupBy).map(
      (column) => sql`${identifier(column)} AS ${identifier(toGroupAlias(column))}`,
    ),
    ...(selection.keys ?? []).map(identifier),
    ...(step ? [sql`${toBucketSql(step, segment.offsetMs)} AS bucket`] : []),
    ...Object.entries(selection.aggregations).map(
      ([name, figure]) => sql`${isRows ? figure.rows : figure.rollup} AS ${identifier(name)}`,
    ),
  ];
  const source =
    family.scopedBy === 'hosts' ? fromHostTable(segment.name) : fromTable(segment.name);
  const conditions = [
    sql`timestamp >= ${new Date(segment.fromMs)}`,
    sql`timestamp < ${new Date(segment.toMs)}`,
    ...(isRows ? [family.rowFilter] : []),
    ...(family.hasTest && !includeTest ? [sql`test = false`] : []),
    ...toFilterConditions(family, question),
    ...(selection.conditions ?? []),
  ];
  const keys = getKeyColumns(family, question, selection);
  return sql`SELECT ${joinSql(columns, ', ')} ${source} AND ${joinSql(conditions, ' AND ')}
    ${keys.length > 0 ? sql`GROUP BY ${joinSql(keys.map(identifier), ', ')}` : sql``}`;
}
