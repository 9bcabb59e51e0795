import { setImmediate as nextTurn } from 'node:timers/promises';
import { Sender } from '@questdb/nodejs-client';
import { toSnakeCase } from '../src/core/schema/table-definition.ts';
import {
  type PerformanceMetricRow,
  performanceMetricsTable,
} from '../src/core/schema/tables/performance-metrics-table.ts';
import { migrate } from '../src/storage/migrations/migrate.ts';
import { DroppedRowCounter } from '../src/storage/write/dropped-rows.ts';
import { RowWriter } from '../src/storage/write/row-writer.ts';
import { DEFAULT_RETENTION } from '../test/support/default-retention.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import { waitForWal } from '../test/support/wait-for-rollups.ts';
import { atLeast, type BenchOptions, median, type Report, roundToFourDigits } from './report.ts';

/** Number of rows that a caller adds in one turn of the event loop. */
const ROWS_PER_TURN = 1000;

interface Round {
  rowsPerSecond: number;
  cpuMicrosPerRow: number;
}

/** Compares the complete write pipeline with the bare client, in pairs, with the same QuestDB and rows. */
export async function benchWrite({ quick, log }: BenchOptions): Promise<Report> {
  const rows = quick ? 50_000 : 300_000;
  const pairs = quick ? 3 : 7;
  const questdb = new ExternalQuestdb();
  try {
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    const pipeline: Round[] = [];
    const bare: Round[] = [];
    // The first pair is a warm-up and is not counted.
    for (let pair = 0; pair <= pairs; pair++) {
      const first = pair % 2 === 0;
      for (const isPipeline of [first, !first]) {
        const batch = makeRows(rows, `${isPipeline ? 'pipeline' : 'bare'}-${pair}`);
        const round = await measureRound(rows, () =>
          isPipeline ? writeThroughPipeline(questdb, batch) : writeThroughClient(questdb, batch),
        );
        // Transactions that are not applied yet would slow down the next round.
        await waitForWal(questdb);
        if (pair > 0) (isPipeline ? pipeline : bare).push(round);
      }
      log(`pair ${pair} of ${pairs}`);
    }
    const [[stored] = []] = await questdb.sql('SELECT count() FROM performance_metrics');
    const expected = rows * 2 * (pairs + 1);
    if (stored !== expected) throw new Error(`expected ${expected} stored rows, found ${stored}`);
    const share = median(pipeline.map((r, i) => r.rowsPerSecond / bare[i]!.rowsPerSecond));
    return {
      targets: [atLeast('rows per second, relative to the bare client', share, 0.7, '1')],
      details: {
        rowsStored: Number(stored),
        pairs,
        pipelineRowsPerSecond: Math.round(median(pipeline.map((r) => r.rowsPerSecond))),
        bareRowsPerSecond: Math.round(median(bare.map((r) => r.rowsPerSecond))),
        pipelineCpuMicrosPerRow: roundToFourDigits(median(pipeline.map((r) => r.cpuMicrosPerRow))),
        bareCpuMicrosPerRow: roundToFourDigits(median(bare.map((r) => r.cpuMicrosPerRow))),
      },
    };
  } finally {
    await questdb.remove();
  }
}

async function measureRound(rows: number, run: () => Promise<void>): Promise<Round> {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await run();
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { rowsPerSecond: rows / seconds, cpuMicrosPerRow: (user + system) / rows };
}

async function writeThroughPipeline(
  questdb: ExternalQuestdb,
  rows: PerformanceMetricRow[],
): Promise<void> {
  const log = { info: () => {}, warn: console.error, error: console.error };
  const writer = new RowWriter({
    spoolDir: `${questdb.folder}/spool`,
    spoolMaxBytes: 2 ** 30,
    retentionDays: 30,
    dropped: new DroppedRowCounter(),
    bufferSize: 100,
    flushIntervalMs: 30_000,
    log,
    target: () => questdb.target,
    ensureTables: async () => {},
  });
  for (let i = 0; i < rows.length; i += ROWS_PER_TURN) {
    writer.add('performance_metrics', rows.slice(i, i + ROWS_PER_TURN));
    await nextTurn();
  }
  await writer.flush();
  await writer.close();
}

/** Writes the same columns with the client's own methods and its default flush settings. */
async function writeThroughClient(
  questdb: ExternalQuestdb,
  rows: PerformanceMetricRow[],
): Promise<void> {
  const { PERFORMANCE_QUESTDB_USER: user, PERFORMANCE_QUESTDB_PASSWORD: password } = questdb.env;
  const { host } = new URL(questdb.target.url);
  const sender = await Sender.fromConfig(
    `http::addr=${host};username=${user};password=${password}`,
  );
  const columns = Object.entries(performanceMetricsTable.columns).map(
    ([property, type]) =>
      [property as keyof PerformanceMetricRow, toSnakeCase(property), type] as const,
  );
  const symbols = columns.filter(([, , type]) => type === 'symbol');
  const fields = columns.filter(([, , type]) => type !== 'symbol');
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    sender.table('performance_metrics');
    for (const [property, column] of symbols) {
      if (row[property] !== undefined) sender.symbol(column, row[property]);
    }
    for (const [property, column, type] of fields) {
      const value = row[property];
      if (value === undefined) continue;
      if (type === 'double') sender.floatColumn(column, value as number);
      else if (type === 'long') sender.intColumn(column, value as number);
      else if (type === 'boolean') sender.booleanColumn(column, value as boolean);
      else sender.stringColumn(column, value as string);
    }
    await sender.at(row.timestamp, 'ms');
    if (i % ROWS_PER_TURN === 0) await nextTurn();
  }
  await sender.flush();
  await sender.close();
}

function makeRows(count: number, run: string): PerformanceMetricRow[] {
  const timestamp = Date.now();
  return Array.from({ length: count }, (_, i) => ({
    id: `${run}-${i}`,
    timestamp: timestamp + (i % 1000),
    metricType: 'API_RESPONSE_TIME',
    name: 'request',
    value: i % 977,
    unit: 'ms',
    service: 'bench',
    instance: 'bench-1',
    endpoint: `/rooms/:id/${i % 50}`,
    operation: 'GET',
    organizationId: `org-${i % 20}`,
    count: 1,
    errorCount: 0,
    abortedCount: 0,
    sum: i % 977,
    min: i % 977,
    max: i % 977,
    duration: i % 977,
    test: false,
  }));
}
