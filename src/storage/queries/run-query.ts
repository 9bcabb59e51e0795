import { createError } from '../../core/perfscope-error.ts';
import { hasRollupColumn } from '../../core/schema/rollup-history.ts';
import type { ColumnBuffers, ColumnRows } from '../questdb/column-rows.ts';
import type { Row } from '../questdb/postgres-wire-reader.ts';
import type { QueryClient, ScanClient } from '../questdb/query-client.ts';
import {
  fromHostTable,
  fromTable,
  identifier,
  includesNone,
  joinSql,
  matchesNames,
  type Param,
  type Sql,
  sql,
} from '../sql/sql-builder.ts';
import { type MergeMethod, mergeRows } from './merge-rows.ts';
import type { Dimension, Group, Query } from './query-definition.ts';
import { planSegments, type Segment } from './rollup-selection.ts';
import { toText } from './row-values.ts';
import {
  isAlignedToBuckets,
  type Step,
  splitAtOffsetChanges,
  toBucketRange,
  toBucketSql,
} from './time-buckets.ts';
import { getRowsRevision, type TimeRange } from './time-range.ts';

/** A table with roll-ups that have the same columns for dimensions. */
export interface QueryTable {
  readonly table: string;
  readonly scopedBy: 'tenants' | 'hosts';
  /** Columns of the dimensions. */
  readonly columns: Readonly<Partial<Record<Dimension, string>>>;
  /**
   * Condition that excludes rows that the cleanup of test data invalidated. Roll-ups contain no
   * such rows.
   */
  readonly rowFilter: Sql;
  /** Whether the table has a `test` column, which marks test data. */
  readonly hasTest: boolean;
}

export interface Selection {
  /** Aggregations by name. The name is also the column of the result. */
  readonly aggregations: Readonly<Record<string, Aggregation>>;
  /** Columns with numbers to group by, in addition to the dimensions of the query. Or with texts, except in scans. */
  readonly keys?: readonly string[];
  /** Columns with texts to group by, in addition to the dimensions of the query. They come before `keys`. */
  readonly textKeys?: readonly string[];
  /** Conditions on columns that rows and all versions of the roll-ups have. */
  readonly conditions?: readonly Sql[];
  /** Maximum number of result rows. If there are more, the query is rejected. */
  readonly limit?: number;
}

/** One aggregation, for rows and for roll-ups. */
export interface Aggregation {
  readonly rows: Sql;
  readonly rollup: Sql;
  /**
   * The column of the roll-up. Required for columns that a newer version added: the result is then NULL for
   * roll-ups without the column.
   */
  readonly column?: string;
  /** How to merge the partial results of segments. */
  readonly mergeWith: MergeMethod;
}

/** A result row with its group and time bucket. */
export interface ResultRow {
  readonly group: Group;
  /** `undefined` if the query has no step. */
  readonly bucket: TimeRange | undefined;
  readonly row: Row;
}

/** Default maximum number of result rows. They take about 300 MB. */
const MAX_ROWS = 300_000;

/**
 * Runs a query against a table. Reads rows and roll-ups in parallel, with one statement for each.
 * Results from a roll-up are cached until its next refresh, and results from rows of long ranges
 * for 5 s.
 *
 * @throws PS_REQUEST_TOO_LARGE if there are more result rows than the limit
 */
export async function runQuery(
  queryClient: QueryClient,
  queryTable: QueryTable,
  query: Query,
  selection: Selection,
): Promise<ResultRow[]> {
  const { range, step, groupBy = [] } = query;
  const rows = await runRowQuery(queryClient, queryTable, query, selection);
  const columns = groupBy.map((name) => [name, toGroupColumn(queryTable, name)] as const);
  // Time zones are slow, and many rows have the same bucket.
  const buckets = new Map<number, TimeRange>();
  const toBucket = (at: Date, ofStep: Step) => {
    const known = buckets.get(at.getTime());
    if (known) return known;
    const bucket = toBucketRange(at, ofStep, range);
    buckets.set(at.getTime(), bucket);
    return bucket;
  };
  return rows.map((row) => {
    const group: Record<string, string | undefined> = {};
    for (const [name, column] of columns) group[name] = toText(row[column]);
    return { row, bucket: step && toBucket(row.bucket as Date, step), group };
  });
}

/** Returns the column of a dimension in the result of {@link runRowQuery}. */
export function toGroupColumn(queryTable: QueryTable, name: Dimension): string {
  return toGroupAlias(getColumn(queryTable, name));
}

/**
 * Same as {@link runQuery}, but returns the rows as QuestDB sends them, because millions of objects for
 * groups take too long. With a step, the column `bucket` is the local start of the time bucket.
 *
 * @throws PS_REQUEST_TOO_LARGE if there are more result rows than the limit
 */
export async function runRowQuery(
  queryClient: QueryClient,
  queryTable: QueryTable,
  query: Query,
  selection: Selection,
): Promise<readonly Row[]> {
  const keys = getKeyColumns(queryTable, query, selection);
  const statements = await planStatements(queryClient, queryTable, query, selection);
  const partialResults = await Promise.all(
    statements.map(({ statement, revision }) => queryClient.read(query.scope, statement, revision)),
  );
  const rows = mergeRows(partialResults, keys, selection.aggregations);
  if (rows.length >= (selection.limit ?? MAX_ROWS)) throw createError('PS_REQUEST_TOO_LARGE', {});
  return rows;
}

/** A statement that reads one table or roll-up. */
interface PlannedStatement {
  readonly statement: Sql;
  /** Revision of the data, for caches. */
  readonly revision: string | undefined;
}

/** Returns the statements that read a range: one for the rows, and one for each roll-up. */
async function planStatements(
  queryClient: QueryClient,
  queryTable: QueryTable,
  query: Query,
  selection: Selection,
): Promise<PlannedStatement[]> {
  const { range, step } = query;
  const stored = (await queryClient.getCatalog()).get(queryTable.table) ?? [];
  const segments = planSegments(
    stored,
    range,
    (unitMs) => !step || isAlignedToBuckets(step, range, unitMs),
  );
  const sources = stored.flatMap((table) => [table, ...(table.histories ?? [])]);
  return [...Map.groupBy(segments, ({ name }) => name)].map(([source, sourceSegments]) => ({
    statement: buildStatement(queryTable, query, selection, sourceSegments),
    revision: sources.find(({ name }) => name === source)?.revision ?? getRowsRevision(range),
  }));
}

/**
 * Same as {@link runRowQuery}, but returns columns of numbers, which takes a fraction of the time and memory. The
 * columns are the additional keys, the time bucket, and the aggregations. Each row has the texts of the
 * dimensions and of `textKeys`.
 *
 * @returns the partial results of each table or roll-up. Rows with the same keys and time must be merged.
 * @throws PS_REQUEST_TOO_LARGE if there are more result rows than the limit
 */
export async function scanQuery(
  client: ScanClient,
  queryTable: QueryTable,
  query: Query,
  selection: Selection,
  buffers?: ColumnBuffers,
): Promise<ColumnRows[]> {
  const groupColumns = getGroupColumns(queryTable, query.groupBy ?? []);
  const keyCount = groupColumns.length + (selection.textKeys ?? []).length;
  const statements = await planStatements(client, queryTable, query, selection);
  const results = await Promise.all(
    statements.map(({ statement }) => client.scan(query.scope, statement, keyCount, buffers)),
  );
  const { limit = MAX_ROWS } = selection;
  if (results.some(({ length }) => length >= limit)) throw createError('PS_REQUEST_TOO_LARGE', {});
  return results;
}

/**
 * Returns the conditions for the filter of a query.
 *
 * @param isMissing returns whether the source doesn't have a column. Only `(none)` then matches its rows.
 */
export function toFilterConditions(
  queryTable: QueryTable,
  { filter = {} }: Query,
  isMissing: (column: string) => boolean = () => false,
): Sql[] {
  return Object.entries(filter).flatMap(([name, values]) => {
    if (values === undefined) return [];
    const column = getColumn(queryTable, name as Dimension);
    const names = values as readonly Param[];
    if (isMissing(column)) return includesNone(names) ? [] : [NO_ROWS];
    return [matchesNames(column, names)];
  });
}

/** Replacements for columns that older roll-ups don't have. */
const NO_NAME = sql`cast(NULL AS SYMBOL)`;
const NO_VALUE = sql`sum(cast(NULL AS DOUBLE))`;
const NO_ROWS = sql`timestamp < 0::timestamp`;

/** Builds the statement that reads all segments of one table or roll-up. */
function buildStatement(
  queryTable: QueryTable,
  query: Query,
  selection: Selection,
  segments: readonly Segment[],
): Sql {
  const { limit = MAX_ROWS } = selection;
  const { step, range } = query;
  const selects = segments.flatMap((segment) =>
    (step ? splitAtOffsetChanges(segment, step, range) : [{ ...segment, offsetMs: 0 }]).map(
      (part) => buildSegmentSelect(queryTable, query, selection, { ...segment, ...part }),
    ),
  );
  if (selects.length === 1) return sql`${joinSql(selects, '')} LIMIT ${limit}`;
  const keys = getKeyColumns(queryTable, query, selection).map(identifier);
  const aggregations = Object.entries(selection.aggregations).map(
    ([name, { mergeWith }]) => sql`${toMergeSql(name, mergeWith)} AS ${identifier(name)}`,
  );
  return sql`SELECT ${joinSql([...keys, ...aggregations], ', ')} FROM (${joinSql(selects, ' UNION ALL ')})
    ${keys.length > 0 ? sql`GROUP BY ${joinSql(keys, ', ')}` : sql``}
    LIMIT ${limit}`;
}

function toMergeSql(name: string, method: MergeMethod): Sql {
  if (typeof method === 'string') return sql`${identifier(method)}(${identifier(name)})`;
  return sql`arg_max(${identifier(name)}, ${identifier(method.latestBy)})`;
}

function buildSegmentSelect(
  queryTable: QueryTable,
  query: Query,
  selection: Selection,
  segment: Segment & { offsetMs: number },
): Sql {
  const { groupBy = [], step, includeTest = false } = query;
  const isRows = segment.unitMs === 0;
  const isMissing = (column: string) => !isRows && !hasRollupColumn(segment.name, column);
  const columns = [
    ...getGroupColumns(queryTable, groupBy).map(
      (column) =>
        sql`${isMissing(column) ? NO_NAME : identifier(column)} AS ${identifier(toGroupAlias(column))}`,
    ),
    ...listOtherKeys(selection).map(identifier),
    ...(step ? [sql`${toBucketSql(step, segment.offsetMs)} AS bucket`] : []),
    ...Object.entries(selection.aggregations).map(([name, { rows, rollup, column }]) => {
      const isUnknown = column !== undefined && isMissing(column);
      const aggregation = isRows ? rows : isUnknown ? NO_VALUE : rollup;
      return sql`${aggregation} AS ${identifier(name)}`;
    }),
  ];
  const source =
    queryTable.scopedBy === 'hosts' ? fromHostTable(segment.name) : fromTable(segment.name);
  const conditions = [
    sql`timestamp >= ${new Date(segment.fromMs)}`,
    sql`timestamp < ${new Date(segment.toMs)}`,
    ...(isRows ? [queryTable.rowFilter] : []),
    ...(queryTable.hasTest && !includeTest ? [sql`test = false`] : []),
    ...toFilterConditions(queryTable, query, isMissing),
    ...(selection.conditions ?? []),
  ];
  const keys = getKeyColumns(queryTable, query, selection);
  return sql`SELECT ${joinSql(columns, ', ')} ${source} AND ${joinSql(conditions, ' AND ')}
    ${keys.length > 0 ? sql`GROUP BY ${joinSql(keys.map(identifier), ', ')}` : sql``}`;
}

function getKeyColumns(
  queryTable: QueryTable,
  { groupBy = [], step }: Query,
  selection: Selection,
) {
  const groups = getGroupColumns(queryTable, groupBy).map(toGroupAlias);
  return [...groups, ...listOtherKeys(selection), ...(step ? ['bucket'] : [])];
}

function listOtherKeys({ textKeys = [], keys = [] }: Selection): string[] {
  return [...textKeys, ...keys];
}

/** Returns the columns of dimensions without duplicates: two dimensions can use the same column. */
function getGroupColumns(queryTable: QueryTable, groupBy: readonly Dimension[]): string[] {
  return [...new Set(groupBy.map((name) => getColumn(queryTable, name)))];
}

function getColumn(queryTable: QueryTable, name: Dimension): string {
  const column = queryTable.columns[name];
  if (column !== undefined) return column;
  throw createError('PS_REQUEST_INVALID', { reason: `${name} is not available for this data` });
}

/** Adds a prefix, so that group columns don't have the same names as aggregations. */
function toGroupAlias(column: string): string {
  return `by_${column}`;
}
