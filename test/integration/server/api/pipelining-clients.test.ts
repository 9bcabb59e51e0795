import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { createPrincipal } from '../../../../src/server/access/principal.ts';
import { QuestdbReader } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { getQueryCaller, runAsQueryCaller } from '../../../../src/storage/questdb/query-caller.ts';
import { QueryScheduler } from '../../../../src/storage/questdb/query-scheduler.ts';
import { sql } from '../../../../src/storage/sql/sql-builder.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitFor } from '../../../support/wait-for.ts';

const CLIENTS = 50;
const PIPELINED = 20;
const HEAVY_PATH = '/api/performance/metrics?last=1h';
const NORMAL_PATH = '/api/performance/metrics?last=2h';

/** Maximum wait of a query for its turn. */
const maxWaitMs = 1000;
const scheduler = new QueryScheduler({ maxQueries: 5, maxWaitMs });
/** Number of requested and of running queries of the clients that pipeline. */
let requestedQueries = 0;
let runningQueries = 0;

/** Resolves when the client disconnects, like a heavy query that is canceled. */
async function runHeavyQuery(): Promise<never> {
  const { signal } = getQueryCaller()!;
  runningQueries += 1;
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  runningQueries -= 1;
  throw new Error('canceled');
}

const api = new TestApiServer((queryClient) => ({
  getCatalog: () => queryClient.getCatalog(),
  scan: queryClient.scan,
  read: async (...args) => {
    const caller = getQueryCaller();
    if (caller?.groups[0]?.id !== 'caller key:attacker') {
      return scheduler.run(caller, caller?.signal, () => queryClient.read(...args));
    }
    requestedQueries += 1;
    return scheduler.run(caller, caller.signal, runHeavyQuery);
  },
}));
const sockets: Socket[] = [];

beforeAll(async () => {
  await api.start();
  api.principals.set('attacker', createPrincipal('key:attacker', { role: 'ADMIN' }));
  api.principals.set('normal', createPrincipal('key:normal', { role: 'ADMIN' }));
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await api.remove();
});

/** Opens a connection, pipelines heavy requests, and never reads. */
function openPipeliningClient(): void {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  socket.pause();
  const request = `GET ${HEAVY_PATH} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: attacker\r\n\r\n`;
  socket.write(request.repeat(PIPELINED));
}

async function request(path: string, apiKey: string) {
  const response = await fetch(api.url + path, { headers: { 'X-API-Key': apiKey } });
  const { status, headers } = response;
  const body = (await response.json()) as { code?: string; detail?: string };
  return { status, retryAfter: headers.get('retry-after'), code: body.code, detail: body.detail };
}

it('answers a client while 50 clients pipeline heavy queries and never read', async () => {
  for (let client = 0; client < CLIENTS; client++) openPipeliningClient();
  await waitFor(async () => requestedQueries >= CLIENTS && runningQueries === 4);
  for (let i = 0; i < 10; i++) {
    expect((await request(NORMAL_PATH, 'normal')).status).toBe(200);
  }
  expect(runningQueries).toBe(4);

  const excess = await request(HEAVY_PATH, 'attacker');
  expect(excess).toMatchObject({ status: 429, code: 'PS_TOO_MANY_OPEN', retryAfter: '5' });
  expect(excess.detail).toContain('4 concurrent queries per key');
  expect(scheduler.waitingCount).toBeLessThanOrEqual(CLIENTS);

  for (const socket of sockets.splice(0)) socket.destroy();
  await waitFor(async () => runningQueries === 0 && scheduler.waitingCount === 0);
});

it('cancels the query of a client that has disconnected', async () => {
  const reader = new QuestdbReader(api.questdb.readTarget);
  const disconnected = new AbortController();
  const caller = { groups: [], connection: {}, signal: disconnected.signal };
  const statement = sql`SELECT sum(a.x * b.x) FROM long_sequence(2000000) a CROSS JOIN long_sequence(1000000) b`;
  const slow = runAsQueryCaller(caller, () => reader.read(UNRESTRICTED_SCOPE, statement));
  const isRunning = async () => {
    const rows = await api.questdb.sql('SELECT query FROM query_activity()');
    return rows.some(([query]) => String(query).includes('sum(a.x * b.x)'));
  };
  await waitFor(isRunning);
  const rejected = expect(slow).rejects.toMatchObject({ code: 'PS_UNAVAILABLE' });
  disconnected.abort();
  await rejected;
  await waitFor(async () => !(await isRunning()));
  expect(await reader.read(UNRESTRICTED_SCOPE, sql`SELECT 1 AS one`)).toEqual([{ one: 1 }]);
  await reader.close();
});
