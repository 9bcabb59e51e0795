import { join } from 'node:path';
import { migrate } from '../src/storage/migrations/migrate.ts';
import { DEFAULT_RETENTION } from '../test/support/default-retention.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import { waitForWal } from '../test/support/wait-for-rollups.ts';
import { readCpuMs } from './process-usage.ts';
import {
  atMost,
  type BenchOptions,
  median,
  medianOf,
  type Report,
  roundToFourDigits,
} from './report.ts';
import { WriterChild } from './write/writer-child.ts';

const FULL_BACKLOG_ROWS = 1_000_000;

/** Number of rows that the application writes before the outage, so that its code is compiled. */
const WARM_UP_ROWS = 50_000;

interface Drain {
  /** Until QuestDB has acknowledged the rows, scaled to the full backlog. */
  seconds: number;
  /** Resident memory before the application opened its spool, or before the outage. */
  startMb: number;
  /** Resident memory when QuestDB returned. */
  returnMb: number;
  /** Peak of the resident memory after that, minus `returnMb`. */
  addedMb: number;
  longestBlockMs: number;
  /** Most CPU time of the main thread between two timers. */
  longestBlockCpuMs: number;
  /** CPU time of the application, in µs per row. */
  clientCpu: number;
  /** CPU time of QuestDB until it has applied the rows, in µs per row. */
  questdbCpu: number;
}

/**
 * Where the backlog comes from: the application itself, which ran during the outage, or a process that ended before the
 * application started.
 */
const SCENARIOS = ['outage', 'restart'] as const;
type Scenario = (typeof SCENARIOS)[number];

/** Measures how an application sends a backlog from its spool after QuestDB was away. */
export async function benchDrain({ quick, log, compare }: BenchOptions): Promise<Report> {
  const rows = quick ? 100_000 : FULL_BACKLOG_ROWS;
  const rounds = quick ? 1 : 3;
  const checkouts = { now: '.', ...(compare && { before: compare }) };
  const results = new Map<string, Drain[]>();
  const questdb = new ExternalQuestdb();
  try {
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    let expected = 0;
    for (let round = 0; round < rounds; round++) {
      for (const scenario of SCENARIOS) {
        for (const [name, checkout] of Object.entries(checkouts)) {
          const run = `${scenario}-${name}-${round}`;
          log(`${run} …`);
          const drain = await measureDrain({ questdb, checkout, scenario, run, rows });
          const key = `${scenario}, ${name}`;
          results.set(key, [...(results.get(key) ?? []), drain]);
          expected += scenario === 'outage' ? WARM_UP_ROWS + rows : rows;
          const [[stored] = []] = await questdb.sql('SELECT count() FROM performance_metrics');
          if (stored !== expected)
            throw new Error(`expected ${expected} stored rows, found ${stored}`);
        }
      }
    }
    return createReport(results, { rounds, rowsPerBacklog: rows, rowsStored: expected });
  } finally {
    await questdb.remove();
  }
}

interface MeasureOptions {
  questdb: ExternalQuestdb;
  checkout: string;
  scenario: Scenario;
  /** Prefix of the row IDs, and name of the spool folder. */
  run: string;
  rows: number;
}

async function measureDrain(options: MeasureOptions): Promise<Drain> {
  const { questdb, checkout, scenario, run, rows } = options;
  const { target } = questdb;
  const spoolDir = join(questdb.folder, run);
  let application = await WriterChild.start(checkout, spoolDir);
  try {
    if (scenario === 'outage') {
      await application.run({ kind: 'write', target, run: `${run}-warm-up`, rows: WARM_UP_ROWS });
    }
    let startMb = application.residentMb;
    await application.run({ kind: 'fill', run, rows });
    if (scenario === 'restart') {
      await application.run({ kind: 'close' });
      await application.kill();
      application = await WriterChild.start(checkout, spoolDir);
      startMb = application.residentMb;
    }
    await waitForWal(questdb);
    const returnMb = application.residentMb;
    const questdbCpuMs = readCpuMs(questdb.pid);
    const result = await application.run({ kind: 'drain', target });
    await waitForWal(questdb);
    return {
      seconds: (result.seconds * FULL_BACKLOG_ROWS) / rows,
      startMb,
      returnMb,
      addedMb: result.peakMb - returnMb,
      longestBlockMs: result.longestBlockMs,
      longestBlockCpuMs: result.longestBlockCpuMs,
      clientCpu: (result.cpuMs * 1000) / rows,
      questdbCpu: ((readCpuMs(questdb.pid) - questdbCpuMs) * 1000) / rows,
    };
  } finally {
    await application.kill();
  }
}

function createReport(
  results: ReadonlyMap<string, readonly Drain[]>,
  details: Report['details'],
): Report {
  for (const [name, drains] of results) {
    const format = (metric: keyof Drain) => roundToFourDigits(medianOf(drains, metric));
    details[name] = [
      `${format('seconds')} s for 1,000,000 rows`,
      `${format('addedMb')} MB added to ${format('returnMb')} MB (at first: ${format('startMb')} MB)`,
      `longest event-loop block ${format('longestBlockCpuMs')} ms of CPU time (${format('longestBlockMs')} ms by the clock)`,
      `CPU per row ${format('clientCpu')} µs client and ${format('questdbCpu')} µs QuestDB`,
    ].join(', ');
  }
  return {
    targets: SCENARIOS.flatMap((scenario) => {
      const now = results.get(`${scenario}, now`)!;
      const before = results.get(`${scenario}, before`);
      const value = (metric: keyof Drain) => medianOf(now, metric);
      return [
        before
          ? atMost(
              `${scenario}: time to drain, relative to the other checkout`,
              median(now.map(({ seconds }, i) => seconds / before[i]!.seconds)),
              1.1,
              '1',
            )
          : atMost(`${scenario}: time to drain 1,000,000 rows`, value('seconds'), 12, 's'),
        atMost(`${scenario}: added resident memory`, value('addedMb'), 60, 'MB'),
        // On a busy machine, other processes can interrupt the event loop at any time.
        atMost(`${scenario}: longest event-loop block`, value('longestBlockCpuMs'), 50, 'ms'),
      ];
    }),
    details,
  };
}
