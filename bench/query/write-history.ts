import {
  type AnyRow,
  buildCreateStateTableSql,
  type Table,
  toSnakeCase,
} from '../../src/core/schema/table-definition.ts';
import { metricBucketsTable } from '../../src/core/schema/tables/metric-buckets-table.ts';
import { performanceMetricsTable } from '../../src/core/schema/tables/performance-metrics-table.ts';
import { execSql } from '../../src/storage/questdb/exec-sql-http.ts';
import { LineProtocolEncoder } from '../../src/storage/write/line-protocol-encoder.ts';
import type { ExternalQuestdb } from '../../test/support/external-questdb.ts';
import { waitForWal } from '../../test/support/wait-for-rollups.ts';
import { CYCLE_MS, type Cycle, getPhaseMs, toCycleRows, toCycleSql } from './export-cycles.ts';
import { type Steps, toHealthSql, toJobsSql, toStepsSql } from './job-and-health-sql.ts';
import { SERVICE_COUNT } from './metric-series.ts';

const STATEMENT_TIMEOUT_MS = 120_000;
export const WAL_TIMEOUT_MS = 600_000;
/** Limits the rows per statement, because QuestDB keeps them in memory until the commit. */
const CYCLES_PER_STATEMENT = 120;

/** Returns a table for the rows of all cycles. QuestDB creates the history from it with INSERT … SELECT. */
const toTemplateTable = (table: Table): Table => ({
  name: `template_${table.name}`,
  columns: { ...table.columns, cycle: 'long', series: 'long' },
  dedupKeys: [...table.dedupKeys, 'cycle'],
});

const TEMPLATE_SOURCES = [performanceMetricsTable, metricBucketsTable] as const;

/** Writes the exported rows of all cycles to the template tables. */
export async function writeTemplates(
  questdb: ExternalQuestdb,
  cycles: readonly Cycle[],
): Promise<void> {
  const encoder = new LineProtocolEncoder();
  const templates = TEMPLATE_SOURCES.map(toTemplateTable);
  for (const template of templates)
    await execSql(questdb.target, buildCreateStateTableSql(template));
  for (const [index, cycle] of cycles.entries()) {
    const rows: [AnyRow[], AnyRow[]] = [[], []];
    for (let service = 0; service < SERVICE_COUNT; service++) {
      const { metrics, buckets } = toCycleRows(cycle, service, getPhaseMs(service));
      const seriesOf = new Map(metrics.map((row, i) => [row.id, 1000 * service + i]));
      const pointOf = new Map<number | undefined, number>();
      for (const row of buckets) {
        if (!pointOf.has(row.point)) pointOf.set(row.point, 1000 * service + pointOf.size);
      }
      rows[0].push(
        ...metrics.map((row) => ({ ...row, cycle: index, series: seriesOf.get(row.id) })),
      );
      rows[1].push(
        ...buckets.map((row) => ({ ...row, cycle: index, series: pointOf.get(row.point) })),
      );
    }
    for (const [i, template] of templates.entries()) {
      await postLines(questdb, encoder.encode(template, rows[i]!));
    }
  }
  await waitForWal(questdb, WAL_TIMEOUT_MS);
}

async function postLines({ target }: ExternalQuestdb, lines: Buffer): Promise<void> {
  const response = await fetch(`${target.url}/write?precision=n`, {
    method: 'POST',
    body: new Uint8Array(lines),
    headers: { authorization: target.authorization },
  });
  if (!response.ok) throw new Error(await response.text());
}

/** Fills a time range with metrics: one cycle per service every `everyMs` ms. */
export async function fillMetrics(
  questdb: ExternalQuestdb,
  fromMs: number,
  toMs: number,
  everyMs: number = CYCLE_MS,
): Promise<void> {
  const end = Math.ceil(toMs / everyMs);
  for (let at = Math.floor(fromMs / everyMs); at < end; at += CYCLES_PER_STATEMENT) {
    const steps = { at, count: Math.min(CYCLES_PER_STATEMENT, end - at), everyMs };
    for (const table of TEMPLATE_SOURCES)
      await execSql(questdb.target, toInsertSql(table, steps, fromMs, toMs), {
        timeoutMs: STATEMENT_TIMEOUT_MS,
      });
  }
}

/** Fills a time range with health rows and queue jobs, every `everyMs` ms. */
export async function fillJobsAndHealth(
  questdb: ExternalQuestdb,
  fromMs: number,
  toMs: number,
  everyMs: number = CYCLE_MS,
): Promise<void> {
  const at = Math.ceil(fromMs / everyMs);
  const steps = { at, count: Math.ceil(toMs / everyMs) - at, everyMs };
  await execSql(questdb.target, toHealthSql(steps), { timeoutMs: STATEMENT_TIMEOUT_MS });
  await execSql(questdb.target, toJobsSql(steps), { timeoutMs: STATEMENT_TIMEOUT_MS });
}

/** Builds an INSERT … SELECT statement. Ids come from the series and the step instead of the exporter's hashes. */
function toInsertSql(table: Table, steps: Steps, fromMs: number, toMs: number): string {
  const columns = Object.keys(table.columns);
  const computedColumns: Record<string, string> = {
    id: 'left(sha1((series * 100000000 + step)::string), 24)',
    point: '((series * 100000000 + step) * 2654435761) & 4503599627370495',
  };
  const micros = '(s.ts::long + t.timestamp::long)';
  return `INSERT INTO ${table.name} (timestamp, ${columns.map(toSnakeCase).join(', ')})
    SELECT ${micros}::timestamp,
      ${columns.map((name) => computedColumns[name] ?? `t.${toSnakeCase(name)}`).join(', ')}
    FROM (SELECT step, ts, ${toCycleSql('step', 'ts')} cycle FROM ${toStepsSql(steps)}) s
    JOIN ${toTemplateTable(table).name} t ON s.cycle = t.cycle
    WHERE ${micros} >= ${fromMs * 1000} AND ${micros} < ${toMs * 1000}`;
}
