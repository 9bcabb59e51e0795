import pg from 'pg';
import type { ReadTarget } from '../../src/config/target.ts';
import { expanded, type View } from './grafana.ts';
import { dashboardsJson, type Query, queriesOf } from './grafana-json.ts';

/** What a query of a dashboard gave. */
export interface Answered extends Query {
  readonly text: string;
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly tookMs: number;
}

/** Types of the Postgres wire. */
const TIMESTAMP = 1114;
const NUMBERS = new Set([20, 21, 23, 700, 701]);
const TEXT = 1043;

const DASHBOARDS = dashboardsJson();
/** Everything that all dashboards ask QuestDB. */
export const QUERIES: readonly Query[] = DASHBOARDS.flatMap(queriesOf);

/** A connection as Grafana's data source has one: of the user that may only read. */
export async function openReadOnly(target: ReadTarget): Promise<pg.Client> {
  const client = new pg.Client({ ...target, types: { getTypeParser } });
  await client.connect();
  return client;
}

/** LONG is a number, and timestamps are UTC. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === 20) return Number;
  if (oid === TIMESTAMP) return (text: string) => new Date(`${text.replace(' ', 'T')}Z`);
  return pg.types.getTypeParser(oid, format as 'text');
}

/** The statement that Grafana would send for what a viewer sees. */
export function textOf({ sql, dashboard, panel }: Query, view: View): string {
  return expanded(sql, dashboard.templating.list, view, panel);
}

/**
 * Asks everything that the dashboards ask, and checks that Grafana can draw the answers.
 *
 * @returns the answers by the queries' names
 * @throws with the query's name when an answer has not the form that its panel needs
 */
export async function checkDashboards(
  client: pg.Client,
  view: View,
): Promise<Map<string, Answered>> {
  const answers = new Map<string, Answered>();
  for (const query of QUERIES) {
    const answer = await asked(client, query, view);
    checkForm(answer);
    answers.set(query.name, answer.answered);
  }
  return answers;
}

async function asked(client: pg.Client, query: Query, view: View) {
  const text = textOf(query, view);
  const startMs = performance.now();
  try {
    const { fields, rows } = await client.query(text);
    const answered: Answered = {
      ...query,
      text,
      rows,
      columns: fields.map(({ name }) => name),
      tookMs: performance.now() - startMs,
    };
    return { answered, types: fields.map(({ dataTypeID }) => dataTypeID) };
  } catch (error) {
    throw new Error(`${query.name}: ${(error as Error).message}\n${text}`, { cause: error });
  }
}

function checkForm({ answered, types }: Awaited<ReturnType<typeof asked>>): void {
  const { name, kind, columns, format } = answered;
  const wrong = (what: string) => new Error(`${name}: ${what} (${columns.join(', ')})`);
  if (new Set(columns).size < columns.length) throw wrong('two columns have one name');
  if (kind === 'variable') {
    if (columns.length !== 1 || types[0] !== TEXT) throw wrong('a variable is one column of text');
    return;
  }
  if (kind === 'annotation') {
    if (columns[0] !== 'time' || !columns.includes('text'))
      throw wrong('a mark needs a time and a text');
  }
  if (kind === 'annotation' || format === 'time_series') checkTime(answered, types, wrong);
  if (format !== 'time_series') return;
  const texts = columns.filter((_, i) => types[i] === TEXT);
  const numbers = columns.filter((_, i) => NUMBERS.has(types[i] ?? 0));
  // Only then Grafana names lines by what is in `metric`, and not by all columns together.
  if (texts.length > 0 && (texts[0] !== 'metric' || columns.length !== 3)) {
    throw wrong('lines are named by one column `metric`');
  }
  if (numbers.length + texts.length + 1 !== columns.length) throw wrong('a value is no number');
}

function checkTime(
  { columns, rows }: Answered,
  types: readonly number[],
  wrong: (what: string) => Error,
): void {
  if (columns[0] !== 'time' || types[0] !== TIMESTAMP) throw wrong('the first column is no `time`');
  const times = rows.map(({ time }) => (time instanceof Date ? time.getTime() : Number.NaN));
  if (times.some((ms, i) => !(ms >= (times[i - 1] ?? 0)))) throw wrong('time does not ascend');
}
