import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresServer, RedisServer } from '../../demo/database-servers.ts';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { countCommands } from '../support/library-program.ts';
import { MariadbServer } from '../support/mariadb-server.ts';
import { expectSameProgram } from '../support/measured-program.ts';

const postgres = new PostgresServer();
const mariadb = new MariadbServer();
const redis = new RedisServer();
beforeAll(() => Promise.all([postgres.start(), mariadb.start(), redis.start()]));
afterAll(() => Promise.all([postgres.remove(), mariadb.remove(), redis.remove()]));

const NODE_VERSIONS = [22, 24, 26] as const;
type NodeVersion = (typeof NODE_VERSIONS)[number];

const SQL = 'SELECT ?';
/** Each library with its system, its statement, and its folders. */
const LIBRARIES = {
  pg: ['postgresql', SQL, ['../..', 'orms']],
  postgres: ['postgresql', SQL, ['postgres-3']],
  mysql2: ['mysql', SQL, ['mysql2-2', 'mysql2-3']],
  ioredis: ['redis', 'GET', ['ioredis-5', 'ioredis-6']],
  redis: ['redis', 'GET', ['redis-4', 'redis-5', 'redis-6']],
} as const;
type LibraryName = keyof typeof LIBRARIES;
const NAMES = Object.keys(LIBRARIES) as LibraryName[];

/** Runs a program with and without the agent, compares both, and returns the exit code and the recorded commands. */
async function compare(
  program: string,
  scenario: string,
  library: LibraryName,
  folders: readonly string[],
  { node = 26, flags = '' }: { node?: NodeVersion; flags?: string } = {},
) {
  const script = `test/apps/databases/bad-input/${program}`;
  const args = [scenario, library, ...folders.map((each) => resolve('test/libraries', each))];
  const env = {
    DATABASE_URL: postgres.url,
    MYSQL_URL: mariadb.url,
    REDIS_URL: redis.url,
    NODE_OPTIONS: flags,
  };
  const options = { env, args, node: nodeBinary(node) };
  const { exit, output, rows } = await expectSameProgram(script, options);
  if (exit === 0) expect(output).toContain('done');
  const [system] = LIBRARIES[library];
  return { exit, commands: countCommands(rows, system) };
}

const ENVIRONMENT = 'environment.cjs';

/** Two folders can have the same version. */
const COPIED = NAMES.filter((library) => LIBRARIES[library][2].length > 1);

it.concurrent.each(COPIED)('counts each command of several copies of %s once', async (library) => {
  const [, text, folders] = LIBRARIES[library];
  const { exit, commands } = await compare(ENVIRONMENT, 'plain', library, folders);
  expect(exit).toBe(0);
  expect(commands).toEqual({ [text]: 2 * folders.length });
});

async function expectOtherAgent(library: LibraryName, moment: string) {
  const [, text, folders] = LIBRARIES[library];
  const { exit, commands } = await compare(ENVIRONMENT, `agent ${moment}`, library, folders);
  expect(exit).toBe(0);
  expect(commands).toEqual({ [text]: 2 * folders.length });
}

it.concurrent.each(NAMES)('counts the commands of %s once if another agent patches it', (library) =>
  expectOtherAgent(library, 'patch'),
);
// Long: the patch above covers other agents in CI.
it.concurrent.each(
  NAMES.flatMap((library) => ['load', 'channels'].map((moment) => [library, moment] as const)),
)(
  'counts the commands of %s once if another agent uses its %s',
  { tags: 'long' },
  expectOtherAgent,
);

/** Commands of the program. A statement that isn't text has no fingerprint. */
const ARGUMENTS = {
  pg: {
    'SELECT ?': 1,
    'SELECT ?::int': 1,
    'SELECT ?::bytea': 1,
    // The server succeeded. Then a parser of the application failed.
    'SELECT ?, ?': 1,
    'SELECT ?::text Error': 1,
    'undefined Error': 3,
  },
  postgres: {
    'SELECT ?': 1,
    'SELECT ?::int': 2,
    'SELECT ?, ?, ? Error': 1,
    'SELECT ?::text, ? Error': 1,
    'undefined 42601': 2,
    'undefined Error': 1,
  },
  mysql2: {
    'SELECT ? AS n': 2,
    'SELECT ? AS n, ? AS m': 1,
    'undefined ERR_INVALID_ARG_TYPE': 1,
  },
  ioredis: { SET: 1, MGET: 2, GET: 5, 'NOTHING ERR': 1 },
  redis: { SET: 1, GET: 4, 'GET TypeError': 1, 'XREAD TypeError': 1 },
};
/** Version 2 doesn't call `toString`, so the server rejects the statement. */
const MYSQL2_2_ARGUMENTS = {
  'SELECT ? AS n': 2,
  'SELECT ? AS n ER_PARSE_ERROR': 1,
  'SELECT ? AS n, ? AS m': 1,
};

it.concurrent.each(
  NAMES.flatMap((library) => LIBRARIES[library][2].map((folder) => [library, folder] as const)),
)(
  'passes unusual arguments of %s on, and counts the commands that it sent: %s',
  async (library, folder) => {
    const { exit, commands } = await compare('arguments.cjs', '', library, [folder]);
    expect(exit).toBe(0);
    expect(commands).toEqual(folder === 'mysql2-2' ? MYSQL2_2_ARGUMENTS : ARGUMENTS[library]);
  },
);

const REPLACEMENTS = [
  ...['subclass', 'promise', 'then', 'json', 'clocks', 'failingClocks'],
  ...['queueMicrotask', 'timers'],
];
/** Programs that the library itself can't run, because it needs what they replace. */
const FAILING = new Set(['postgres failingClocks', 'redis failingClocks', 'mysql2 json']);

async function expectReplaced(library: LibraryName, moment: string, replacements: string[]) {
  const [, text, folders] = LIBRARIES[library];
  for (const each of replacements) {
    const { exit, commands } = await compare(ENVIRONMENT, `${each} ${moment}`, library, [
      folders.at(-1)!,
    ]);
    const fails = FAILING.has(`${library} ${each}`);
    expect([each, exit === 0 || fails]).toEqual([each, true]);
    if (exit === 0) expect([each, commands]).toEqual([each, { [text]: 2 }]);
  }
}
const MOMENTS = NAMES.flatMap((library) =>
  ['first', 'later'].map((moment) => [library, moment] as const),
);
const IN_CI = ['promise', 'failingClocks'];

const isReplacedInCi = ([, moment]: (typeof MOMENTS)[number]) => moment === 'first';
const REPLACED_TITLE = 'behaves as without the agent if globals are replaced: %s, %s';

it.concurrent.each(MOMENTS.filter(isReplacedInCi))(REPLACED_TITLE, (library, moment) =>
  expectReplaced(library, moment, IN_CI),
);
// Long: the cases in CI cover a replaced class and functions that throw.
it.concurrent.each(MOMENTS)(`all: ${REPLACED_TITLE}`, { tags: 'long' }, (library, moment) =>
  expectReplaced(library, moment, REPLACEMENTS),
);

const FLAGS = ['--frozen-intrinsics', '--disable-proto=delete', '--disable-proto=throw'];

async function expectFlags(library: LibraryName, folder: string, node: NodeVersion, flags: string) {
  const { exit, commands } = await compare(ENVIRONMENT, 'plain', library, [folder], {
    node,
    flags,
  });
  // Some libraries don't run with some flags.
  if (exit === 0) expect(commands).toEqual({ [LIBRARIES[library][1]]: 2 });
  else expect(flags).toBe('--frozen-intrinsics');
}
const FLAG_CASES = NAMES.flatMap((library) =>
  LIBRARIES[library][2].flatMap((folder) =>
    FLAGS.flatMap((flags) => NODE_VERSIONS.map((node) => [library, folder, node, flags] as const)),
  ),
);
/** The last version of each library, with one flag per version of Node.js. */
const isFlagInCi = ([library, folder, node, flags]: (typeof FLAG_CASES)[number]) =>
  folder === LIBRARIES[library][2].at(-1) && FLAGS.indexOf(flags) === NODE_VERSIONS.indexOf(node);
const FLAG_TITLE = 'behaves as without the agent with flags of Node.js: %s, %s, Node %s, %s';

it.concurrent.each(FLAG_CASES.filter(isFlagInCi))(FLAG_TITLE, expectFlags);
// Long: the cases in CI cover each library, flag, and version of Node.js.
it.concurrent.each(FLAG_CASES.filter((each) => !isFlagInCi(each)))(
  FLAG_TITLE,
  { tags: 'long' },
  expectFlags,
);
