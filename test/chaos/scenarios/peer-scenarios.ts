import { setTimeout as delay } from 'node:timers/promises';
import type { ProxyMode } from '../../support/proxy-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

const RATE = 1000;

/** Records rows while the connection to QuestDB fails as `mode` describes. */
async function recordThrough(run: ChaosRun, mode: ProxyMode, ms: number): Promise<void> {
  const program = await run.startConnected();
  await program.run(`rate ${RATE}`);
  await program.waitForRecorded(RATE / 2);
  run.proxy.mode = mode;
  await delay(ms);
  run.proxy.mode = { kind: 'forward' };
  run.faultEnds();
  await program.waitForRecorded(program.recorded + RATE / 2);
  await program.run('rate 0');
}

/** Collects a backlog while QuestDB is unreachable, and then lets it drain in `mode`. */
async function drainThrough(run: ChaosRun, mode: ProxyMode, rows: number): Promise<void> {
  const program = await run.startConnected({ padding: 400 });
  run.proxy.mode = { kind: 'reset' };
  await program.run('rate 5000');
  await program.waitForRecorded(rows);
  await program.run('rate 0');
  run.proxy.mode = mode;
  run.faultEnds();
  run.patienceMs = 240_000;
  if (!(await run.waitUntilComplete())) run.fail('the backlog did not drain over this connection');
  run.proxy.mode = { kind: 'forward' };
}

/** Scenarios in which the connection, a proxy, or the peer fails. */
export const PEER_SCENARIOS: readonly Scenario[] = [
  {
    name: 'lost-responses',
    failure: '20 responses are lost after QuestDB committed the rows (full form: 1,000)',
    async run(run) {
      const losses = run.isFull ? 1000 : 20;
      const program = await run.startConnected();
      run.proxy.mode = { kind: 'drop-responses' };
      await program.run(`rate ${RATE}`);
      await waitFor(async () => run.proxy.droppedResponses >= losses, losses * 2000).catch(
        () => {},
      );
      run.proxy.mode = { kind: 'forward' };
      run.faultEnds();
      const lost = run.proxy.droppedResponses;
      if (lost < losses) run.fail(`only ${lost} responses were lost`);
      await program.run('rate 0');
    },
  },
  {
    name: 'connections-cut',
    failure: 'connections are cut in the middle of a request',
    run: (run) => recordThrough(run, { kind: 'cut', bytes: 3000 }, 4000),
  },
  {
    name: 'slow-peer',
    failure: 'QuestDB takes 2 s to respond',
    run: (run) => recordThrough(run, { kind: 'delay', ms: 2000 }, 6000),
  },
  {
    name: 'silent-peer',
    failure: 'the peer accepts requests and never responds',
    run: (run) => recordThrough(run, { kind: 'hang' }, 6000),
  },
  {
    name: 'failing-peer',
    failure: 'the peer responds with status 500',
    run: (run) => recordThrough(run, { kind: 'answer', status: 500, body: 'failed' }, 4000),
  },
  {
    name: 'maintenance-page',
    failure: 'a proxy responds with status 200 and an HTML page for 4 s',
    run: (run) =>
      recordThrough(run, { kind: 'answer', status: 200, body: '<html>Maintenance</html>' }, 4000),
  },
  {
    name: 'slow-link',
    failure: 'a backlog drains over a link of 300 kB/s',
    run: (run) => drainThrough(run, { kind: 'throttle', bytesPerSecond: 300_000 }, 10_000),
  },
  {
    name: 'body-limit',
    failure: 'a proxy rejects requests of more than 1 MB with status 413',
    run: (run) => drainThrough(run, { kind: 'limit', bytes: 1_048_576 }, 10_000),
  },
];
