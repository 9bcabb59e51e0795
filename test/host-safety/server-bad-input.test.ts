import { resolve } from 'node:path';
import pLimit from 'p-limit';
import { expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { runMeasuredProgram, runPlainProgram, withoutFrames } from '../support/measured-program.ts';
import type { LineProtocolRow } from '../support/parse-line-protocol.ts';

const runConcurrently = pLimit(4);
const NODE_VERSIONS = [22, 24, 26] as const;
type NodeVersion = (typeof NODE_VERSIONS)[number];

/** The folders of each framework in `test/libraries`. */
const FRAMEWORKS = {
  express: ['../..'],
  fastify: ['fastify-4', 'fastify-5'],
  koa: ['koa-2', 'koa-3'],
  hono: ['hono-4-server-1', 'hono-4'],
} as const;
type FrameworkName = keyof typeof FRAMEWORKS;
const NAMES = Object.keys(FRAMEWORKS) as FrameworkName[];

/** Requests of `arguments.cjs`. */
const UNUSUAL: Readonly<Record<FrameworkName, Record<string, number>>> = {
  // Express ignores an error that is null or undefined, and looks for the next route.
  express: { '/rooms/:id': 14, '(not found)': 2 },
  fastify: { '/rooms/:id': 16 },
  // One context has a getter that throws instead of its route.
  koa: { '/rooms/:id': 15, '': 1 },
  hono: { '/rooms/:id': 16 },
};

/** Returns the number of requests by endpoint. */
function countRequests(rows: readonly LineProtocolRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.name !== 'http.server.request.duration')
      continue;
    const endpoint = columns.endpoint ?? '';
    counts[endpoint] = (counts[endpoint] ?? 0) + Number(columns.count);
  }
  return counts;
}

/** Runs a program with and without the agent, compares both, and returns the exit code and the recorded requests. */
async function compare(
  program: string,
  args: readonly string[],
  { node = 26, flags = '' }: { node?: NodeVersion; flags?: string } = {},
) {
  const script = `test/apps/frameworks-bad-input/${program}`;
  const options = { args: [...args], node: nodeBinary(node), env: { NODE_OPTIONS: flags } };
  const [plain, measured] = await runConcurrently(() =>
    Promise.all([runPlainProgram(script, options), runMeasuredProgram(script, options)]),
  );
  expect(withoutFrames(measured.output)).toBe(withoutFrames(plain.output));
  expect(measured.exit).toBe(plain.exit);
  return { ...plain, requests: countRequests(measured.rows) };
}

const toPaths = (folders: readonly string[]) =>
  folders.map((each) => resolve('test/libraries', each));

it.concurrent.each(
  NAMES.flatMap((name) => FRAMEWORKS[name].map((folder) => [name, folder] as const)),
)('%s in %s passes unusual objects and errors on', async (name, folder) => {
  const { output, exit, requests } = await compare('arguments.cjs', [name, ...toPaths([folder])]);
  expect(exit).toBe(0);
  expect(output).toContain('done');
  expect(requests).toEqual(UNUSUAL[name]);
});

async function expectRequests(
  name: FrameworkName,
  scenario: string,
  folders: readonly string[] = FRAMEWORKS[name],
  options: { node?: NodeVersion; flags?: string } = {},
) {
  const args = [scenario, name, ...toPaths(folders)];
  const { output, exit, requests } = await compare('environment.cjs', args, options);
  const canFail = options.flags === '--frozen-intrinsics' || scenario.startsWith('failingClocks');
  if (exit !== 0 && canFail) return;
  expect(exit).toBe(0);
  expect(output).toContain('done');
  expect(requests['/rooms/:id']).toBe(2 * folders.length);
  // Express needs timers to answer a request without a route.
  const notFound = scenario.startsWith('timers') && name === 'express' ? 0 : folders.length;
  expect(requests['(not found)'] ?? 0).toBe(notFound);
}

it.concurrent.each(NAMES)('counts each request to several copies of %s once', (name) =>
  expectRequests(name, 'plain'),
);

const AGENTS = NAMES.flatMap((name) =>
  ['patch', 'channels'].flatMap((kind) =>
    ['first', 'later'].map((moment) => [name, kind, moment] as const),
  ),
);
const AGENT_TITLE = 'counts the requests of %s once if another agent uses %s, %s';
const isPatched = ([, kind]: (typeof AGENTS)[number]) => kind === 'patch';
it.concurrent.each(AGENTS.filter(isPatched))(AGENT_TITLE, (name, kind, moment) =>
  expectRequests(name, `${kind} ${moment}`),
);
// Long: the patches in CI cover other agents.
it.concurrent.each(AGENTS.filter((each) => !isPatched(each)))(
  AGENT_TITLE,
  { tags: 'long' },
  (name, kind, moment) => expectRequests(name, `${kind} ${moment}`),
);

const REPLACED = NAMES.flatMap((name) =>
  ['promise', 'json', 'clocks', 'failingClocks', 'timers', 'fetch'].flatMap((kind) =>
    ['first', 'later'].map((moment) => [name, kind, moment] as const),
  ),
);
const REPLACED_TITLE = 'measures %s if the application replaces globals: %s, %s';
const isReplacedInCi = ([, kind, moment]: (typeof REPLACED)[number]) =>
  moment === 'later' && (kind === 'promise' || kind === 'failingClocks');
it.concurrent.each(REPLACED.filter(isReplacedInCi))(REPLACED_TITLE, (name, kind, moment) =>
  expectRequests(name, `${kind} ${moment}`),
);
// Long: the cases in CI cover a replaced class and functions that throw.
it.concurrent.each(REPLACED.filter((each) => !isReplacedInCi(each)))(
  REPLACED_TITLE,
  { tags: 'long' },
  (name, kind, moment) => expectRequests(name, `${kind} ${moment}`),
);

const FLAGS = ['--frozen-intrinsics', '--disable-proto=delete', '--disable-proto=throw'];
const FLAG_CASES = NAMES.flatMap((name) =>
  FRAMEWORKS[name].flatMap((folder) =>
    FLAGS.flatMap((flags) => NODE_VERSIONS.map((node) => [name, folder, node, flags] as const)),
  ),
);
/** The last version of each framework, with one flag per version of Node.js. */
const isFlagInCi = ([name, folder, node, flags]: (typeof FLAG_CASES)[number]) =>
  folder === FRAMEWORKS[name].at(-1) && FLAGS.indexOf(flags) === NODE_VERSIONS.indexOf(node);
const FLAG_TITLE = 'behaves as without the agent with flags of Node.js: %s in %s, Node %s, %s';
const expectFlags = (name: FrameworkName, folder: string, node: NodeVersion, flags: string) =>
  expectRequests(name, 'plain', [folder], { node, flags });

it.concurrent.each(FLAG_CASES.filter(isFlagInCi))(FLAG_TITLE, expectFlags);
// Long: the cases in CI cover each framework, flag, and version of Node.js.
it.concurrent.each(FLAG_CASES.filter((each) => !isFlagInCi(each)))(
  FLAG_TITLE,
  { tags: 'long' },
  expectFlags,
);
