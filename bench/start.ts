import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from '../test/support/sql.ts';
import { until } from '../test/support/until.ts';
import { residentMb } from './memory.ts';
import { atMost, type BenchOptions, type Report } from './report.ts';

const ROWS_PER_SECOND = 1000;
const SERIES = 50;

/** A fresh clone that is started as the README says, twice, and its memory under steady rows. */
export async function start({ quick, say }: BenchOptions): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-bench-'));
  const clone = join(folder, 'clone');
  let running: ChildProcess | undefined;
  try {
    // The jar's own cache is empty too: it has to come through Maven, as on a new machine.
    for (const name of ['run', 'cache']) mkdirSync(join(folder, name));
    const env = {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0' },
      ...{ XDG_RUNTIME_DIR: join(folder, 'run'), XDG_CACHE_HOME: join(folder, 'cache') },
    };
    execFileSync('git', ['clone', '--quiet', '.', clone]);
    say('npm start in a fresh clone …');
    const first = await startAndWait(clone, env);
    running = first.child;
    await stop(running);
    say('npm start again …');
    const second = await startAndWait(clone, env);
    running = second.child;
    say(`${ROWS_PER_SECOND} rows/s …`);
    const memory = await memoryUnderRows(clone, env, quick ? 10 : 60);
    const usage = { firstStart: first.seconds, secondStart: second.seconds };
    return {
      targets: [
        atMost('fresh clone ready', usage.firstStart, 60, 's'),
        atMost('second start ready', usage.secondStart, 8, 's'),
        atMost('QuestDB and server resident', memory.questdb + memory.server, 512, 'MB'),
      ],
      details: memory,
    };
  } finally {
    if (running) await stop(running);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startAndWait(cwd: string, env: NodeJS.ProcessEnv) {
  const startMs = performance.now();
  // A process group of its own, so that Ctrl-C can be sent to all of it as a terminal does.
  const child = spawn('npm', ['start'], { cwd, env, detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part) => {
      output += part;
    });
  }
  const url = await until(async () => {
    return /Ready: (\S+)/.exec(output)?.[1] ?? (child.exitCode !== null && 'ended');
  }, 300_000);
  if (url === 'ended') throw new Error(output);
  await until(async () => (await fetch(`${url}/readyz`)).ok);
  return { child, seconds: (performance.now() - startMs) / 1000 };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const ended = new Promise((done) => child.once('exit', done));
  process.kill(-child.pid, 'SIGINT');
  await ended;
}

/** Records from a service of its own, while the resident memory is looked at twice a second. */
async function memoryUnderRows(clone: string, env: NodeJS.ProcessEnv, seconds: number) {
  const lock = JSON.parse(readFileSync(join(clone, '.perfscope/server.lock'), 'utf8'));
  const sender = spawn(
    process.execPath,
    [join('bench', 'rows.mjs'), clone, String(ROWS_PER_SECOND), String(SERIES), String(seconds)],
    { env, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const most = { questdb: 0, server: 0 };
  const look = () => {
    const now = {
      questdb: residentMb(lock.questdb.pid),
      server: residentMb(lock.process.pid),
    };
    if (now.questdb + now.server > most.questdb + most.server) Object.assign(most, now);
  };
  const looking = setInterval(look, 500);
  const code = await new Promise((done) => sender.once('exit', done));
  clearInterval(looking);
  if (code !== 0) throw new Error(`the sender ended with ${code}`);
  const sent = ROWS_PER_SECOND * seconds;
  const { questdb } = JSON.parse(
    readFileSync(join(env.XDG_RUNTIME_DIR!, 'perfscope/server.json'), 'utf8'),
  );
  const stored = await until(async () => {
    const [row] = await sql(
      questdb.write,
      "SELECT count() FROM performance_metrics WHERE name = 'bench'",
    );
    return Number(row?.[0]) >= sent && Number(row?.[0]);
  });
  const [[bucketRows] = []] = await sql(
    questdb.write,
    "SELECT count() FROM metric_buckets WHERE name = 'bench'",
  );
  return { ...most, rowsSent: sent, rowsStored: stored, bucketRows: Number(bucketRows) };
}
