import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import {
  EVENT_LOOP_BLOCK_METRIC_NAME,
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../src/core/suggestion-metrics.ts';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new ExternalQuestdb({ isShared: true });
const databases = new PostgresAndRedis();
beforeAll(() => Promise.all([questdb.start(), databases.start()]));
afterAll(() => Promise.all([questdb.remove(), databases.remove()]));

const TRACE = '0af7651916cd43dd8448eb211c80319c';

interface Calls {
  readonly statements: number;
  readonly jobs: number;
  readonly statementMs: number;
  readonly jobMs: number;
}

it.concurrent.each([22, 24, 26])('stores the parts of requests on Node %s', async (node) => {
  const service = `breakdown-${node}`;
  const app = new InstrumentedApp('test/apps/request-breakdown.cjs', {
    env: {
      ...questdb.serviceEnv,
      ...databases.env,
      OTEL_SERVICE_NAME: service,
      QUEUE_NAME: service,
      PERFORMANCE_FLUSH_INTERVAL: '1000',
    },
    node: nodeBinary(node),
  });
  const base = await app.url();
  await Promise.all([
    sendRequests(`${base}/rooms/7`, 20),
    sendRequests(`${base}/list`, 10),
    sendRequests(`${base}/mail`, 15, { method: 'POST' }),
    sendRequests(`${base}/busy`, 2),
    sendRequests(`${base}/outgoing`, 5),
    sendRequests(`${base}/import`, 3, { method: 'POST' }),
  ]);
  const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
  await (await fetch(`${base}/broken`, { headers })).text();
  const calls = (await (await fetch(`${base}/calls`)).json()) as Record<string, Calls>;

  const readRows = async () => {
    const rows = await questdb.sql(`SELECT endpoint, sum(count), sum(database_calls),
      sum(queue_calls), sum(outgoing_calls), sum(sum), sum(database_time), sum(queue_time),
      sum(outgoing_time), sum(connection_wait_time), sum(event_loop_wait_time), sum(own_time)
      FROM performance_metrics WHERE service = '${service}' AND metric_type = 'API_RESPONSE_TIME'`);
    const numbers = rows.map(([endpoint, ...values]) => [endpoint, values.map(Number)] as const);
    return new Map(numbers);
  };
  const rows = await waitFor(async () => {
    const found = await readRows();
    return found.get('/broken')?.[0] === 1 && found.get('/calls')?.[0] === 1 && found;
  });
  expect(
    Object.fromEntries([...rows].map(([route, values]) => [route, values.slice(0, 4)])),
  ).toEqual({
    '/rooms/:id': [20, 40, 0, 0],
    '/list': [10, 80, 0, 0],
    '/mail': [15, 0, 15, 0],
    '/busy': [2, 0, 0, 0],
    '/import': [3, 45, 0, 0],
    '/outgoing': [5, 0, 0, 10],
    '/target': [10, 0, 0, 0],
    '/broken': [1, 2, 0, 0],
    '/calls': [1, 0, 0, 0],
  });
  for (const [route, values] of rows) {
    // Its handler doesn't measure its statements.
    if (route === '/import') continue;
    const [count = 0, databaseCalls, queueCalls, , sum = 0, ...times] = values;
    const [database = 0, queue = 0, outgoing = 0, connection = 0, eventLoop = 0, own = 0] = times;
    const { statements = 0, jobs = 0, statementMs = 0, jobMs = 0 } = calls[String(route)] ?? {};
    expect(databaseCalls, `${route}`).toBe(statements);
    expect(queueCalls, `${route}`).toBe(jobs);
    expect(times.reduce((total, each) => total + each)).toBeCloseTo(sum, 6);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
    // Both calls of a request take at least 20 ms, at the same time.
    if (route === '/outgoing') expect(outgoing + eventLoop).toBeGreaterThanOrEqual(19 * count);
    else expect(outgoing).toBe(0);
    // The statements of the handlers include the wait for a connection and the blocked event loop.
    expect(database + connection).toBeLessThanOrEqual(statementMs + 1);
    // If the system interrupts the process for some ms, a single request can spend most of its time in its handler.
    if (count > 1)
      expect(database + connection + eventLoop).toBeGreaterThanOrEqual(0.5 * statementMs - 1);
    expect(queue).toBeLessThanOrEqual(jobMs + 1);
    if (route === '/busy') expect(own).toBeGreaterThanOrEqual(60 * count);
    // PostgreSQL sleeps for 20 ms in each request. The pool has one connection, so most requests wait for it.
    if (route === '/rooms/:id') {
      expect(database + eventLoop).toBeGreaterThanOrEqual(20 * count);
      expect(connection).toBeGreaterThan(0);
    }
  }

  const repeated = await questdb.sql(`SELECT endpoint, operation, sum(count), sum(sum), max(max)
    FROM performance_metrics
    WHERE service = '${service}' AND name = 'perfscope.request.repeated_statements' ORDER BY endpoint DESC`);

  const update = 'UPDATE guests SET name = NULL WHERE id = ?';
  expect(repeated).toEqual([
    ['/list', 'SELECT name FROM guests WHERE id = ?', 10, 80, 8],
    ['/import', update, 3, 36, 12],
  ]);

  const readEvidence = (name: string) =>
    questdb.sql(`SELECT endpoint, operation, sum(sum) FROM performance_metrics
      WHERE service = '${service}' AND name = '${name}' ORDER BY endpoint`);
  expect(await readEvidence(TRANSACTION_STATEMENTS_METRIC_NAME)).toEqual([['/import', update, 36]]);
  const generated = 'SELECT id AS evidence FROM generate_series(…) id';
  expect(await readEvidence(RETURNED_ROWS_METRIC_NAME)).toEqual([[generated, 'SELECT', 450]]);
  // Each of the 10 requests reads the same 8 guests, and the 20 requests read one room.
  expect(await readEvidence(REPEATED_EXECUTIONS_METRIC_NAME)).toEqual([
    [generated, 'SELECT', 2],
    ['SELECT name FROM guests WHERE id = ?', 'SELECT', 72],
    ['SELECT name FROM rooms WHERE id = ?', 'SELECT', 19],
  ]);
  // Blocks are omitted if the process gets too little CPU time, so the requests are repeated.
  const blocks = await waitFor(async () => {
    await Promise.all([
      sendRequests(`${base}/busy`, 1),
      sendRequests(`${base}/list`, 5),
      sendRequests(`${base}/rooms/7`, 5),
      sendRequests(`${base}/target`, 5),
    ]);
    const rows = await questdb.sql(`SELECT endpoint, operation, sum(count), min(min)
      FROM performance_metrics
      WHERE service = '${service}' AND name = '${EVENT_LOOP_BLOCK_METRIC_NAME}'`);
    const counts = new Map(rows.map(([endpoint, ...values]) => [endpoint, values]));
    return Number(counts.get('/busy')?.[1] ?? 0) >= 5 && counts;
  });
  expect(blocks.get('/busy')?.[0]).toBe('GET');
  expect(Number(blocks.get('/busy')?.[2])).toBeGreaterThanOrEqual(50);
  // The first request of a route loads and compiles code, which can also block.
  for (const [endpoint, [, count]] of blocks)
    if (endpoint !== '/busy') expect(Number(count), `${endpoint}`).toBeLessThanOrEqual(1);

  const samples = await questdb.sql(`SELECT tags, duration FROM performance_metrics
    WHERE service = '${service}' AND endpoint = '/broken' AND name = 'http.server.request.sample'`);
  expect(samples).toHaveLength(1);
  const [[tags, duration] = []] = samples;
  const { parts, trace_id } = JSON.parse(String(tags)) as Record<string, unknown>;
  expect(trace_id).toBe(TRACE);
  expect(parts).toMatchObject([
    { kind: 'connection' },
    { kind: 'database', name: 'SELECT name FROM rooms', failed: false },
    { kind: 'connection' },
    { kind: 'database', name: 'SELECT missing FROM rooms', failed: true },
  ]);
  for (const part of parts as { start: number; duration: number }[])
    expect(part.start + part.duration).toBeLessThanOrEqual(Number(duration) + 0.01);
  await app.stop();
});
