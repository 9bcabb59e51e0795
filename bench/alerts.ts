import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../src/storage/migrations/migrate.ts';
import { DroppedRowCounter } from '../src/storage/write/dropped-rows.ts';
import { RowWriter } from '../src/storage/write/row-writer.ts';
import { DEFAULT_RETENTION } from '../test/support/default-retention.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import {
  EVALUATION_INTERVAL_MS,
  FLUSH_INTERVAL_MS,
  measureAlertLatencies,
} from './alerts/alert-latency.ts';
import {
  formatRulesFile,
  makeRows,
  ROWS_PER_SECOND,
  RULE_COUNT,
  SERVICE_COUNT,
} from './alerts/alert-load.ts';
import { AlertingPrometheus } from './alerts/alerting-prometheus.ts';
import { atLeast, atMost, type BenchOptions, median, type Report } from './report.ts';
import { readResidentMb } from './resident-memory.ts';

const HISTORY_MS = 300_000;
const WRITE_INTERVAL_MS = 100;

/** How soon an alert comes, and whether 8,000 groups are evaluated in time beside a writer. */
export async function benchAlerts({ quick, say }: BenchOptions): Promise<Report> {
  const soon = await measureAlertLatencies(quick ? 2 : 10, say);
  const many = await measureEvaluation(quick, say);
  const limit = FLUSH_INTERVAL_MS + EVALUATION_INTERVAL_MS + 1000;
  return {
    targets: [
      atMost('breaching request to transition, worst', Math.max(...soon), limit, 'ms'),
      atLeast('rules evaluated', many.rules, RULE_COUNT, '1'),
      atLeast('groups evaluated', many.groups, RULE_COUNT * SERVICE_COUNT, '1'),
      atMost('oldest evaluation', many.oldestMs / 1000, 31, 's'),
      atMost('late evaluations', many.late, 0, '1'),
      atMost('failed evaluations', many.failures, 0, '1'),
      atMost('resident memory of the evaluator, most', many.residentMb, 150, 'MB'),
    ],
    details: {
      ...many,
      medianLatencyMs: Math.round(median(soon)),
      flushMs: FLUSH_INTERVAL_MS,
      INTERVAL_MS: EVALUATION_INTERVAL_MS,
    },
  };
}

async function measureEvaluation(quick: boolean, say: (line: string) => void) {
  const questdb = new ExternalQuestdb();
  const prometheus = new AlertingPrometheus();
  let child: ChildProcess | undefined;
  let writing: BackgroundWriter | undefined;
  try {
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    const rules = join(questdb.folder, 'rules.yaml');
    writeFileSync(rules, formatRulesFile());
    writing = await BackgroundWriter.start(questdb, quick ? HISTORY_MS / 5 : HISTORY_MS);
    say(`${writing.rowsSent} rows of the time before are written`);
    await prometheus.start(questdb.folder);
    const env = { ...process.env, ...questdb.env };
    child = spawn(process.execPath, ['bench/alerts/evaluator.mjs', rules], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const beginMs = Date.now();
    let mostMb = 0;
    while (Date.now() - beginMs < (quick ? 45_000 : 180_000)) {
      await delay(500);
      mostMb = Math.max(mostMb, readResidentMb(child.pid ?? 0));
    }
    const rate = (1000 * writing.rowsSinceStart) / (Date.now() - beginMs);
    const told = await requestReport(child);
    return {
      ...told,
      ...(await prometheus.getStats()),
      residentMb: mostMb,
      seconds: (Date.now() - beginMs) / 1000,
      rowsBefore: writing.rowsBefore,
      rowsPerSecondBeside: Math.round(rate),
    };
  } finally {
    child?.kill();
    await prometheus.stop();
    await writing?.stop();
    await questdb.remove();
  }
}

type EvaluatorReport = Record<
  | 'rules'
  | 'groups'
  | 'late'
  | 'failures'
  | 'evaluations'
  | 'meanMs'
  | 'oldestMs'
  | 'transitions'
  | 'cpuMs',
  number
>;

async function requestReport(child: ChildProcess): Promise<EvaluatorReport> {
  const lines = createInterface({ input: child.stdout! });
  child.stdin?.write('\n');
  const [line] = (await once(lines, 'line')) as [string];
  return JSON.parse(line) as EvaluatorReport;
}

/** Rows of 8,000 series, first those of the time before, then so many a second. */
class BackgroundWriter {
  readonly #writer: RowWriter;
  readonly rowsBefore: number;
  rowsSent = 0;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(writer: RowWriter, before: number) {
    this.#writer = writer;
    this.rowsBefore = before;
  }

  static async start(questdb: ExternalQuestdb, beforeMs: number): Promise<BackgroundWriter> {
    const log = { info: () => {}, warn: console.error, error: console.error };
    const writer = new RowWriter({
      spoolDir: join(questdb.folder, 'spool'),
      spoolMaxBytes: 2 ** 30,
      retentionDays: 30,
      bufferSize: ROWS_PER_SECOND,
      flushIntervalMs: 1000,
      log,
      dropped: new DroppedRowCounter(),
      target: () => questdb.target,
      ensureTables: async () => {},
    });
    const seconds = beforeMs / 1000;
    const writing = new BackgroundWriter(writer, seconds * ROWS_PER_SECOND);
    const now = Date.now();
    for (let s = seconds; s > 0; s--) {
      writing.#add(ROWS_PER_SECOND, (i) => now - s * 1000 + (i % 1000));
      if (s % 10 === 0) await writer.flush();
    }
    await writer.flush();
    let owedMs = Date.now();
    writing.#timer = setInterval(() => {
      const ms = Date.now() - owedMs;
      owedMs += ms;
      writing.#add(Math.round((ROWS_PER_SECOND * ms) / 1000), () => Date.now());
    }, WRITE_INTERVAL_MS);
    return writing;
  }

  get rowsSinceStart(): number {
    return this.rowsSent - this.rowsBefore;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writer.close(5000);
  }

  #add(count: number, timeOf: (i: number) => number): void {
    const { metrics, buckets, next } = makeRows(this.#next, count, timeOf);
    this.#writer.add('performance_metrics', metrics);
    this.#writer.add('metric_buckets', buckets);
    this.#next = next;
    this.rowsSent += metrics.length + buckets.length;
  }
}
