import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { NodeVersion } from '../support/node-version.ts';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { sendAbortedRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
const servers = new PostgresAndRedis();
const node22 = new NodeVersion();
beforeAll(() => Promise.all([questdb.start(), servers.start(), node22.install(22)]));
afterAll(async () => {
  await Promise.all([questdb.remove(), servers.remove()]);
  node22.remove();
});

const MOMENTS = [
  'body',
  'emitter',
  'handler',
  'nested query',
  'outlives',
  'query callback',
  'timer',
];
/** Who asks, on one connection: with a tenant, without one, and named by the application. */
const ASKERS = ['A', '', 'B', '', 'A', 'named', ''];

it.each([22, 24])('knows on Node %s for whom each moment of a request is', async (major) => {
  const service = `contexts-${major}`;
  const env = {
    PATH: process.env.PATH,
    XDG_RUNTIME_DIR: questdb.folder,
    ...questdb.env,
    ...servers.env,
    PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool`,
    PERFORMANCE_FLUSH_INTERVAL: '300',
    PERFORMANCE_ORGANIZATION_HEADER: 'x-org',
    OTEL_SERVICE_NAME: service,
  };
  const node = major === 22 ? node22.path : process.execPath;
  const app = new InstrumentedApp('test/apps/tenant-contexts.mjs', { env, node });
  const base = await app.url();
  const { port, hostname } = new URL(base);
  const connections = 5;
  const rounds = 10;
  const requests = Array.from({ length: rounds }, () => ASKERS).flat();
  await Promise.all(
    Array.from({ length: connections }, async (_, i) => {
      const socket = connect(Number(port), hostname);
      let received = '';
      socket.on('data', (part) => {
        received += part;
      });
      await once(socket, 'connect');
      // Pipelined: all are sent before the first is answered.
      for (const asker of requests) socket.write(requestFor(asker));
      await waitFor(async () => received.split('served').length - 1 === requests.length);
      socket.destroy();
      await sendAbortedRequests(`${base}/?aborted=${i}`, 2);
    }),
  );
  const each = connections * rounds;
  const expected = { '': 3 * each, A: 2 * each, B: each, named: each };
  const rows = await waitFor(async () => {
    const found = await questdb.sql(
      `SELECT operation, coalesce(organization_id, ''), tags, count() FROM performance_metrics
       WHERE name = 'probe' AND service = '${service}'`,
    );
    const last = found.filter(([moment]) => moment === 'outlives');
    return last.reduce((sum, row) => sum + Number(row[3]), 0) >= 7 * each && found;
  });
  await app.stop();
  const wrong = rows.filter(([, org, tags]) => JSON.parse(String(tags)).expected !== org);
  expect(wrong).toEqual([]);
  expect([...new Set(rows.map(([moment]) => moment))].sort()).toEqual(MOMENTS);
  for (const [table, condition] of [
    ['API_RESPONSE_TIME', 'aborted_count = 0'],
    ['DATABASE_QUERY_TIME', "endpoint = 'SELECT ?'"],
  ]) {
    const named = async () => {
      const counts = await questdb.sql(
        `SELECT coalesce(organization_id, '') org, sum(count) FROM performance_metrics
         WHERE metric_type = '${table}' AND service = '${service}' AND ${condition} ORDER BY org`,
      );
      return Object.fromEntries(counts.filter(([org]) => org !== ''));
    };
    const factor = table === 'DATABASE_QUERY_TIME' ? 2 : 1;
    // The last interval is on its way when the application has ended.
    await expect
      .poll(named, { timeout: 90_000, interval: 100 })
      .toEqual({ A: factor * expected.A, B: factor * each, named: factor * each });
  }
});

function requestFor(asker: string): string {
  const path = asker === 'named' ? '/?named=named' : '/';
  const header = asker === '' || asker === 'named' ? '' : `x-org: ${asker}\r\n`;
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${header}content-length: 4\r\n\r\nbody`;
}
