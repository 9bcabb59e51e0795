import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../src/storage/migrations/migrate.ts';
import { DroppedRowCounter } from '../src/storage/spool/dropped-rows.ts';
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
import { DEPLOYED_SERVICES, makeDeployRows } from './alerts/deploy-load.ts';
import { readResidentMb } from './process-usage.ts';
import { atLeast, atMost, type BenchOptions, median, type Report } from './report.ts';

const HISTORY_MS = 300_000;
const WRITE_INTERVAL_MS = 100;
/** The deploys are this old at the start, so that two comparisons are due during the full benchmark. */
const DEPLOY_AGE_MS = 170_000;

/** Measures the latency of alerts, and whether 8,000 groups are evaluated in time while a writer adds rows. */
export async function benchAlerts({ quick, log }: BenchOptions): Promise<Report> {
  const latencies = await measureAlertLatencies(quick ? 2 : 10, log);
  const evaluation = await measureEvaluation(quick, log);
  const limit = FLUSH_INTERVAL_MS + EVALUATION_INTERVAL_MS + 1000;
  return {
    targets: [
      atMost(
        'maximum time from request over the threshold to transition',
        Math.max(...latencies),
        limit,
        'ms',
      ),
      atLeast('rules evaluated', evaluation.rules, RULE_COUNT, '1'),
      atLeast('groups evaluated', evaluation.groups, RULE_COUNT * SERVICE_COUNT, '1'),
      atMost('oldest evaluation', evaluation.oldestMs / 1000, 31, 's'),
      atMost('late evaluations', evaluation.late, 0, '1'),
      atMost('failed evaluations', evaluation.failures, 0, '1'),
      atLeast('deploys compared', evaluation.deploys, DEPLOYED_SERVICES, '1'),
      atLeast('regressions found', evaluation.regressions, DEPLOYED_SERVICES, '1'),
      atLeast('groups of objectives', evaluation.objectiveGroups, SERVICE_COUNT, '1'),
      atMost('peak resident memory of the evaluator', evaluation.residentMb, 150, 'MB'),
    ],
    details: {
      ...evaluation,
      medianLatencyMs: Math.round(median(latencies)),
      flushMs: FLUSH_INTERVAL_MS,
      intervalMs: EVALUATION_INTERVAL_MS,
    },
  };
}

async function measureEvaluation(quick: boolean, log: (line: string) => void) {
  const questdb = new ExternalQuestdb();
  const prometheus = new AlertingPrometheus();
  let child: ChildProcess | undefined;
  let writer: BackgroundWriter | undefined;
  try {
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    const rules = join(questdb.folder, 'rules.yaml');
    writeFileSync(rules, formatRulesFile());
    writer = await BackgroundWriter.start(questdb, quick ? HISTORY_MS / 5 : HISTORY_MS);
    log(`wrote ${writer.rowsSent} rows of history, and ${writer.deployRows} rows of deploys`);
    await prometheus.start(questdb.folder);
    const env = { ...process.env, ...questdb.env };
    child = spawn(process.execPath, ['bench/alerts/evaluator.mjs', rules], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const startMs = Date.now();
    let peakMb = 0;
    while (Date.now() - startMs < (quick ? 45_000 : 180_000)) {
      await delay(500);
      peakMb = Math.max(peakMb, readResidentMb(child.pid ?? 0));
    }
    const rate = (1000 * writer.rowsSinceStart) / (Date.now() - startMs);
    const report = await requestReport(child);
    return {
      ...report,
      ...(await prometheus.getStats()),
      residentMb: peakMb,
      seconds: (Date.now() - startMs) / 1000,
      rowsBefore: writer.rowsBefore,
      rowsPerSecondBeside: Math.round(rate),
    };
  } finally {
    child?.kill();
    await prometheus.stop();
    await writer?.stop();
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
  | 'cpuMs'
  | 'deploys'
  | 'comparedSeries'
  | 'regressions'
  | 'objectiveGroups',
  number
>;

async function requestReport(child: ChildProcess): Promise<EvaluatorReport> {
  const lines = createInterface({ input: child.stdout! });
  child.stdin?.write('\n');
  const [line] = (await once(lines, 'line')) as [string];
  return JSON.parse(line) as EvaluatorReport;
}

/** Writes rows of 8,000 series: first the history, then `ROWS_PER_SECOND` rows per second. */
class BackgroundWriter {
  readonly #writer: RowWriter;
  readonly rowsBefore: number;
  rowsSent = 0;
  deployRows = 0;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(writer: RowWriter, rowsBefore: number) {
    this.#writer = writer;
    this.rowsBefore = rowsBefore;
  }

  static async start(questdb: ExternalQuestdb, historyMs: number): Promise<BackgroundWriter> {
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
    const seconds = historyMs / 1000;
    const backgroundWriter = new BackgroundWriter(writer, seconds * ROWS_PER_SECOND);
    const now = Date.now();
    for (let s = seconds; s > 0; s--) {
      backgroundWriter.#add(ROWS_PER_SECOND, (i) => now - s * 1000 + (i % 1000));
      if (s % 10 === 0) await writer.flush();
    }
    await writer.flush();
    await backgroundWriter.#writeDeploys(Date.now() - DEPLOY_AGE_MS);
    let writtenUntilMs = Date.now();
    backgroundWriter.#timer = setInterval(() => {
      const ms = Date.now() - writtenUntilMs;
      writtenUntilMs += ms;
      backgroundWriter.#add(Math.round((ROWS_PER_SECOND * ms) / 1000), () => Date.now());
    }, WRITE_INTERVAL_MS);
    return backgroundWriter;
  }

  /** Writes one hour before and eight minutes after a deploy of several services. */
  async #writeDeploys(deployMs: number): Promise<void> {
    for (const { metrics, buckets } of makeDeployRows(deployMs, 8)) {
      this.#writer.add('performance_metrics', metrics);
      this.#writer.add('metric_buckets', buckets);
      this.deployRows += metrics.length + buckets.length;
      await this.#writer.flush();
    }
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
