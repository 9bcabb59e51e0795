import { resolve } from 'node:path';
import pLimit from 'p-limit';
import { expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import {
  expectSameProgram,
  type MeasuredProgram,
  withoutFrames,
} from '../support/measured-program.ts';
import type { LineProtocolRow } from '../support/parse-line-protocol.ts';

const NODE_VERSIONS = [22, 24, 26] as const;
type NodeVersion = (typeof NODE_VERSIONS)[number];
const runConcurrently = pLimit(3);

const PROGRAMS = 'test/apps/http-bad-input';
const LIBRARIES = 'test/libraries';
const EXPRESS_4 = `${LIBRARIES}/node_modules/@nestjs/platform-express`;
/** The folders from which the programs load each framework. */
const FOLDERS = {
  http: ['.'],
  express: ['.', `${LIBRARIES}/nest-11`, EXPRESS_4, `esm:${PROGRAMS}`],
  fastify: [`${LIBRARIES}/fastify-4`, `${LIBRARIES}/fastify-5`, `esm:${LIBRARIES}/fastify-5`],
  koa: [`${LIBRARIES}/koa-2`, `${LIBRARIES}/koa-3`, `esm:${LIBRARIES}/koa-3`],
  hono: [`${LIBRARIES}/hono-4`, `esm:${LIBRARIES}/hono-4`],
  nest: [`${LIBRARIES}/nest-11`],
} as const;
type Framework = keyof typeof FOLDERS;
const FRAMEWORKS = Object.keys(FOLDERS) as Framework[];
const getIndex = (framework: Framework) => FRAMEWORKS.indexOf(framework);

/** Returns an absolute path, with the prefix that selects the kind of module. */
const toArgument = (folder: string) =>
  folder.startsWith('esm:') ? `esm:${resolve(folder.slice('esm:'.length))}` : resolve(folder);

/** Runs a program with and without the agent, and compares the output and the exit code. */
function compare(
  script: string,
  args: string[],
  { node = 26, flags = '' }: { node?: NodeVersion; flags?: string } = {},
): Promise<MeasuredProgram> {
  const options = { env: { NODE_OPTIONS: flags }, args, node: nodeBinary(node) };
  return runConcurrently(() => expectSameProgram(`${PROGRAMS}/${script}`, options, normalize));
}

/** Removes stacks, and the time and the position of deprecation warnings. The position can be in the agent. */
function normalize(output: string): string {
  return withoutFrames(output).replaceAll(
    /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT (.* deprecated .*) at \S+:\d+:\d+$/gm,
    '$1',
  );
}

/** Adds up the counts of a metric by endpoint. */
function count(rows: readonly LineProtocolRow[], name: string) {
  const counts: Record<string, number> = {};
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.name !== name) continue;
    const { endpoint = '(no route)' } = columns;
    counts[endpoint] =
      (counts[endpoint] ?? 0) + Number(columns.count) + Number(columns.aborted_count ?? 0);
  }
  return counts;
}
const countRoutes = (rows: readonly LineProtocolRow[]) =>
  count(rows, 'http.server.request.duration');
/** Returns the number of outgoing calls. Each server has its own port. */
const countCalls = (rows: readonly LineProtocolRow[]) =>
  Object.values(count(rows, 'http.client.request.duration')).reduce((sum, each) => sum + each, 0);

/** Without a framework, a request has no route. */
const getRoute = (framework: Framework) => (framework === 'http' ? '(no route)' : '/api/:kind');

function runEnvironment(
  scenario: string,
  framework: Framework,
  folders: readonly string[],
  options: { node?: NodeVersion; flags?: string } = {},
) {
  const undici = resolve(LIBRARIES, 'undici-7');
  return compare(
    'environment.cjs',
    [scenario, framework, undici, ...folders.map(toArgument)],
    options,
  );
}

/** Compares the recorded counts with the responses in the output. */
function expectExactCounts({ output, rows }: MeasuredProgram, framework: Framework) {
  const responses = output.match(/handled room/g)?.length ?? 0;
  expect(output).toContain('done');
  expect(responses).toBeGreaterThan(0);
  expect(countRoutes(rows)).toEqual({ [getRoute(framework)]: responses });
  expect(countCalls(rows)).toBe(responses);
}

it.concurrent.each(FRAMEWORKS)(
  'counts each request once with several copies of a framework: %s',
  async (framework) => {
    const folders = FOLDERS[framework];
    const run = await runEnvironment('plain', framework, folders);
    expectExactCounts(run, framework);
    expect(run.output.match(/handled room/g)).toHaveLength(6 * folders.length);
  },
);

const OTHER_AGENT = `--require ${resolve(PROGRAMS, 'other-agent.cjs')}`;
const OTHER_AGENT_CASES = FRAMEWORKS.flatMap((framework) => [
  [framework, 'after', ''] as const,
  [framework, 'before', OTHER_AGENT] as const,
]);
const OTHER_AGENT_TITLE = 'counts each request once if another agent patches %s %s Perfscope';

async function expectOtherAgent(framework: Framework, moment: string, flags: string) {
  const run = await runEnvironment(`agent ${moment}`, framework, FOLDERS[framework], { flags });
  expectExactCounts(run, framework);
  expect(run.output).toContain('other agent [[');
}
/** Both moments for Express, where another agent could see the methods that Perfscope calls. */
const isOtherAgentInCi = ([framework, moment]: (typeof OTHER_AGENT_CASES)[number]) =>
  framework === 'express' || moment === (getIndex(framework) % 2 === 0 ? 'after' : 'before');

it.concurrent.each(OTHER_AGENT_CASES.filter(isOtherAgentInCi))(OTHER_AGENT_TITLE, expectOtherAgent);
// Long: the cases in CI cover each framework and both moments.
it.concurrent.each(OTHER_AGENT_CASES.filter((each) => !isOtherAgentInCi(each)))(
  OTHER_AGENT_TITLE,
  { tags: 'long' },
  expectOtherAgent,
);

const REPLACED_CASES = FRAMEWORKS.flatMap((framework) =>
  ['all', 'failing', 'timersThatNeverFire'].flatMap((replacement) =>
    ['first', 'later'].map((moment) => [framework, replacement, moment] as const),
  ),
);
/** Frameworks that need the functions that fail. */
const FAILING = new Set(['fastify failing first', 'nest failing first']);
const REPLACED_TITLE = 'behaves as without the agent if globals are replaced: %s, %s, %s';

async function expectReplaced(framework: Framework, replacement: string, moment: string) {
  const scenario = `${replacement} ${moment}`;
  const folder = FOLDERS[framework].at(-1)!;
  const run = await runEnvironment(scenario, framework, [folder]);
  if (FAILING.has(`${framework} ${scenario}`)) expect(run.exit).toBeGreaterThan(0);
  else expectExactCounts(run, framework);
}
const isReplacedInCi = ([framework, replacement, moment]: (typeof REPLACED_CASES)[number]) =>
  framework !== 'http' &&
  (getIndex(framework) % 2 === 0
    ? replacement === 'failing' && moment === 'later'
    : replacement === 'all' && moment === 'first');

it.concurrent.each(REPLACED_CASES.filter(isReplacedInCi))(REPLACED_TITLE, expectReplaced);
// Long: the cases in CI cover each framework, both moments, and functions that throw.
it.concurrent.each(REPLACED_CASES.filter((each) => !isReplacedInCi(each)))(
  REPLACED_TITLE,
  { tags: 'long' },
  expectReplaced,
);

const FLAGS = ['--frozen-intrinsics', '--disable-proto=delete', '--disable-proto=throw'];
const FLAG_CASES = FRAMEWORKS.flatMap((framework) =>
  FLAGS.flatMap((flags) => NODE_VERSIONS.map((node) => [framework, flags, node] as const)),
);
const FLAG_TITLE = 'behaves as without the agent with flags of Node.js: %s, %s, Node %s';

async function expectFlags(framework: Framework, flags: string, node: NodeVersion) {
  const folder = FOLDERS[framework].at(-1)!;
  const run = await runEnvironment('plain', framework, [folder], { node, flags });
  // Some frameworks don't start with this flag.
  if (run.exit !== 0) expect(flags).toBe('--frozen-intrinsics');
  else expectExactCounts(run, framework);
}
const isFlagInCi = ([, flags, node]: (typeof FLAG_CASES)[number]) =>
  FLAGS.indexOf(flags) === NODE_VERSIONS.indexOf(node);

it.concurrent.each(FLAG_CASES.filter(isFlagInCi))(FLAG_TITLE, expectFlags);
// Long: the cases in CI cover each flag and version of Node.js.
it.concurrent.each(FLAG_CASES.filter((each) => !isFlagInCi(each)))(
  FLAG_TITLE,
  { tags: 'long' },
  expectFlags,
);

/**
 * Requests of `values.cjs` by route. Perfscope doesn't find the route if the application passes a Proxy of the request to
 * the framework, or an object that inherits from the request.
 */
const VALUES: Record<Framework, Record<string, number>> = {
  http: { '(no route)': 30 },
  // A handler that throws a falsy value has the same effect as `next()`.
  express: { '/api/:kind': 24, '(not found)': 3, '(no route)': 3 },
  fastify: { '/api/:kind': 27, '(no route)': 3 },
  koa: { '/api/:kind': 24, '(no route)': 6 },
  hono: { '/api/:kind': 27, '(no route)': 3 },
  nest: { '/api/:kind': 27, '(no route)': 3 },
};
const VALUE_CASES = FRAMEWORKS.flatMap((framework) =>
  FOLDERS[framework].map((folder) => [framework, folder] as const),
);
const VALUE_TITLE = 'handles unusual objects and errors as without the agent: %s in %s';

async function expectValues(framework: Framework, folder: string) {
  const { exit, rows } = await compare('values.cjs', [framework, toArgument(folder)]);
  expect(exit).toBe(0);
  expect(countRoutes(rows)).toEqual(VALUES[framework]);
  expect(countCalls(rows)).toBe(30);
}
const isLastFolder = ([framework, folder]: (typeof VALUE_CASES)[number]) =>
  folder === FOLDERS[framework].at(-1);

it.concurrent.each(VALUE_CASES.filter(isLastFolder))(VALUE_TITLE, expectValues);
// Long: the cases in CI cover each framework.
it.concurrent.each(VALUE_CASES.filter((each) => !isLastFolder(each)))(
  VALUE_TITLE,
  { tags: 'long' },
  expectValues,
);
