import pg from 'pg';
import type { ReadTarget } from '../../src/core/config/questdb-targets.ts';
import { type DashboardQuery, getDashboardQueries, readDashboards } from './dashboard-json.ts';
import { type DashboardView, expandGrafanaQuery } from './expand-grafana-query.ts';

/** The type of a column in Grafana. */
export type ColumnType = 'time' | 'number' | 'boolean' | 'string' | 'other';

/** A dashboard query and its result. */
export interface QueryResult extends DashboardQuery {
  readonly text: string;
  readonly columns: readonly string[];
  /** The types that Grafana gives the columns, in the order of the columns. */
  readonly types: readonly ColumnType[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly durationMs: number;
}

/** Type ID of timestamps in the PostgreSQL wire protocol. */
const TIMESTAMP_OID = 1114;
const TYPES_BY_OID: ReadonlyMap<number, ColumnType> = new Map<number, ColumnType>([
  [TIMESTAMP_OID, 'time'],
  ...[20, 21, 23, 700, 701].map((oid) => [oid, 'number'] as const),
  [16, 'boolean'],
  [1043, 'string'],
]);

const DASHBOARDS = readDashboards();
/** All QuestDB queries of all dashboards. */
export const DASHBOARD_QUERIES: readonly DashboardQuery[] = DASHBOARDS.flatMap(getDashboardQueries);

/** Opens a connection as the read-only user, as Grafana's data source does. */
export async function openReadOnly(target: ReadTarget): Promise<pg.Client> {
  const client = new pg.Client({ ...target, types: { getTypeParser } });
  await client.connect();
  return client;
}

/** Parses LONG as a number and timestamps as UTC. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === 20) return Number;
  if (oid === TIMESTAMP_OID) return (text: string) => new Date(`${text.replace(' ', 'T')}Z`);
  return pg.types.getTypeParser(oid, format as 'text');
}

/** Returns the statement that Grafana would send for a view. */
export function expandDashboardQuery(
  { sql, dashboard, panel }: DashboardQuery,
  view: DashboardView,
): string {
  return expandGrafanaQuery(sql, dashboard.templating.list, view, panel);
}

/**
 * Runs dashboard queries, and checks that Grafana can draw the results.
 *
 * @param dashboards IDs of the dashboards, such as `perfscope-api`. Default: all dashboards.
 * @returns the results by query name
 * @throws Error with the query's name if a result doesn't have the columns that its panel requires
 */
export async function checkDashboards(
  client: pg.Client,
  view: DashboardView,
  dashboards?: readonly string[],
): Promise<Map<string, QueryResult>> {
  const results = new Map<string, QueryResult>();
  for (const query of DASHBOARD_QUERIES) {
    const [dashboard = ''] = query.name.split(':');
    if (dashboards && !dashboards.includes(dashboard)) continue;
    results.set(query.name, await runDashboardQuery(client, query, view));
  }
  return results;
}

/** Runs one dashboard query, and checks that Grafana can draw the result. */
export async function runDashboardQuery(
  client: pg.Client,
  query: DashboardQuery,
  view: DashboardView,
): Promise<QueryResult> {
  const result = await runQuery(client, query, view);
  checkColumns(result);
  return result;
}

async function runQuery(
  client: pg.Client,
  query: DashboardQuery,
  view: DashboardView,
): Promise<QueryResult> {
  const text = expandDashboardQuery(query, view);
  const startMs = performance.now();
  try {
    const { fields, rows } = await client.query(text);
    return {
      ...query,
      text,
      rows,
      columns: fields.map(({ name }) => name),
      types: fields.map(({ dataTypeID }) => TYPES_BY_OID.get(dataTypeID) ?? 'other'),
      durationMs: performance.now() - startMs,
    };
  } catch (error) {
    throw new Error(`${query.name}: ${(error as Error).message}\n${text}`, { cause: error });
  }
}

function checkColumns(result: QueryResult): void {
  const { name, kind, columns, types, format } = result;
  const createError = (problem: string) => new Error(`${name}: ${problem} (${columns.join(', ')})`);
  if (new Set(columns).size < columns.length) throw createError('duplicate column name');
  if (kind === 'variable') {
    if (columns.length !== 1 || types[0] !== 'string')
      throw createError('a variable query must return one text column');
    return;
  }
  if (kind === 'annotation') {
    if (columns[0] !== 'time' || !columns.includes('text'))
      throw createError('an annotation query must return `time` and `text`');
  }
  if (kind === 'annotation' || format === 'time_series') checkTimeColumn(result, createError);
  if (format !== 'time_series') return;
  const texts = columns.filter((_, i) => types[i] === 'string');
  const numbers = columns.filter((_, i) => types[i] === 'number');
  // Grafana uses the text in `metric` as the line name only if it is the only text column.
  if (texts.length > 0 && (texts[0] !== 'metric' || columns.length !== 3)) {
    throw createError('the only text column must be `metric`');
  }
  if (numbers.length + texts.length + 1 !== columns.length)
    throw createError('a value column is not numeric');
}

function checkTimeColumn(
  { columns, types, rows }: QueryResult,
  createError: (problem: string) => Error,
): void {
  if (columns[0] !== 'time' || types[0] !== 'time')
    throw createError('the first column must be the timestamp `time`');
  const times = rows.map(({ time }) => (time instanceof Date ? time.getTime() : Number.NaN));
  if (times.some((ms, i) => !(ms >= (times[i - 1] ?? 0))))
    throw createError('times are not in ascending order');
}
