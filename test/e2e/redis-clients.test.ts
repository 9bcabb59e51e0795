import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '../../demo/database-servers.ts';
import {
  countCommands,
  type LibraryProgram,
  runLibraryProgram,
  sumCommands,
} from '../support/library-program.ts';
import type { LineProtocolRow } from '../support/parse-line-protocol.ts';

const redis = new RedisServer();
beforeAll(() => redis.start());
afterAll(() => redis.remove());

/** Commands of both programs. The handshakes and the blocking commands of the programs are missing. */
const COMMON = {
  SET: 3,
  GET: 9,
  XREAD: 1,
  PUBLISH: 1,
  HGETALL: 3,
  'CONNECT ECONNREFUSED': 3,
  'CONNECT WRONGPASS': 1,
};
const IOREDIS_COMMANDS = {
  ...COMMON,
  'LPUSH WRONGTYPE': 2,
  MULTI: 2,
  INCR: 3,
  EXEC: 2,
  EVAL: 2,
  EVALSHA: 2,
  PING: 1,
  'GET MaxRetriesPerRequestError': 1,
  'GET connection_closed': 1,
};
const NODE_REDIS_COMMANDS = {
  ...COMMON,
  'LPUSH WRONGTYPE': 1,
  MULTI: 1,
  INCR: 2,
  EXEC: 1,
  EVAL: 1,
};
const { HGETALL: _, ...NODE_REDIS_4_COMMANDS } = NODE_REDIS_COMMANDS;

const IOREDIS = { program: 'ioredis.cjs', library: 'ioredis' };
const NODE_REDIS = { program: 'node-redis.cjs', library: 'redis' };

describe.each([
  ['ioredis-5', IOREDIS, IOREDIS_COMMANDS],
  ['ioredis-6', IOREDIS, IOREDIS_COMMANDS],
  // Only newer versions have pools.
  ['redis-4', NODE_REDIS, NODE_REDIS_4_COMMANDS],
  ['redis-5', NODE_REDIS, NODE_REDIS_COMMANDS],
  ['redis-6', NODE_REDIS, NODE_REDIS_COMMANDS],
])('%s', (folder, names, expected) => {
  const title = 'records each command with its duration on Node %s as %s';
  const check = async (node: LibraryProgram['node'], modules: LibraryProgram['modules']) => {
    const env = { REDIS_URL: redis.url, CLOSED_PORT: '1' };
    const run = await runLibraryProgram<{ evalMs: number }>({
      ...names,
      folder,
      node,
      modules,
      env,
    });
    expect(run.stderr).toBe('');
    expect(countCommands(run.rows, 'redis')).toEqual(expected);
    expectDuration(run.rows, run.result.evalMs);
    expect(listConnectErrors(run.rows)).toEqual([
      ['ECONNREFUSED', '127.0.0.1:1/0', 3],
      ['WRONGPASS', `${new URL(redis.url).host}/0`, 1],
    ]);
  };
  const all = ([22, 24, 26] as const).flatMap((node) =>
    (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
  );
  it.concurrent.each(all.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(all.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

/** Node.js 24 loads the library as an ES module, and the others as CommonJS. */
function isInCi([node, modules]: readonly [number, string]): boolean {
  return (node === 24) === (modules === 'ESM');
}

/** The slow script takes 40 ms. Redis runs the scripts of all programs one after the other. */
function expectDuration(rows: readonly LineProtocolRow[], evalMs: number): void {
  const { durationMs = 0 } = sumCommands(rows, 'redis').EVAL ?? {};
  expect(durationMs).toBeGreaterThan(40);
  expect(durationMs).toBeLessThanOrEqual(evalMs);
}

/** Returns the type, server, and number of failed connection attempts. */
function listConnectErrors(rows: readonly LineProtocolRow[]): unknown[] {
  const counts = new Map<string, [string, unknown, number]>();
  for (const { table, columns } of rows) {
    if (table !== 'error_logs' || columns.endpoint !== 'CONNECT') continue;
    const type = columns.error_type ?? '';
    const { server } = JSON.parse(columns.context ?? '{}') as { server?: unknown };
    const count = (counts.get(type)?.[2] ?? 0) + Number(columns.count);
    counts.set(type, [type, server, count]);
  }
  return [...counts.values()];
}

it("doesn't record the commands of BullMQ, and the poll of its queues, as commands of the application", async () => {
  const run = await runLibraryProgram({
    program: 'bullmq-shared.cjs',
    library: 'bullmq',
    folder: '../..',
    node: 26,
    modules: 'CommonJS',
    env: { REDIS_URL: redis.url, QUEUE_NAME: 'redis-clients', PERFORMANCE_FLUSH_INTERVAL: '100' },
  });
  expect(run.stderr).toBe('');
  expect(countCommands(run.rows, 'redis')).toEqual({ SET: 1, GET: 1, EVAL: 1 });
  const transitions = run.rows.filter(({ table }) => table === 'queue_metrics');
  expect(transitions.filter(({ columns }) => columns.status === 'completed')).toHaveLength(4);
});
