import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function shiftClock(run: ChaosRun, ms: number): Promise<void> {
  const program = await run.start();
  await program.run('rate 1000');
  await program.waitForRecorded(1000);
  run.proxy.mode = { kind: 'reset' };
  await program.run(`clock ${ms}`);
  await program.waitForRecorded(program.recorded + 1000);
  await program.run('clock 0');
  run.proxy.mode = { kind: 'forward' };
  run.faultEnds();
  await program.waitForRecorded(program.recorded + 1000);
  await program.run('rate 0');
}

/** Scenarios in which the clock of a process changes. */
export const CLOCK_SCENARIOS: readonly Scenario[] = [
  {
    name: 'clock-back',
    failure: 'the clock goes back by one hour while QuestDB is unreachable',
    run: (run) => shiftClock(run, -HOUR_MS),
  },
  {
    name: 'clock-forward',
    failure: 'the clock goes forward by one hour while QuestDB is unreachable',
    run: (run) => shiftClock(run, HOUR_MS),
  },
  {
    name: 'faked-clock',
    failure: 'a process whose clock is 60 days ahead takes over the rows of a killed process',
    async run(run) {
      run.proxy.mode = { kind: 'reset' };
      const first = await run.start({ label: 'first' });
      await first.run('burst 3000');
      await first.run('flushSync');
      first.markSaved();
      await first.kill();
      const second = await run.start({ label: 'second' });
      await second.run(`clock ${60 * DAY_MS}`);
      await second.run('adopt');
      await second.run('flush 1000');
      run.proxy.mode = { kind: 'forward' };
      run.faultEnds();
    },
  },
];
