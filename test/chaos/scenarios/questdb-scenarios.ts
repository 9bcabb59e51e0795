import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

/** Rows per second while QuestDB is unreachable. */
const RATE = 2000;

/** Records rows for a while before, during, and after a failure of QuestDB. */
async function recordDuring(run: ChaosRun, fail: () => Promise<void>): Promise<void> {
  const program = await run.startConnected({ isDirect: true });
  await program.run(`rate ${RATE}`);
  await program.waitForRecorded(RATE);
  await fail();
  run.faultEnds();
  await program.waitForRecorded(program.recorded + RATE);
  await program.run('rate 0');
}

/** Scenarios in which QuestDB itself fails. */
export const QUESTDB_SCENARIOS: readonly Scenario[] = [
  {
    name: 'questdb-killed',
    failure: 'QuestDB is killed and restarted under load',
    isExclusive: true,
    run: (run) =>
      recordDuring(run, async () => {
        await run.questdb.kill();
        await delay(2000);
        await run.questdb.start();
      }),
  },
  {
    name: 'questdb-stopped',
    failure: 'QuestDB is stopped with SIGSTOP for 12 s under load (full form: 60 s)',
    isExclusive: true,
    run: (run) =>
      recordDuring(run, async () => {
        process.kill(run.questdb.pid, 'SIGSTOP');
        await delay(run.isFull ? 60_000 : 12_000);
        process.kill(run.questdb.pid, 'SIGCONT');
      }),
  },
  {
    name: 'questdb-away',
    failure: 'QuestDB is unreachable for 10 s under load (full form: 3 minutes)',
    isExclusive: true,
    run: (run) =>
      recordDuring(run, async () => {
        await run.questdb.kill();
        await delay(run.isFull ? 180_000 : 10_000);
        await run.questdb.start();
      }),
  },
];
