import pg from 'pg';
import type { ReadTarget } from '../../src/core/config/questdb-targets.ts';
import { type DashboardQuery, getDashboardQueries, readDashboards } from './dashboard-json.ts';
import { type DashboardView, expandGrafanaQuery } from './expand-grafana-query.ts';

/** What a query of a dashboard gave. */
export interface QueryResult extends DashboardQuery {
  readonly text: string;
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly durationMs: number;
}

/** Types of the Postgres wire. */
const TIMESTAMP_OID = 1114;
const NUMBER_OIDS = new Set([20, 21, 23, 700, 701]);
const TEXT_OID = 1043;

const DASHBOARDS = readDashboards();
/** Everything that all dashboards ask QuestDB. */
export const DASHBOARD_QUERIES: readonly DashboardQuery[] = DASHBOARDS.flatMap(getDashboardQueries);

/** A connection as Grafana's data source has one: of the user that may only read. */
export async function openReadOnly(target: ReadTarget): Promise<pg.Client> {
  const client = new pg.Client({ ...target, types: { getTypeParser } });
  await client.connect();
  return client;
}

/** LONG is a number, and timestamps are UTC. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === 20) return Number;
  if (oid === TIMESTAMP_OID) return (text: string) => new Date(`${text.replace(' ', 'T')}Z`);
  return pg.types.getTypeParser(oid, format as 'text');
}

/** The statement that Grafana would send for what a viewer sees. */
export function expandDashboardQuery(
  { sql, dashboard, panel }: DashboardQuery,
  view: DashboardView,
): string {
  return expandGrafanaQuery(sql, dashboard.templating.list, view, panel);
}

/**
 * Asks everything that the dashboards ask, and checks that Grafana can draw the answers.
 *
 * @returns the answers by the queries' names
 * @throws with the query's name when an answer has not the form that its panel needs
 */
export async function checkDashboards(
  client: pg.Client,
  view: DashboardView,
): Promise<Map<string, QueryResult>> {
  const answers = new Map<string, QueryResult>();
  for (const query of DASHBOARD_QUERIES) {
    const answer = await runQuery(client, query, view);
    checkResultShape(answer);
    answers.set(query.name, answer.answered);
  }
  return answers;
}

async function runQuery(client: pg.Client, query: DashboardQuery, view: DashboardView) {
  const text = expandDashboardQuery(query, view);
  const startMs = performance.now();
  try {
    const { fields, rows } = await client.query(text);
    const answered: QueryResult = {
      ...query,
      text,
      rows,
      columns: fields.map(({ name }) => name),
      durationMs: performance.now() - startMs,
    };
    return { answered, types: fields.map(({ dataTypeID }) => dataTypeID) };
  } catch (error) {
    throw new Error(`${query.name}: ${(error as Error).message}\n${text}`, { cause: error });
  }
}

function checkResultShape({ answered, types }: Awaited<ReturnType<typeof runQuery>>): void {
  const { name, kind, columns, format } = answered;
  const wrong = (what: string) => new Error(`${name}: ${what} (${columns.join(', ')})`);
  if (new Set(columns).size < columns.length) throw wrong('two columns have one name');
  if (kind === 'variable') {
    if (columns.length !== 1 || types[0] !== TEXT_OID)
      throw wrong('a variable is one column of text');
    return;
  }
  if (kind === 'annotation') {
    if (columns[0] !== 'time' || !columns.includes('text'))
      throw wrong('a mark needs a time and a text');
  }
  if (kind === 'annotation' || format === 'time_series') checkTimeColumn(answered, types, wrong);
  if (format !== 'time_series') return;
  const texts = columns.filter((_, i) => types[i] === TEXT_OID);
  const numbers = columns.filter((_, i) => NUMBER_OIDS.has(types[i] ?? 0));
  // Only then Grafana names lines by what is in `metric`, and not by all columns together.
  if (texts.length > 0 && (texts[0] !== 'metric' || columns.length !== 3)) {
    throw wrong('lines are named by one column `metric`');
  }
  if (numbers.length + texts.length + 1 !== columns.length) throw wrong('a value is no number');
}

function checkTimeColumn(
  { columns, rows }: QueryResult,
  types: readonly number[],
  wrong: (what: string) => Error,
): void {
  if (columns[0] !== 'time' || types[0] !== TIMESTAMP_OID)
    throw wrong('the first column is no `time`');
  const times = rows.map(({ time }) => (time instanceof Date ? time.getTime() : Number.NaN));
  if (times.some((ms, i) => !(ms >= (times[i - 1] ?? 0)))) throw wrong('time does not ascend');
}
