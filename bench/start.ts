import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execSql } from '../test/support/exec-sql.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { FreshClone } from './fresh-clone.ts';
import { atMost, type BenchOptions, type Report } from './report.ts';
import { readResidentMb } from './resident-memory.ts';

const ROWS_PER_SECOND = 1000;
const SERIES = 50;

/** A fresh clone that is started as the README says, twice, and its memory under steady rows. */
export async function benchStart({ quick, say }: BenchOptions): Promise<Report> {
  const clone = new FreshClone();
  try {
    // The jar's own cache is empty too: it has to come through Maven, as on a new machine.
    clone.env.XDG_CACHE_HOME = join(clone.folder, 'cache');
    say('npm start in a fresh clone …');
    const firstStart = await clone.start();
    await clone.stop();
    say('npm start again …');
    const usage = { firstStart, secondStart: await clone.start() };
    say(`${ROWS_PER_SECOND} rows/s …`);
    const memory = await measureMemory(clone.path, clone.env, quick ? 10 : 60);
    return {
      targets: [
        atMost('fresh clone ready', usage.firstStart, 60, 's'),
        atMost('second start ready', usage.secondStart, 8, 's'),
        atMost('QuestDB and server resident', memory.questdb + memory.server, 512, 'MB'),
      ],
      details: memory,
    };
  } finally {
    await clone.remove();
  }
}

/** Records from a service of its own, while the resident memory is looked at twice a second. */
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
  const most = { questdb: 0, server: 0 };
  const look = () => {
    const now = {
      questdb: readResidentMb(lock.questdb.pid),
      server: readResidentMb(lock.process.pid),
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
  return { ...most, rowsSent: sent, rowsStored: stored, bucketRows: Number(bucketRows) };
}
