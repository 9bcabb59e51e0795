import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { sendRequests } from '../support/send-requests.ts';
import { readSpooledLines } from '../support/spool-fixtures.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new ExternalQuestdb();
const spool = join(questdb.folder, 'spool');
beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

const env = () => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  XDG_RUNTIME_DIR: questdb.folder,
  PERFORMANCE_FLUSH_INTERVAL: '300',
  PERFORMANCE_SPOOL_DIR: spool,
  ...questdb.env,
});

/** Returns the IDs of single measurements in a spool folder. */
function readSpooledIds(folder: string): string[] {
  return readSpooledLines(folder)
    .filter((line) => line.startsWith('performance_metrics,') && line.includes('name=steady'))
    .map((line) => /\bid="([^"]+)"/.exec(line)?.[1] ?? 'no id');
}

const getSpoolFolder = (pid: number) =>
  join(spool, readdirSync(spool).find((name) => name.startsWith(`spool-${pid}-`)) ?? 'none');

it('stores every row exactly once if QuestDB and an app are killed', async () => {
  const hotel = new InstrumentedApp('test/apps/hotel-esm.mjs', {
    env: { ...env(), OTEL_SERVICE_NAME: 'hotel' },
  });
  const base = await hotel.url();
  const steady = new InstrumentedApp('test/apps/steady.mjs', { env: env() });
  await sendRequests(`${base}/rooms/1`, 50);
  await waitFor(
    async () => (await questdb.sql("performance_metrics WHERE name = 'steady'")).length,
  );

  await questdb.kill();
  const pendingResponses = sendRequests(`${base}/rooms/1`, 1000, { connections: 4 });
  const pid = steady.child.pid!;
  await waitFor(async () => readSpooledIds(getSpoolFolder(pid)).length > 1000);
  // Another process adopts the folder of a process that has ended, but not of a process that was stopped.
  steady.child.kill('SIGSTOP');
  const spooled = readSpooledIds(getSpoolFolder(pid));
  await steady.stop('SIGKILL');
  const successor = new InstrumentedApp('test/apps/steady.mjs', { env: env(), args: ['idle'] });
  const responseCount = await pendingResponses;
  // The application has saved requests of the outage.
  const hotelPid = hotel.child.pid!;
  await waitFor(async () =>
    readSpooledLines(getSpoolFolder(hotelPid)).some((line) => line.includes('/rooms/:id')),
  );
  await questdb.start();

  const stored = await waitFor(async () => {
    const rows = await questdb.sql("SELECT id FROM performance_metrics WHERE name = 'steady'");
    const ids = rows.map(([id]) => String(id));
    const storedIds = new Set(ids);
    return spooled.every((id) => storedIds.has(id)) && ids;
  });
  expect(spooled.length).toBeGreaterThan(1000);
  expect(new Set(stored).size).toBe(stored.length);
  await sendRequests(`${base}/rooms/1`, 50);
  // Sends the rows that the others can't deliver before they exit.
  const sender = new InstrumentedApp('test/apps/steady.mjs', { env: env(), args: ['idle'] });
  await hotel.stop();
  await successor.stop();
  const counts = await waitFor(async () => {
    const [row] = await questdb.sql(
      `SELECT sum(count), sum(error_count) FROM performance_metrics
       WHERE service = 'hotel'
          AND metric_type = 'API_RESPONSE_TIME' AND endpoint = '/rooms/:id'`,
    );
    return Number(row?.[0]) >= responseCount + 100 && row;
  });
  expect(counts).toEqual([responseCount + 100, 0]);
  await expectRows(
    () =>
      questdb.sql(
        "SELECT sum(count) FROM metric_buckets WHERE service = 'hotel' AND endpoint = '/rooms/:id'",
      ),
    [[responseCount + 100]],
  );
  await sender.stop();
});
