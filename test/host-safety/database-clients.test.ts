import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClickhouseServer } from '../support/clickhouse-server.ts';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';
import { MemcachedServer } from '../support/memcached-server.ts';

const runner = new HostProgramRunner();
const clickhouse = new ClickhouseServer();
const memcached = new MemcachedServer();
beforeAll(() => Promise.all([clickhouse.start(), memcached.start()]));
afterAll(() => Promise.all([clickhouse.remove(), memcached.remove(), runner.remove()]));

const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);
const CASES = {
  'better-sqlite3': { state: 'code 0', functions: 'code 0' },
  'node:sqlite': { state: 'code 0', functions: 'code 0' },
  memcached: { state: 'code 0', throws: 'code 1', refused: 'code 0' },
  '@clickhouse/client': { state: 'code 0', unhandled: 'code 1' },
  '@elastic/elasticsearch': { state: 'code 0', unhandled: 'code 1' },
  'cassandra-driver': { state: 'code 0', unhandled: 'code 1' },
};

const getProgram = (library: string, scenario: string) => ({
  args: ['database-clients.cjs', library, scenario, `${process.cwd()}/test/libraries/databases-2`],
  env: { CLICKHOUSE_URL: clickhouse.url, MEMCACHED_HOST: memcached.host },
  // Stacks are longer with the agent. Its own lines are removed before the comparison.
  flags: ['--stack-trace-limit=50'],
});

it.concurrent.each(
  Object.entries(CASES).flatMap(([library, scenarios]) =>
    Object.entries(scenarios).map(([scenario, exit]) => [library, scenario, exit] as const),
  ),
)(
  'an application with %s behaves as without the agent: %s',
  async (library, scenario, expected) => {
    const { exit } = await runner.expectSameBehavior(getProgram(library, scenario), variants);
    expect(exit).toBe(expected);
  },
);

it.concurrent.each(
  ['better-sqlite3', 'node:sqlite'].flatMap((library) =>
    ['uncaught', 'unhandled'].map((scenario) => [library, scenario] as const),
  ),
)(
  'Node.js prints the same error of %s, without a line of the agent: %s',
  async (library, scenario) => {
    const program = getProgram(library, scenario);
    const [plain, measured] = await Promise.all([
      runner.run(program, variants[0]!.flag),
      runner.runWithAgent(program, variants[0]!),
    ]);
    expect(measured.exit).toBe('code 1');
    expect(plain.exit).toBe('code 1');
    expect(removeSourceLine(measured.stderr)).toBe(removeSourceLine(plain.stderr));
  },
);

/** The line that called the native function is in the agent, so Node.js prints none. The frames of the agent are removed. */
function removeSourceLine(stderr: string): string {
  const start = stderr.search(/^(?:Sqlite)?Error/m);
  expect(stderr.slice(0, start)).not.toContain('agent-package');
  return stderr
    .slice(start)
    .replaceAll(/^ +at .*(?:\/dist\/agent-package\/|\(node:internal\/).*\n/gm, '');
}
