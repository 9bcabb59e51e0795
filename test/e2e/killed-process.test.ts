import { readdirSync, statSync } from 'node:fs';
import { afterAll, beforeAll, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const REQUESTS = 150;

const questdb = new QuestdbWithSpoolSender();
beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

/** Sends requests of as many tenants, so that the end of an interval sends its rows at once. */
async function startAndSendRequests(service: string, intervalMs: number): Promise<InstrumentedApp> {
  const app = new InstrumentedApp('test/apps/many-tenants.mjs', {
    env: {
      ...questdb.serviceEnv,
      OTEL_SERVICE_NAME: service,
      PERFORMANCE_ORGANIZATION_HEADER: 'x-org',
      PERFORMANCE_FLUSH_INTERVAL: String(intervalMs),
    },
  });
  const url = await app.url();
  for (let i = 0; i < REQUESTS; i++) await fetch(url, { headers: { 'x-org': `org-${i}` } });
  return app;
}

const listCheckpoints = () =>
  readdirSync(`${questdb.folder}/spool`, { recursive: true })
    .map((path) => `${questdb.folder}/spool/${String(path)}`)
    .filter((path) => path.endsWith('checkpoint'));

const countRequests = (service: string, table: string) => () =>
  questdb.sql(`SELECT sum(count) FROM ${table} WHERE service = '${service}'
    AND metric_type = 'API_RESPONSE_TIME'`);

async function expectAllRequests(service: string): Promise<void> {
  await expectRows(
    () =>
      questdb.sql(`SELECT count(), sum(database_calls) FROM performance_metrics
        WHERE service = '${service}' AND metric_type = 'API_RESPONSE_TIME' AND sum > 0
        AND abs(sum - (database_time + outgoing_time + queue_time + connection_wait_time
          + event_loop_wait_time + own_time)) < 1e-6`),
    [[REQUESTS, 0]],
  );
  await expectRows(countRequests(service, 'performance_metrics'), [[REQUESTS]]);
  await expectRows(countRequests(service, 'metric_buckets'), [[REQUESTS]]);
}

it('stores the histograms of an interval in which the process is killed', async () => {
  const app = await startAndSendRequests('killed-within', 3_600_000);
  const waitForCheckpoint = (afterMs: number) =>
    waitFor(async () =>
      listCheckpoints()
        .map((path) => statSync(path).mtimeMs)
        .find((ms) => ms > afterMs),
    );
  // The agent might have started the first checkpoint before the last request.
  await waitForCheckpoint(await waitForCheckpoint(Date.now()));
  await app.stop('SIGKILL');
  await expectAllRequests('killed-within');
});

it('stores an interval once if the process is killed right after its end', async () => {
  for (let round = 0; round < 3; round++) {
    const service = `killed-after-${round}`;
    const app = await startAndSendRequests(service, 4000);
    await waitFor(async () => {
      const [[count] = []] = await countRequests(service, 'performance_metrics')();
      return Number(count) === REQUESTS;
    });
    await app.stop('SIGKILL');
    // The folder of the process is deleted after its rows were adopted.
    await waitFor(async () => listCheckpoints().length === 0);
    await expectAllRequests(service);
  }
});
