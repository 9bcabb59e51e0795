import { coded } from '../errors.ts';
import type { Row } from '../questdb/reader.ts';
import {
  from,
  fromHosts,
  identifier,
  isOneOf,
  joined,
  type Param,
  type Sql,
  sql,
} from '../questdb/statement.ts';
import type { Dimension, Group } from './dimensions.ts';
import { stateOfRows } from './freshness.ts';
import { type Again, merged } from './merge.ts';
import { plan, type Segment } from './plan.ts';
import type { Question } from './question.ts';
import type { Range } from './range.ts';
import { textOf } from './row.ts';
import { bucketOf, fitsInto, parts, spanOf } from './step.ts';
import type { Store } from './store.ts';

/** How a table answers: the same columns from its rows and from its roll-ups. */
export interface Family {
  readonly table: string;
  readonly of: 'tenants' | 'hosts';
  /** Columns of the dimensions. */
  readonly columns: Readonly<Partial<Record<Dimension, string>>>;
  /** What leaves neutralised rows out; roll-ups have none. */
  readonly where: Sql;
  /** Whether rows of tests are marked. */
  readonly hasTest: boolean;
}

export interface Selection {
  /** Figures from rows, from a roll-up, and from the parts that both gave, each `AS` its name. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** More keys beside the question's groups, by column. */
  readonly keys?: readonly string[];
  /** Conditions on columns that rows and roll-ups share. */
  readonly conditions?: readonly Sql[];
  /** Rows of the answer at most; with more it is refused. */
  readonly limit?: number;
}

export interface Figure {
  readonly rows: Sql;
  readonly rollup: Sql;
  /** What puts the parts, which have the figure's name, together. */
  readonly again: Again;
}

/** A row of the answer, with its groups and its bucket of time. */
export interface Answer {
  readonly group: Group;
  /** Undefined without a step. */
  readonly span: Range | undefined;
  readonly row: Row;
}

/** Rows of an answer at most; some 300 MB of memory, were there no limit. */
const MOST_ROWS = 300_000;

/**
 * Asks a table a question: rows and roll-ups as the range allows, each in a statement of its own, at
 * the same time. What a roll-up has answered once is not asked again until it is refreshed, and rows of
 * long ranges not again within some seconds.
 *
 * @throws PS_REQUEST_TOO_LARGE
 */
export async function select(
  store: Store,
  family: Family,
  question: Question,
  selection: Selection,
): Promise<Answer[]> {
  const { scope, range, step, groupBy = [] } = question;
  const { limit = MOST_ROWS } = selection;
  const stored = (await store.catalog()).get(family.table) ?? [];
  const segments = plan(stored, range, (unitMs) => !step || fitsInto(step, range, unitMs));
  const keys = keysOf(family, question, selection);
  const answers = await Promise.all(
    [...Map.groupBy(segments, ({ name }) => name)].map(([source, some]) => {
      const state = stored.find(({ name }) => name === source)?.state ?? stateOfRows(range);
      return store.read(scope, statementOf(family, question, selection, some), state);
    }),
  );
  const rows = merged(answers, keys, selection.figures);
  if (rows.length >= limit) throw coded('PS_REQUEST_TOO_LARGE', {});
  return rows.map((row) => ({
    row,
    span: step && spanOf(row.bucket as Date, step, range),
    group: Object.fromEntries(
      groupBy.map((name) => [name, textOf(row[aliasOf(columnOf(family, name))])]),
    ),
  }));
}

function statementOf(
  family: Family,
  question: Question,
  selection: Selection,
  segments: readonly Segment[],
): Sql {
  const { limit = MOST_ROWS } = selection;
  const { step, range } = question;
  const branches = segments.flatMap((segment) =>
    (step ? parts(segment, step, range) : [{ ...segment, offsetMs: 0 }]).map((part) =>
      branch(family, question, selection, { ...segment, ...part }),
    ),
  );
  if (branches.length === 1) return sql`${joined(branches, '')} LIMIT ${limit}`;
  const keys = keysOf(family, question, selection).map(identifier);
  const figures = Object.entries(selection.figures).map(
    ([name, { again }]) => sql`${againOf(name, again)} AS ${identifier(name)}`,
  );
  return sql`SELECT ${joined([...keys, ...figures], ', ')} FROM (${joined(branches, ' UNION ALL ')})
    ${keys.length > 0 ? sql`GROUP BY ${joined(keys, ', ')}` : sql``}
    LIMIT ${limit}`;
}

function againOf(name: string, again: Again): Sql {
  if (typeof again === 'string') return sql`${identifier(again)}(${identifier(name)})`;
  return sql`arg_max(${identifier(name)}, ${identifier(again.latestBy)})`;
}

/** Conditions for the rows that a question's filter lets through. */
export function filtersOf(family: Family, { filter = {} }: Question): Sql[] {
  return Object.entries(filter).flatMap(([name, values]) =>
    values === undefined
      ? []
      : [isOneOf(columnOf(family, name as Dimension), values as readonly Param[])],
  );
}

function keysOf(family: Family, { groupBy = [], step }: Question, { keys = [] }: Selection) {
  const groups = columnsOf(family, groupBy).map(aliasOf);
  return [...groups, ...keys, ...(step ? ['bucket'] : [])];
}

/** Two dimensions may be one column, which QuestDB wants to be named once. */
function columnsOf(family: Family, groupBy: readonly Dimension[]): string[] {
  return [...new Set(groupBy.map((name) => columnOf(family, name)))];
}

function columnOf(family: Family, name: Dimension): string {
  const column = family.columns[name];
  if (column !== undefined) return column;
  throw coded('PS_REQUEST_INVALID', { reason: `there is no ${name} here` });
}

/** Apart from the figures' own names. */
function aliasOf(column: string): string {
  return `by_${column}`;
}

function branch(
  family: Family,
  question: Question,
  selection: Selection,
  segment: Segment & { offsetMs: number },
): Sql {
  const { groupBy = [], step, includeTest = false } = question;
  const isRows = segment.unitMs === 0;
  const columns = [
    ...columnsOf(family, groupBy).map(
      (column) => sql`${identifier(column)} AS ${identifier(aliasOf(column))}`,
    ),
    ...(selection.keys ?? []).map(identifier),
    ...(step ? [sql`${bucketOf(step, segment.offsetMs)} AS bucket`] : []),
    ...Object.entries(selection.figures).map(
      ([name, figure]) => sql`${isRows ? figure.rows : figure.rollup} AS ${identifier(name)}`,
    ),
  ];
  const source = family.of === 'hosts' ? fromHosts(segment.name) : from(segment.name);
  const conditions = [
    sql`timestamp >= ${new Date(segment.fromMs)}`,
    sql`timestamp < ${new Date(segment.toMs)}`,
    ...(isRows ? [family.where] : []),
    ...(family.hasTest && !includeTest ? [sql`test = false`] : []),
    ...filtersOf(family, question),
    ...(selection.conditions ?? []),
  ];
  const keys = keysOf(family, question, selection);
  return sql`SELECT ${joined(columns, ', ')} ${source} AND ${joined(conditions, ' AND ')}
    ${keys.length > 0 ? sql`GROUP BY ${joined(keys.map(identifier), ', ')}` : sql``}`;
}
