import { exec } from '../../src/questdb/exec.ts';
import { type AnyRow, type Table, toSnakeCase } from '../../src/schema/column.ts';
import { createStateTable } from '../../src/schema/ddl.ts';
import { metricBuckets } from '../../src/schema/metric-buckets.ts';
import { performanceMetrics } from '../../src/schema/performance-metrics.ts';
import { Encoder } from '../../src/write/encode.ts';
import type { ForeignQuestdb } from '../../test/support/questdb.ts';
import { until } from '../../test/support/until.ts';
import { CYCLE_MS, CYCLE_SQL, type Cycle, cycleRows, phaseMs } from './cycles.ts';
import { healthSql, jobsSql, type Steps, stepsSql } from './others.ts';
import { SERVICES } from './series.ts';

const WITHIN_MS = 120_000;
/** Rows of one statement stay in QuestDB's memory until they are committed. */
const A_STATEMENT_CYCLES = 120;

/** A copy of a table for the rows of all cycles, from which the history is made inside QuestDB. */
const templateOf = (table: Table): Table => ({
  name: `template_${table.name}`,
  columns: { ...table.columns, cycle: 'long', series: 'long' },
  dedupKeys: [...table.dedupKeys, 'cycle'],
});

const KEPT = [performanceMetrics, metricBuckets] as const;

/** Gives QuestDB the rows of all cycles, as the exporter makes them. */
export async function writeTemplates(
  questdb: ForeignQuestdb,
  cycles: readonly Cycle[],
): Promise<void> {
  const encoder = new Encoder();
  const templates = KEPT.map(templateOf);
  for (const template of templates) await exec(questdb.target, createStateTable(template));
  for (const [cycle, made] of cycles.entries()) {
    const rows: [AnyRow[], AnyRow[]] = [[], []];
    for (let service = 0; service < SERVICES; service++) {
      const { metrics, buckets } = cycleRows(made, service, phaseMs(service));
      const seriesOf = new Map(metrics.map((row, i) => [row.id, 1000 * service + i]));
      const pointOf = new Map<number | undefined, number>();
      for (const row of buckets) {
        if (!pointOf.has(row.point)) pointOf.set(row.point, 1000 * service + pointOf.size);
      }
      rows[0].push(...metrics.map((row) => ({ ...row, cycle, series: seriesOf.get(row.id) })));
      rows[1].push(...buckets.map((row) => ({ ...row, cycle, series: pointOf.get(row.point) })));
    }
    for (const [i, template] of templates.entries()) {
      await post(questdb, encoder.encode(template, rows[i]!));
    }
  }
  await applied(questdb);
}

async function post({ target }: ForeignQuestdb, lines: Buffer): Promise<void> {
  const response = await fetch(`${target.url}/write?precision=n`, {
    method: 'POST',
    body: new Uint8Array(lines),
    headers: { authorization: target.authorization },
  });
  if (!response.ok) throw new Error(await response.text());
}

/** Fills a range of time: each service's cycles at their phase, every `everyMs`. */
export async function fill(
  questdb: ForeignQuestdb,
  fromMs: number,
  toMs: number,
  everyMs: number = CYCLE_MS,
): Promise<void> {
  const end = Math.ceil(toMs / everyMs);
  for (let at = Math.floor(fromMs / everyMs); at < end; at += A_STATEMENT_CYCLES) {
    const steps = { at, count: Math.min(A_STATEMENT_CYCLES, end - at), everyMs };
    for (const table of KEPT)
      await exec(questdb.target, insertSql(table, steps, fromMs, toMs), WITHIN_MS);
  }
}

/** The same for health rows and for the jobs of queues. */
export async function fillOthers(
  questdb: ForeignQuestdb,
  fromMs: number,
  toMs: number,
  everyMs: number = CYCLE_MS,
): Promise<void> {
  const at = Math.ceil(fromMs / everyMs);
  const steps = { at, count: Math.ceil(toMs / everyMs) - at, everyMs };
  await exec(questdb.target, healthSql(steps), WITHIN_MS);
  await exec(questdb.target, jobsSql(steps), WITHIN_MS);
}

/** What the exporter's hashes are, is here a number that differs for each series and step. */
function insertSql(table: Table, steps: Steps, fromMs: number, toMs: number): string {
  const columns = Object.keys(table.columns);
  const made: Record<string, string> = {
    id: 'left(sha1((series * 100000000 + step)::string), 24)',
    point: '((series * 100000000 + step) * 2654435761) & 4503599627370495',
  };
  const micros = '(s.ts::long + t.timestamp::long)';
  return `INSERT INTO ${table.name} (timestamp, ${columns.map(toSnakeCase).join(', ')})
    SELECT ${micros}::timestamp,
      ${columns.map((name) => made[name] ?? `t.${toSnakeCase(name)}`).join(', ')}
    FROM (SELECT step, ts, ${CYCLE_SQL('step', 'ts')} cycle FROM ${stepsSql(steps)}) s
    JOIN ${templateOf(table).name} t ON s.cycle = t.cycle
    WHERE ${micros} >= ${fromMs * 1000} AND ${micros} < ${toMs * 1000}`;
}

/** Waits until all that was written can be read. */
export async function applied(questdb: ForeignQuestdb): Promise<void> {
  await until(async () => {
    const waiting = await questdb.sql(
      'SELECT name FROM wal_tables() WHERE writerTxn < sequencerTxn OR suspended',
    );
    return waiting.length === 0;
  }, 600_000);
}
