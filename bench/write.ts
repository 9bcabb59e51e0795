import { migrate } from '../src/storage/migrations/migrate.ts';
import { DEFAULT_RETENTION } from '../test/support/default-retention.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import { waitForWal } from '../test/support/wait-for-rollups.ts';
import { readCpuMs } from './process-usage.ts';
import {
  atLeast,
  atMost,
  type BenchOptions,
  median,
  medianOf,
  type Report,
  roundToFourDigits,
} from './report.ts';
import { WriterChild } from './write/writer-child.ts';

/** 90 % of 48,000 rows/s, which an earlier version reached on two quiet cores. */
const MIN_ROWS_PER_SECOND = 43_200;
const MAX_CPU_MICROS_PER_ROW = 25;

/** One round. The CPU times are in µs per row. */
interface Round {
  /** Until QuestDB has applied all rows, so that queries return them. */
  rowsPerSecond: number;
  clientCpu: number;
  questdbCpu: number;
  totalCpu: number;
}

/**
 * Measures the write pipeline until QuestDB has applied the rows. The rounds alternate with QuestDB's own client and, with
 * `--compare`, with the pipeline of another checkout. All write the same rows to the same QuestDB.
 */
export async function benchWrite({ quick, log, compare }: BenchOptions): Promise<Report> {
  const rows = quick ? 50_000 : 300_000;
  const rounds = quick ? 3 : 7;
  const questdb = new ExternalQuestdb();
  const writers = new Map<string, WriterChild>();
  try {
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    const checkouts = { now: '.', ...(compare && { before: compare }), client: 'client' };
    for (const [name, checkout] of Object.entries(checkouts)) {
      writers.set(name, await WriterChild.start(checkout, `${questdb.folder}/spool-${name}`));
    }
    const results = new Map([...writers.keys()].map((name) => [name, [] as Round[]]));
    // The first round is a warm-up and is not counted.
    for (let round = 0; round <= rounds; round++) {
      const order = [...writers];
      if (round % 2 === 1) order.reverse();
      for (const [name, writer] of order) {
        const result = await measureRound(questdb, writer, `${name}-${round}`, rows);
        if (round > 0) results.get(name)!.push(result);
      }
      log(`round ${round} of ${rounds}`);
    }
    const [[stored] = []] = await questdb.sql('SELECT count() FROM performance_metrics');
    const expected = rows * writers.size * (rounds + 1);
    if (stored !== expected) throw new Error(`expected ${expected} stored rows, found ${stored}`);
    return createReport(results, { rowsStored: Number(stored), rounds });
  } finally {
    for (const writer of writers.values()) await writer.kill();
    await questdb.remove();
  }
}

async function measureRound(
  questdb: ExternalQuestdb,
  writer: WriterChild,
  run: string,
  rows: number,
): Promise<Round> {
  const { target } = questdb;
  const questdbCpuMs = readCpuMs(questdb.pid);
  const startMs = performance.now();
  const { cpuMs, seconds } = await writer.run({ kind: 'write', target, run, rows });
  const preparationMs = performance.now() - startMs - seconds * 1000;
  await waitForWal(questdb);
  const appliedSeconds = (performance.now() - startMs - preparationMs) / 1000;
  const clientCpu = (cpuMs * 1000) / rows;
  const questdbCpu = ((readCpuMs(questdb.pid) - questdbCpuMs) * 1000) / rows;
  return {
    rowsPerSecond: rows / appliedSeconds,
    clientCpu,
    questdbCpu,
    totalCpu: clientCpu + questdbCpu,
  };
}

function createReport(
  results: ReadonlyMap<string, readonly Round[]>,
  details: Report['details'],
): Report {
  const now = results.get('now')!;
  const before = results.get('before');
  for (const [name, rounds] of results) {
    const format = (metric: keyof Round) => roundToFourDigits(medianOf(rounds, metric));
    details[name] =
      `${Math.round(medianOf(rounds, 'rowsPerSecond'))} rows/s, CPU per row: ` +
      `${format('clientCpu')} µs client, ${format('questdbCpu')} µs QuestDB`;
  }
  const speed = before
    ? atLeast(
        'rows per second until they are applied, relative to the other checkout',
        median(now.map((round, i) => round.rowsPerSecond / before[i]!.rowsPerSecond)),
        0.9,
        '1',
      )
    : atLeast(
        'rows per second until they are applied',
        medianOf(now, 'rowsPerSecond'),
        MIN_ROWS_PER_SECOND,
        '1/s',
      );
  return {
    targets: [
      speed,
      atMost(
        'CPU per row of client and QuestDB',
        medianOf(now, 'totalCpu'),
        MAX_CPU_MICROS_PER_ROW,
        'µs',
      ),
    ],
    details,
  };
}
