import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execSql } from '../test/support/exec-sql.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { getDiskUsageMb } from './disk-usage.ts';
import { FreshClone } from './fresh-clone.ts';
import { readResidentMb } from './process-usage.ts';
import { atMost, type BenchOptions, type Report } from './report.ts';
import { benchAgentStart } from './start/agent-start.ts';

const ROWS_PER_SECOND = 1000;
const SERIES = 50;

/**
 * Measures the agent's start in a service, and two starts of a fresh clone, as described in the README. Then measures the
 * disk usage of an idle server, and the memory usage under constant load.
 */
export async function benchStart(options: BenchOptions): Promise<Report> {
  const agent = await benchAgentStart(options);
  const server = await benchServerStart(options);
  return {
    targets: [...agent.targets, ...server.targets],
    details: { ...agent.details, ...server.details },
  };
}

async function benchServerStart({ quick, log }: BenchOptions): Promise<Report> {
  const clone = new FreshClone();
  try {
    // The cache for the QuestDB jar is empty too, so Maven downloads it as on a new machine.
    clone.env.XDG_CACHE_HOME = join(clone.folder, 'cache');
    log('npm start in a fresh clone …');
    const firstStart = await clone.start();
    await clone.stop();
    log('npm start again …');
    const secondStart = await clone.start();
    const idleSeconds = quick ? 20 : 90;
    log(`waiting ${idleSeconds} s …`);
    await delay(idleSeconds * 1000);
    const idleDiskMb = await getDiskUsageMb(join(clone.path, '.perfscope'));
    log(`recording ${ROWS_PER_SECOND} rows/s …`);
    const memory = await measureMemory(clone.path, clone.env, quick ? 10 : 60);
    return {
      targets: [
        atMost('time until a fresh clone is ready', firstStart, 60, 's'),
        atMost('time until the second start is ready', secondStart, 8, 's'),
        atMost(`disk usage of the data folder after ${idleSeconds} s`, idleDiskMb, 100, 'MB'),
        atMost(
          'peak resident memory of QuestDB and server',
          memory.questdb + memory.server,
          512,
          'MB',
        ),
      ],
      details: memory,
    };
  } finally {
    await clone.remove();
  }
}

/** Records rows in a separate process and reads the resident memory every 500 ms. Returns the peak. */
async function measureMemory(clone: string, env: NodeJS.ProcessEnv, seconds: number) {
  const lock = JSON.parse(readFileSync(join(clone, '.perfscope/server.lock'), 'utf8'));
  const sender = spawn(
    process.execPath,
    [
      join('bench', 'record-rows.mjs'),
      clone,
      String(ROWS_PER_SECOND),
      String(SERIES),
      String(seconds),
    ],
    { env, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const peak = { questdb: 0, server: 0 };
  const sample = () => {
    const current = {
      questdb: readResidentMb(lock.questdb.pid),
      server: readResidentMb(lock.process.pid),
    };
    if (current.questdb + current.server > peak.questdb + peak.server) Object.assign(peak, current);
  };
  const timer = setInterval(sample, 500);
  const code = await new Promise((done) => sender.once('exit', done));
  clearInterval(timer);
  if (code !== 0) throw new Error(`the sender exited with code ${code}`);
  const sent = ROWS_PER_SECOND * seconds;
  const { questdb } = JSON.parse(
    readFileSync(join(env.XDG_RUNTIME_DIR!, 'perfscope/server.json'), 'utf8'),
  );
  const stored = await waitFor(async () => {
    const [row] = await execSql(
      questdb.write,
      "SELECT count() FROM performance_metrics WHERE name = 'bench'",
    );
    return Number(row?.[0]) >= sent && Number(row?.[0]);
  });
  const [[bucketRows] = []] = await execSql(
    questdb.write,
    "SELECT count() FROM metric_buckets WHERE name = 'bench'",
  );
  return { ...peak, rowsSent: sent, rowsStored: stored, bucketRows: Number(bucketRows) };
}
