import { setTimeout as delay } from 'node:timers/promises';
import type { ProxyMode } from '../../support/proxy-server.ts';
import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

const RATE = 2000;
const MODES: readonly ProxyMode[] = [
  { kind: 'reset' },
  { kind: 'hang' },
  { kind: 'drop-responses' },
  { kind: 'cut', bytes: 20_000 },
  { kind: 'delay', ms: 1500 },
  { kind: 'throttle', bytesPerSecond: 300_000 },
  { kind: 'answer', status: 200, body: '<html>Maintenance</html>' },
  { kind: 'answer', status: 503, body: 'unavailable' },
  { kind: 'limit', bytes: 100_000 },
];

/** Records rows for a long time, while the connection and QuestDB fail in turn. */
async function soak(run: ChaosRun): Promise<void> {
  const program = await run.startConnected();
  await program.run(`rate ${RATE}`);
  const endMs = performance.now() + run.settings.soakMinutes * 60_000;
  for (let i = 0; performance.now() < endMs; i++) {
    await delay(10_000);
    if (i % (MODES.length + 1) === MODES.length) {
      await run.questdb.kill();
      await delay(3000);
      await run.questdb.start();
      continue;
    }
    run.proxy.mode = MODES[i % (MODES.length + 1)]!;
    await delay(3000);
    run.proxy.mode = { kind: 'forward' };
  }
  run.faultEnds();
  await program.run('rate 0');
  run.patienceMs = 120_000;
}

export const SOAK_SCENARIO: Scenario = {
  name: 'soak',
  failure: 'all failures of the connection and of QuestDB in turn, for one hour or as configured',
  isExclusive: true,
  isFull: true,
  run: soak,
};
