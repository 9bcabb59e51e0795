import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { sendAbortedRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
const databases = new PostgresAndRedis();
beforeAll(() => Promise.all([questdb.start(), databases.start()]));
afterAll(() => Promise.all([questdb.remove(), databases.remove()]));

const CONTEXTS = [
  'after response',
  'body',
  'emitter',
  'handler',
  'nested query',
  'query callback',
  'timer',
];
/**
 * Tenants of consecutive requests on one connection. '' means no tenant. The application sets tenant
 * C itself, and reads the others from a header.
 */
const TENANTS = ['A', '', 'B', '', 'A', 'C', ''];

it.each([22, 24, 26])(
  'assigns the right tenant in each request context on Node %s',
  async (major) => {
    const service = `contexts-${major}`;
    const env = {
      ...questdb.serviceEnv,
      ...databases.env,
      PERFORMANCE_FLUSH_INTERVAL: '300',
      PERFORMANCE_ORGANIZATION_HEADER: 'x-org',
      OTEL_SERVICE_NAME: service,
    };
    const app = new InstrumentedApp('test/apps/tenant-contexts.mjs', {
      env,
      node: nodeBinary(major),
    });
    const base = await app.url();
    const { port, hostname } = new URL(base);
    const connections = 5;
    const rounds = 10;
    const requests = Array.from({ length: rounds }, () => TENANTS).flat();
    await Promise.all(
      Array.from({ length: connections }, async (_, i) => {
        const socket = connect(Number(port), hostname);
        let received = '';
        socket.on('data', (part) => {
          received += part;
        });
        await once(socket, 'connect');
        // HTTP pipelining: sends all requests before the first response arrives.
        for (const tenant of requests) socket.write(formatRequest(tenant));
        await waitFor(async () => received.split('served').length - 1 === requests.length);
        socket.destroy();
        await sendAbortedRequests(`${base}/?aborted=${i}`, 2);
      }),
    );
    const perTenant = connections * rounds;
    const rows = await waitFor(async () => {
      const found = await questdb.sql(
        `SELECT operation, coalesce(organization_id, ''), tags, count() FROM performance_metrics
       WHERE name = 'probe' AND service = '${service}'`,
      );
      const lastRows = found.filter(([context]) => context === 'after response');
      return (
        lastRows.reduce((sum, row) => sum + Number(row[3]), 0) >= TENANTS.length * perTenant &&
        found
      );
    });
    await app.stop();
    const wrong = rows.filter(([, org, tags]) => JSON.parse(String(tags)).expected !== org);
    expect(wrong).toEqual([]);
    expect([...new Set(rows.map(([context]) => context))].sort()).toEqual(CONTEXTS);
    for (const [metricType, condition] of [
      ['API_RESPONSE_TIME', 'aborted_count = 0'],
      ['DATABASE_QUERY_TIME', "endpoint = 'SELECT ?'"],
    ]) {
      const readCounts = async () => {
        const counts = await questdb.sql(
          `SELECT coalesce(organization_id, '') org, sum(count) FROM performance_metrics
         WHERE metric_type = '${metricType}' AND service = '${service}' AND ${condition} ORDER BY org`,
        );
        return Object.fromEntries(counts.filter(([org]) => org !== ''));
      };
      const perRequest = metricType === 'DATABASE_QUERY_TIME' ? 2 : 1;
      // The rows of the last interval can arrive after the application has stopped.
      await expect.poll(readCounts, { timeout: 240_000, interval: 100 }).toEqual({
        A: perRequest * 2 * perTenant,
        B: perRequest * perTenant,
        C: perRequest * perTenant,
      });
    }
  },
);

function formatRequest(tenant: string): string {
  const path = tenant === 'C' ? '/?tenant=C' : '/';
  const header = tenant === '' || tenant === 'C' ? '' : `x-org: ${tenant}\r\n`;
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${header}content-length: 4\r\n\r\nbody`;
}
