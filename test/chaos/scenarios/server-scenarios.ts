import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DAY_MS } from '../../../src/core/duration.ts';
import { ChaosServer } from '../../support/chaos-server.ts';
import { InstrumentedApp } from '../../support/instrumented-app.ts';
import { sendRequests } from '../../support/send-requests.ts';
import { suspendTable } from '../../support/suspend-table.ts';
import { waitFor } from '../../support/wait-for.ts';
import { waitForWal } from '../../support/wait-for-rollups.ts';
import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

/** Returns when the last checkpoint was written, in ms since the epoch. */
function getCheckpointMs(spool: string): number {
  const files = readdirSync(spool, { recursive: true, withFileTypes: true });
  const checkpoints = files.filter(({ name }) => name === 'checkpoint');
  const times = checkpoints.map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs);
  return Math.max(0, ...times);
}

/** Runs `body` with a server and its embedded QuestDB. Programs find the server as services do. */
async function withServer(run: ChaosRun, body: (server: ChaosServer) => Promise<void>) {
  const server = new ChaosServer(run.settings.dist, { PERFORMANCE_SPOOL_DIR: run.spool });
  run.programEnv = {
    PERFORMANCE_QUESTDB_URL: undefined,
    PERFORMANCE_QUESTDB_PG_URL: undefined,
    PERFORMANCE_QUESTDB_USER: undefined,
    PERFORMANCE_QUESTDB_PASSWORD: undefined,
    XDG_RUNTIME_DIR: server.env.XDG_RUNTIME_DIR,
  };
  run.onRemove(() => server.remove());
  await server.start();
  run.target = server.questdb.write;
  await body(server);
  await run.finish();
  await run.takeSnapshot();
}

/** Scenarios with a complete server. */
export const SERVER_SCENARIOS: readonly Scenario[] = [
  {
    name: 'machine-restart',
    failure: 'the application, the server, and QuestDB are killed at the same time',
    mayLose: ['in memory at the kill', 'dropped'],
    run: (run) =>
      withServer(run, async (server) => {
        const program = await run.start({ mode: 'agent' });
        await program.run('rate 2000');
        await program.waitForRecorded(8000);
        await Promise.all([server.killWithQuestdb(), program.kill()]);
        await server.start();
        run.target = server.questdb.write;
        run.faultEnds();
      }),
  },
  {
    name: 'restored-backup',
    failure: 'a backup is restored while the spool contains newer rows',
    run: (run) =>
      withServer(run, async (server) => {
        const program = await run.start({ mode: 'agent' });
        await program.run('burst 3000');
        await program.run('flush 30000');
        const folder = join(run.folder, 'backup');
        await server.runCommand('backup', folder);
        await server.stop();
        await program.run('burst 3000');
        await delay(1000);
        await server.runCommand('restore', '--force', folder);
        await server.start();
        run.target = server.questdb.write;
        run.faultEnds();
      }),
  },
  {
    name: 'suspended-table',
    failure: 'QuestDB suspends a table, as after a full disk',
    isExclusive: true,
    async run(run) {
      const server = new ChaosServer(run.settings.dist, run.questdb.env);
      run.onRemove(() => server.remove());
      await server.start();
      const program = await run.startConnected({ isDirect: true });
      run.onRemove(async () => {
        await run.questdb.sql('ALTER TABLE performance_metrics RESUME WAL').catch(() => {});
      });
      await suspendTable(run.questdb, 'performance_metrics', "WITH 28, 'No space left on device'");
      await program.run('burst 3000');
      run.faultEnds();
      run.patienceMs = 240_000;
      if (!(await run.waitUntilComplete())) run.fail('the table was not resumed');
    },
  },
  {
    name: 'killed-requests',
    failure: 'the application is killed after the checkpoint that follows its last request',
    async run(run) {
      // If the export interval ended during the scenario, an idle application would have no checkpoint.
      const settings = {
        ...run.env(true),
        PERFORMANCE_FLUSH_INTERVAL: undefined,
        OTEL_METRIC_EXPORT_INTERVAL: String(DAY_MS),
      };
      const register = join(run.settings.dist, 'agent-package', 'register.js');
      const app = new InstrumentedApp('test/apps/hotel-esm.mjs', {
        env: settings,
        flags: ['--import', register.startsWith('/') ? register : join(process.cwd(), register)],
      });
      run.onRemove(async () => void (await app.stop('SIGKILL')));
      const responses = await sendRequests(`${await app.url()}/rooms/1`, 400);
      const waitForCheckpoint = (afterMs: number) =>
        waitFor(async () => {
          const writtenMs = getCheckpointMs(run.spool);
          return writtenMs > afterMs && writtenMs;
        });
      // The agent might have started the first checkpoint before the last request.
      await waitForCheckpoint(await waitForCheckpoint(Date.now()));
      await app.stop('SIGKILL');
      run.faultEnds();
      const successor = await run.start({ label: 'sweep', isDirect: true });
      await successor.run('adopt');
      await successor.run('flush 120000');
      await waitForWal(run.questdb);
      const [[count] = []] = await run.questdb.sql(
        `SELECT sum(count) FROM performance_metrics
         WHERE service = '${run.id}'
        AND metric_type = 'API_RESPONSE_TIME' AND endpoint = '/rooms/:id'`,
      );
      const stored = Number(count ?? 0);
      run.other = { recorded: responses, stored, doubled: Math.max(0, stored - responses) };
    },
  },
];
