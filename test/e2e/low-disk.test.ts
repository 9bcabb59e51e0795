import { afterAll, expect, it } from 'vitest';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { createGauge, encodeMetrics, sendOtlp } from '../support/send-otlp.ts';
import { waitFor } from '../support/wait-for.ts';

/** More than any disk has, so little disk space is always left. */
const LIMIT = String(Number.MAX_SAFE_INTEGER);
const server = new PerfscopeServer({ PERFORMANCE_MIN_FREE_DISK_BYTES: LIMIT });
afterAll(() => server.remove());

const countRows = async () => {
  const [[count] = []] = await server.sql(
    "SELECT sum(count) FROM performance_metrics WHERE name = 'left behind'",
  );
  return Number(count);
};

it('keeps the rows of services in the spool while little disk space is left', async () => {
  await server.start();
  await waitFor(async () => server.output.includes('database writes are paused'));
  expect(server.questdb.writesPaused).toBe('little disk space is left');
  const response = await fetch(`${server.url}/readyz`);
  expect([response.status, await response.json()]).toMatchObject([
    503,
    {
      code: 'PS_DISK_LOW',
      reasons: [{ code: 'PS_DISK_LOW', message: expect.stringContaining('free disk space') }],
      storage: { writesPaused: 'little disk space is left', minFreeDiskBytes: Number(LIMIT) },
    },
  ]);
  expect(await server.runApp('test/apps/record-and-exit.mjs')).toBe(0);
  expect(await countRows()).toBe(0);
  const otlp = encodeMetrics({}, createGauge('later', [{ value: 1, timeMs: Date.now() }]));
  expect(await sendOtlp(server.url, otlp)).toMatchObject({
    ...{ status: 503, retryAfter: '5', body: expect.stringContaining('little disk space is left') },
  });
  await server.stop();

  delete server.env.PERFORMANCE_MIN_FREE_DISK_BYTES;
  await server.start();
  expect(server.questdb.writesPaused).toBeUndefined();
  await waitFor(async () => (await fetch(`${server.url}/readyz`)).ok);
  // While the server reads the last points of cumulative series, senders must retry.
  await waitFor(async () => (await sendOtlp(server.url, otlp)).status === 200);
  expect(await waitFor(async () => (await countRows()) === 5000)).toBe(true);
});
