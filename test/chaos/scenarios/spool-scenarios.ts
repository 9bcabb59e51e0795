import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

const READ_ERRORS = ['EMFILE', 'EISDIR', 'EACCES', 'EIO', 'ENOMEM'];
/** So many rows don't fit in memory, so the spool is read. */
const BACKLOG = { rows: 20_000, padding: 500 };
const isRoot = process.getuid?.() === 0;
const needsRoot = () => (isRoot ? undefined : 'only root can do this');
const needsMounts = () =>
  spawnSync('unshare', ['--mount', 'true']).status === 0 ? undefined : 'mounts are not allowed';

/** Collects a backlog while QuestDB is unreachable, which the application then can't read for 2 s. */
async function failReads(run: ChaosRun, code: string): Promise<void> {
  const program = await run.startConnected({ hasFaults: true, padding: BACKLOG.padding });
  run.proxy.mode = { kind: 'reset' };
  await program.run('rate 10000');
  await program.waitForRecorded(BACKLOG.rows);
  await program.run('rate 0');
  await program.run(`fault read ${code}`);
  run.proxy.mode = { kind: 'forward' };
  // A flush doesn't wait for the next attempt. It can't succeed now.
  await program.run('flush 4000');
  await program.run('fault read none');
  run.faultEnds();
}

/** Uses all file descriptors of the process, so that it can't open files or connections. */
async function useAllDescriptors(run: ChaosRun): Promise<void> {
  const program = await run.startConnected({ padding: BACKLOG.padding });
  run.proxy.mode = { kind: 'reset' };
  await program.run('rate 10000');
  await program.waitForRecorded(BACKLOG.rows);
  const folder = `/proc/${program.pid}/fd`;
  const used = readdirSync(folder);
  const limit = used.filter((fd) => !isSocket(`${folder}/${fd}`)).length + 1;
  spawnSync('prlimit', [`--pid=${program.pid}`, `--nofile=${limit}:65536`]);
  run.proxy.mode = { kind: 'forward' };
  await program.run('flush 3000');
  spawnSync('prlimit', [`--pid=${program.pid}`, '--nofile=65536:65536']);
  run.faultEnds();
  await delay(1000);
  await program.run('rate 0');
}

function isSocket(link: string): boolean {
  try {
    return readlinkSync(link).startsWith('socket:');
  } catch {
    return true;
  }
}

/** Makes writes in the spool fail while QuestDB is unreachable and the spool is at its limit. */
async function failWrites(run: ChaosRun, fail: string): Promise<void> {
  const settings = { PERFORMANCE_SPOOL_MAX_BYTES: '2000000' };
  const program = await run.startConnected({ hasFaults: true, padding: 400, settings });
  run.proxy.mode = { kind: 'reset' };
  await program.run('rate 3000');
  await program.waitForRecorded(8000);
  for (const command of fail.split(',')) await program.run(command);
  await program.waitForRecorded(16_000);
  if (program.hasExited) run.fail(`the application ended with code ${program.exitCode}`);
  run.proxy.mode = { kind: 'forward' };
  run.faultEnds();
  await program.waitForRecorded(17_000);
  await program.run('rate 0');
}

/** Records rows while the disk of the spool is full. */
async function fillDisk(run: ChaosRun): Promise<void> {
  mkdirSync(run.spool);
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', run.spool]);
  run.onRemove(() => void spawnSync('umount', [run.spool]));
  run.proxy.mode = { kind: 'reset' };
  const program = await run.start({ padding: 400 });
  await program.run('rate 3000');
  await program.waitForRecorded(20_000);
  await program.run('rate 0');
  const files = readdirSync(run.spool, { recursive: true }).length;
  if (files > 500) run.fail(`${files} files in the spool`);
  run.proxy.mode = { kind: 'forward' };
  run.faultEnds();
}

/** Scenarios in which files of the spool can't be read or written. */
export const SPOOL_SCENARIOS: readonly Scenario[] = [
  ...READ_ERRORS.map(
    (code): Scenario => ({
      name: `read-${code.toLowerCase()}`,
      failure: `reads in the spool fail with ${code} when QuestDB is back`,
      run: (run) => failReads(run, code),
    }),
  ),
  {
    name: 'no-descriptors',
    failure: 'the process has no free file descriptors when QuestDB is back',
    run: useAllDescriptors,
  },
  {
    name: 'read-only-spool',
    failure: 'the file system turns read-only while QuestDB is unreachable and the spool is full',
    mayLose: ['spool_full', 'memory_full'],
    run: (run) => failWrites(run, 'fault write EROFS,fault remove EROFS'),
  },
  {
    name: 'dropped-root',
    failure: 'the process drops root while QuestDB is unreachable and the spool is full',
    mayLose: ['spool_full', 'memory_full'],
    skip: needsRoot,
    run: (run) => failWrites(run, 'setuid 65534'),
  },
  {
    name: 'full-disk',
    failure: 'the disk of the spool is full while QuestDB is unreachable',
    skip: needsMounts,
    run: fillDisk,
  },
  {
    name: 'full-spool',
    failure: 'the spool reaches its limit while QuestDB is unreachable, and the application ends',
    mayLose: ['spool_full'],
    async run(run) {
      run.proxy.mode = { kind: 'reset' };
      const settings = { PERFORMANCE_SPOOL_MAX_BYTES: '1000000' };
      const program = await run.start({ padding: 400, settings });
      await program.run('rate 5000');
      await program.waitForRecorded(20_000);
      await program.run('rate 0');
      await program.run('close 500');
      await program.exit();
      run.proxy.mode = { kind: 'forward' };
      run.faultEnds();
      await run.sweep();
    },
  },
  {
    name: 'unwritable-exit',
    failure: 'the application ends while neither the spool nor QuestDB accepts rows',
    mayLose: ['reported at exit'],
    async run(run) {
      run.proxy.mode = { kind: 'reset' };
      const program = await run.start({ mode: 'agent', hasFaults: true });
      await program.run('fault write EROFS');
      await program.run('burst 5000');
      await delay(1000);
      await program.exit();
      const reported = / dropped (?<rows>\d+) rows? in total/.exec(program.stderr)?.groups?.rows;
      const rows = Number(reported ?? 0);
      // The count also contains the bucket rows of these values.
      if (rows > 0) run.counted['reported at exit'] = Math.min(rows, program.recorded);
      run.proxy.mode = { kind: 'forward' };
      run.faultEnds();
    },
  },
  {
    name: 'backlog',
    failure: 'a backlog of 100,000 rows in many batches drains (full form: 1,050,000)',
    async run(run) {
      const rows = run.isFull ? 1_050_000 : 100_000;
      run.proxy.mode = { kind: 'reset' };
      const settings = { PERFORMANCE_BUFFER_SIZE: '50' };
      const program = await run.start({ settings });
      await program.run('rate 20000');
      await program.waitForRecorded(rows, 240_000);
      await program.run('rate 0');
      await delay(500);
      const files = readdirSync(run.spool, { recursive: true }).length;
      if (files > 500) run.fail(`${files} files in the spool`);
      run.proxy.mode = { kind: 'forward' };
      run.faultEnds();
      run.patienceMs = 240_000;
    },
  },
];
