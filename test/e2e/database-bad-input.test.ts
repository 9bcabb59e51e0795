import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countCommands, runLibraryProgram, sumCommands } from '../support/library-program.ts';
import { expectSameProgram } from '../support/measured-program.ts';
import { MemcachedServer } from '../support/memcached-server.ts';

const memcached = new MemcachedServer();
beforeAll(() => memcached.start());
afterAll(() => memcached.remove());

const FOLDER = resolve('test/libraries/databases-2');
/** The names after the first third would need at least twice as much. */
const MAX_GROWTH_BYTES = 4_000_000;

interface Result {
  readonly third: number;
  readonly end: number;
  readonly totals: Readonly<Record<string, number>>;
}

async function checkManyNames(count: number): Promise<void> {
  const { result, rows } = await runLibraryProgram<Result>({
    program: 'many-database-names.cjs',
    library: 'memcached',
    folder: 'databases-2',
    node: 26,
    modules: 'CommonJS',
    env: {
      COUNT: String(count),
      FOLDER,
      MEMCACHED_HOST: memcached.host,
      NODE_OPTIONS: '--expose-gc',
      // The budget would omit statements while the program is busy only with the agent.
      PERFORMANCE_AGENT_MAX_CPU: '0',
    },
  });
  const { third, end, totals } = result;
  expect(end - third).toBeLessThan(MAX_GROWTH_BYTES);
  const recorded = rows.filter(
    ({ table, columns }) =>
      table === 'performance_metrics' && columns.name === 'db.client.operation.duration',
  );
  // The names over the limit share one row, which belongs to no database.
  expect(recorded.reduce((sum, { columns }) => sum + Number(columns.count), 0)).toBe(
    Object.values(totals).reduce((sum, each) => sum + each, 0),
  );
  expect(new Set(recorded.map(({ columns }) => columns.endpoint)).size).toBeLessThan(2000);
}

it('keeps the memory flat for many different statements, keys, and indexes', () =>
  checkManyNames(24_000));

// Long: the test above uses fewer names in CI.
it(
  'keeps the memory flat for a million different statements, keys, and indexes',
  {
    tags: 'long',
  },
  () => checkManyNames(999_999),
);

it('records each request to a server that dies once, and behaves as without the agent', async () => {
  const { exit, rows } = await expectSameProgram('test/apps/databases/bad-input/dying-server.cjs', {
    args: [FOLDER],
  });
  expect(exit).toBe(0);
  /** Returns the number of operations, and how many of them failed. */
  const total = (system: string, operation: string) => {
    const commands = Object.entries(sumCommands(rows, system))
      .filter(([key]) => key.split(' ')[0] === operation)
      .map(([, command]) => command);
    const count = commands.reduce((sum, each) => sum + each.count, 0);
    return [count, commands.reduce((sum, each) => sum + each.errors, 0)];
  };
  expect(total('elasticsearch', 'search')).toEqual([2, 2]);
  expect(total('clickhouse', 'SELECT')).toEqual([2, 2]);
  expect(total('clickhouse', 'PING')).toEqual([2, 2]);
  expect(total('cassandra', 'SELECT')).toEqual([2, 2]);
  expect(total('cassandra', 'CONNECT')).toEqual([2, 2]);
  // The library forgets a command when its connection is lost.
  expect(countCommands(rows, 'memcached')).toEqual({});
});

it('measures better-sqlite3 in a thread', async () => {
  const run = await runLibraryProgram<number[]>({
    program: 'sqlite-threads.cjs',
    library: 'better-sqlite3',
    folder: 'databases-2',
    node: 26,
    modules: 'CommonJS',
    env: { LIBRARY_PATH: `${FOLDER}/node_modules/better-sqlite3` },
  });
  expect(run.result).toEqual([1, 1]);
  expect(countCommands(run.rows, 'sqlite')).toEqual({ 'SELECT ? AS a': 2 });
});
