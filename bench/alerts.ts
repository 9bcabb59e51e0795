import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../src/questdb/migrate.ts';
import { DroppedRows } from '../src/write/dropped.ts';
import { Writer } from '../src/write/writer.ts';
import { ForeignQuestdb } from '../test/support/questdb.ts';
import { RETENTION } from '../test/support/retention.ts';
import { FLUSH_MS, INTERVAL_MS, latencies } from './alerts/latency.ts';
import { ROWS_PER_SECOND, RULES, rowsFrom, ruleFile, SERVICES } from './alerts/load.ts';
import { RealPrometheus } from './alerts/prometheus.ts';
import { residentMb } from './memory.ts';
import { atLeast, atMost, type BenchOptions, median, type Report } from './report.ts';

const BEFORE_MS = 300_000;
const TURN_MS = 100;

/** How soon an alert comes, and whether 8,000 groups are evaluated in time beside a writer. */
export async function alerts({ quick, say }: BenchOptions): Promise<Report> {
  const soon = await latencies(quick ? 2 : 10, say);
  const many = await evaluated(quick, say);
  const limit = FLUSH_MS + INTERVAL_MS + 1000;
  return {
    targets: [
      atMost('breaching request to transition, worst', Math.max(...soon), limit, 'ms'),
      atLeast('rules evaluated', many.rules, RULES, '1'),
      atLeast('groups evaluated', many.groups, RULES * SERVICES, '1'),
      atMost('oldest evaluation', many.oldestMs / 1000, 31, 's'),
      atMost('late evaluations', many.late, 0, '1'),
      atMost('failed evaluations', many.failures, 0, '1'),
      atMost('resident memory of the evaluator, most', many.residentMb, 150, 'MB'),
    ],
    details: { ...many, medianLatencyMs: Math.round(median(soon)), flushMs: FLUSH_MS, INTERVAL_MS },
  };
}

async function evaluated(quick: boolean, say: (line: string) => void) {
  const questdb = new ForeignQuestdb();
  const prometheus = new RealPrometheus();
  let child: ChildProcess | undefined;
  let writing: Writing | undefined;
  try {
    await questdb.start();
    await migrate(questdb.target, RETENTION);
    const rules = join(questdb.folder, 'rules.yaml');
    writeFileSync(rules, ruleFile());
    writing = await Writing.begin(questdb, quick ? BEFORE_MS / 5 : BEFORE_MS);
    say(`${writing.sent} rows of the time before are written`);
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
      mostMb = Math.max(mostMb, residentMb(child.pid ?? 0));
    }
    const rate = (1000 * writing.sinceStart) / (Date.now() - beginMs);
    const told = await ask(child);
    return {
      ...told,
      ...(await prometheus.figures()),
      residentMb: mostMb,
      seconds: (Date.now() - beginMs) / 1000,
      rowsBefore: writing.before,
      rowsPerSecondBeside: Math.round(rate),
    };
  } finally {
    child?.kill();
    await prometheus.stop();
    await writing?.end();
    await questdb.remove();
  }
}

type Told = Record<
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

async function ask(child: ChildProcess): Promise<Told> {
  const lines = createInterface({ input: child.stdout! });
  child.stdin?.write('\n');
  const [line] = (await once(lines, 'line')) as [string];
  return JSON.parse(line) as Told;
}

/** Rows of 8,000 series, first those of the time before, then so many a second. */
class Writing {
  readonly #writer: Writer;
  readonly before: number;
  sent = 0;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(writer: Writer, before: number) {
    this.#writer = writer;
    this.before = before;
  }

  static async begin(questdb: ForeignQuestdb, beforeMs: number): Promise<Writing> {
    const log = { info: () => {}, warn: console.error, error: console.error };
    const writer = new Writer({
      spoolDir: join(questdb.folder, 'spool'),
      spoolMaxBytes: 2 ** 30,
      retentionDays: 30,
      bufferSize: ROWS_PER_SECOND,
      flushIntervalMs: 1000,
      log,
      dropped: new DroppedRows(),
      target: () => questdb.target,
      prepare: async () => {},
    });
    const seconds = beforeMs / 1000;
    const writing = new Writing(writer, seconds * ROWS_PER_SECOND);
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
    }, TURN_MS);
    return writing;
  }

  get sinceStart(): number {
    return this.sent - this.before;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writer.close(5000);
  }

  #add(count: number, timeOf: (i: number) => number): void {
    const { metrics, buckets, next } = rowsFrom(this.#next, count, timeOf);
    this.#writer.add('performance_metrics', metrics);
    this.#writer.add('metric_buckets', buckets);
    this.#next = next;
    this.sent += metrics.length + buckets.length;
  }
}
