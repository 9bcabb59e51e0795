import { describe, expect, it } from 'vitest';
import { countEndpoints, listErrors, sumEndpoints } from '../support/endpoint-rows.ts';
import { type LibraryProgram, runLibraryProgram } from '../support/library-program.ts';
import type { LineProtocolRow } from '../support/parse-line-protocol.ts';

const HANDLERS = 'perfscope.websocket.message.duration';
const HANDSHAKES = 'perfscope.websocket.handshake.duration';
const CONNECTIONS = 'perfscope.websocket.connection.duration';
const FOLDERS = ['servers-1', 'servers-2'];
const ALL = ([22, 24, 26] as const).flatMap((node) =>
  (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
);
type Variant = (typeof ALL)[number];

/** Node.js 24 loads the library as an ES module, and the others as CommonJS. */
const isInCi = ([node, modules]: Variant) => (node === 24) === (modules === 'ESM');

async function run<T>(
  program: string,
  library: string,
  folder: string,
  [node, modules]: readonly [LibraryProgram['node'], LibraryProgram['modules']],
) {
  const env = { PERFORMANCE_ORGANIZATION_HEADER: 'x-org', PERFORMANCE_FLUSH_INTERVAL: '100' };
  const path = `../rpc/${program}`;
  const result = await runLibraryProgram<T>({
    program: path,
    library,
    folder,
    node,
    modules,
    env,
  });
  expect(result.stderr).toBe('');
  return result;
}

/** Adds up the values of a counter by route and direction, such as `/chat receive`. */
function sumCounter(rows: readonly LineProtocolRow[], name: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.name !== name) continue;
    const key = `${columns.endpoint} ${columns.operation}`;
    sums[key] = (sums[key] ?? 0) + Number(columns.sum);
  }
  return sums;
}

/** Counts the handshakes by route and status, such as `/chat 101`. */
function countHandshakes(rows: readonly LineProtocolRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.name !== HANDSHAKES) continue;
    const tags = JSON.parse(columns.tags ?? '{}') as Record<string, number>;
    const key = `${columns.endpoint} ${tags['http.response.status_code']}`;
    counts[key] = (counts[key] ?? 0) + Number(columns.count);
  }
  return counts;
}

describe.each(FOLDERS)('ws in %s', (folder) => {
  const title = 'records handshakes, connections, and messages on Node %s as %s';
  const check = async (...variant: Variant) => {
    const { result, rows } = await run<{
      rejected: number[];
      handled: unknown[];
      answers: string[];
      firstMs: number;
    }>('ws.cjs', 'ws', folder, variant);
    expect(result).toMatchObject({
      rejected: [400, 403],
      handled: ['first', 4, 5, 6, 70_000, 8, 'first', 5, 'first', 5],
      answers: ['a!', 'b!'],
    });
    expect(countHandshakes(rows)).toEqual({
      '/chat 101': 4,
      '/chat 400': 1,
      '/chat 403': 1,
      '/* 101': 1,
      '/silent 101': 1,
    });
    expect(countEndpoints(rows, HANDLERS)).toEqual({
      'WS /chat message @org-7': [5, 1, 0],
      'WS /chat message': [2, 0, 0],
      'WS /* message': [2, 0, 0],
    });
    const handlers = sumEndpoints(rows, HANDLERS)['WS /chat message @org-7']!;
    expect(handlers.outgoingCalls).toBe(1);
    expect(handlers.durationMs).toBeGreaterThan(39);
    expect(handlers.durationMs).toBeLessThan(result.firstMs);
    expect(countEndpoints(rows, CONNECTIONS)).toEqual({
      'going_away /chat': [1, 0, 0],
      'normal /chat': [1, 0, 0],
      'abnormal /chat': [1, 0, 0],
      'error /chat': [1, 0, 0],
      'application /*': [1, 0, 0],
      'normal /silent': [1, 0, 0],
    });
    expect(sumCounter(rows, 'perfscope.websocket.messages')).toEqual({
      '/chat receive': 7,
      '/chat transmit': 6,
      '/* receive': 2,
      '/* transmit': 2,
      '/silent receive': 1,
    });
    expect(sumCounter(rows, 'perfscope.websocket.io')).toEqual({
      '/chat receive': 4 + 5 + 6 + 70_000 + 8 + 5 + 5,
      '/chat transmit': 4 + 5 + 70_000 + 8 + 5 + 5,
      '/* receive': 2,
      '/* transmit': 4,
      '/silent receive': 14,
    });
    // Only the requests for the price. A handshake isn't a request.
    expect(countEndpoints(rows, 'http.server.request.duration')).toEqual({
      'GET (no route)': [1, 0, 0],
    });
    expect(listErrors(rows)).toEqual([['TypeError: the listener rejected (/chat message)', 1]]);
  };
  it.concurrent.each(ALL.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(ALL.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

describe.each(FOLDERS)('Socket.IO in %s', (folder) => {
  const title = 'records connections and events on Node %s as %s';
  const check = async (...variant: Variant) => {
    const { result, rows } = await run<{ updateMs: number; status: number }>(
      'socket-io.cjs',
      'socket.io',
      folder,
      variant,
    );
    expect(result.status).toBe(400);
    // Older versions don't store the patterns of dynamic namespaces.
    const dynamic = folder === 'servers-1' ? '(dynamic namespace)' : '/tenant-\\d+';
    expect(countEndpoints(rows, HANDLERS)).toEqual({
      'WS / booking:update @org-7': [3, 0, 0],
      'WS / later @org-7': [1, 0, 0],
      'WS / reject @org-7': [1, 1, 0],
      'WS / once @org-7': [1, 0, 0],
      'WS / note @org-7': [2, 0, 0],
      'WS / never @org-7': [0, 0, 1],
      'WS / booking:update': [2, 0, 0],
      'WS /chat blocked': [1, 1, 0],
      'WS /chat booking:update': [1, 0, 0],
      [`WS ${dynamic} booking:update`]: [2, 0, 0],
    });
    const handlers = sumEndpoints(rows, HANDLERS);
    expect(handlers['WS / booking:update @org-7']?.outgoingCalls).toBe(3);
    // The acknowledgement is sent after 30 ms. Timers can run up to 1 ms early.
    expect(handlers['WS / later @org-7']?.durationMs).toBeGreaterThan(29);
    expect(countHandshakes(rows)).toEqual({ '/socket.io 101': 5 });
    const connections = Object.values(sumEndpoints(rows, CONNECTIONS));
    expect(connections.reduce((sum, { count }) => sum + count, 0)).toBe(6);
    expect(sumCounter(rows, 'perfscope.websocket.messages')['/socket.io receive']).toBe(48);
    const open = rows
      .filter(({ columns }) => columns.name === 'perfscope.websocket.connections')
      .map(({ columns }) => Number(columns.value));
    expect(Math.max(...open)).toBeGreaterThanOrEqual(3);
    expect(Math.max(...open)).toBeLessThanOrEqual(6);
    // The requests for prices, and the rejected one. Long polling is measured as streams.
    expect(countEndpoints(rows, 'http.server.request.duration')).toEqual({
      'GET (no route)': [9, 0, 0],
    });
    expect(listErrors(rows)).toEqual([['RangeError: the listener rejected (/ reject)', 1]]);
  };
  it.concurrent.each(ALL.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(ALL.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

describe.each(FOLDERS)('@fastify/websocket in %s', (folder) => {
  const title = 'names connections by their route template on Node %s as %s';
  const check = async (...variant: Variant) => {
    const { result, rows } = await run<{ statuses: number[] }>(
      'fastify-websocket.cjs',
      '@fastify/websocket',
      folder,
      variant,
    );
    expect(result.statuses).toEqual([401, 404]);
    expect(countHandshakes(rows)).toEqual({
      '/rooms/:id 101': 2,
      '/rooms/:id 401': 1,
      '(not found) 404': 1,
    });
    expect(countEndpoints(rows, HANDLERS)).toEqual({
      'WS /rooms/:id message @org-7': [2, 0, 0],
    });
    expect(countEndpoints(rows, CONNECTIONS)).toEqual({ 'normal /rooms/:id': [2, 0, 0] });
    expect(countEndpoints(rows, 'http.server.request.duration')).toEqual({
      'GET /plain/:id': [1, 0, 0],
    });
  };
  it.concurrent.each(ALL.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(ALL.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});
