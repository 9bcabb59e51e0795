import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

/** Starts a process in its own PID namespace, as in a container. The namespace ends with `unshare`. */
const IN_CONTAINER = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

function cannotUnshare(): string | undefined {
  const [command = '', ...args] = IN_CONTAINER;
  const { status } = spawnSync(command, [...args, 'true']);
  return status === 0 ? undefined : 'PID namespaces are not available';
}

/** Kills an application at random points and starts it again. */
async function killRepeatedly(run: ChaosRun, kills: number): Promise<void> {
  for (let i = 0; i < kills; i++) {
    const program = await run.start({ mode: 'agent', label: `app${i}` });
    await program.run('rate 2000');
    await delay(2600 + Math.random() * 1000);
    await program.kill();
  }
  run.faultEnds();
  const last = await run.start({ mode: 'agent', label: 'last' });
  await last.run('burst 100');
  if (kills > 10) run.patienceMs = 120_000;
}

/** Records rows at the same time in several processes while QuestDB is unreachable. */
async function recordInParallel(
  run: ChaosRun,
  launcher: readonly string[],
): Promise<readonly string[]> {
  const labels = ['a', 'b', 'c', 'd'];
  const programs = await Promise.all(
    labels.map((label) => run.start({ mode: 'agent', label, launcher })),
  );
  await Promise.all(programs.map((program) => program.run('rate 500')));
  run.proxy.mode = { kind: 'reset' };
  await delay(3500);
  if (launcher.length === 0) {
    await programs[0]!.kill();
    // Then another process takes over the rows of the killed process.
    run.patienceMs = 5000;
  }
  // The new process must not take over the spool of the running processes.
  await run.start({ mode: 'agent', label: 'e', launcher });
  await delay(3000);
  run.proxy.mode = { kind: 'forward' };
  run.faultEnds();
  await delay(2000);
  for (const program of programs) if (!program.hasExited) await program.run('rate 0');
  return labels;
}

/** Scenarios in which processes end, fork, or share a spool. */
export const PROCESS_SCENARIOS: readonly Scenario[] = [
  {
    name: 'app-killed',
    failure: 'the application is killed 3 times at random points (full form: 100 times)',
    // A kill in the middle of a write leaves an incomplete record, which is counted as damaged.
    mayLose: ['in memory at the kill', 'dropped'],
    run: (run) => killRepeatedly(run, run.isFull ? 100 : 3),
  },
  {
    name: 'shared-spool',
    failure: 'five processes share a spool, QuestDB is unreachable, and one of them is killed',
    mayLose: ['in memory at the kill', 'dropped'],
    async run(run) {
      await recordInParallel(run, []);
    },
  },
  {
    name: 'two-containers',
    failure: 'containers that see only their own processes share a spool',
    skip: cannotUnshare,
    async run(run) {
      await recordInParallel(run, IN_CONTAINER);
    },
  },
  {
    name: 'cluster',
    failure: 'the processes of a cluster end while QuestDB is unreachable',
    async run(run) {
      const program = await run.startConnected({ mode: 'agent' });
      run.proxy.mode = { kind: 'reset' };
      for (let i = 0; i < 4; i++) run.expected.set(`main-${i}`, 2000);
      // Then another process takes over the rows of the ended processes.
      run.patienceMs = 5000;
      await program.run('cluster 4 2000');
      await program.run('burst 1000');
      run.proxy.mode = { kind: 'forward' };
      run.faultEnds();
    },
  },
  {
    name: 'worker-thread',
    failure: 'a worker thread ends, and the process continues',
    async run(run) {
      const program = await run.start({ mode: 'agent' });
      await program.run('burst 10');
      run.expected.set('main-thread', 5000);
      await program.run('thread 5000');
      run.faultEnds();
      if (!(await run.waitUntilComplete(25_000))) run.fail("the thread's rows were not sent");
    },
  },
  {
    name: 'sync-loop',
    failure: '100,000 values are recorded in one loop, then `flush()`',
    async run(run) {
      const program = await run.start({ mode: 'agent', isRegistered: true, burst: 100_000 });
      run.faultEnds();
      const { error } = await program.run('flush 30000');
      if (error) run.fail(error);
    },
  },
  {
    name: 'chdir',
    failure: 'the application changes its folder, and the spool has a relative path',
    async run(run) {
      const settings = { PERFORMANCE_SPOOL_DIR: './spool' };
      const program = await run.startConnected({ mode: 'agent', cwd: run.folder, settings });
      run.proxy.mode = { kind: 'reset' };
      await program.run('rate 2000');
      await program.waitForRecorded(4000);
      await program.run(`chdir ${mkdtempSync(join(run.folder, 'other-'))}`);
      await program.waitForRecorded(8000);
      await program.run('rate 0');
      run.proxy.mode = { kind: 'forward' };
      run.faultEnds();
    },
  },
  {
    name: 'many-names',
    failure: '30,000 different names (full form: 200,000)',
    async run(run) {
      const program = await run.start({ mode: 'agent' });
      await program.run(`names ${run.isFull ? 200_000 : 30_000}`);
      run.faultEnds();
      await program.run('flush 60000');
    },
  },
  {
    name: 'poison-values',
    failure: 'invalid values between valid ones',
    mayLose: ['dropped', 'dead letter'],
    async run(run) {
      const program = await run.start({ mode: 'agent' });
      const poison = [
        { value: null },
        { name: 'x\u0000y' },
        { name: 'x'.repeat(100_000) },
        { organizationId: 'a\u0000b' },
        { timestamp: 1 },
        { timestamp: 1e15 },
        { endpoint: '\ud800' },
        { tags: { text: '\u0000'.repeat(1000) } },
      ];
      for (const fields of poison) {
        await program.run('burst 50');
        await program.run(`fields ${JSON.stringify(fields)}`);
      }
      run.faultEnds();
    },
  },
];
