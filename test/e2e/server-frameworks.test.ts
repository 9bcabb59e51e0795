import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { RecordedMeasurements, sortRows } from '../support/recorded-measurements.ts';

const AGENT = resolve('dist/agent-package/register.js');
/** Loaded instead of the agent, because any `--import` flag changes the stacks that Node.js prints. */
const NO_AGENT = resolve('test/host-safety/programs/empty.cjs');
const NODE_VERSIONS = [22, 24, 26];
/** Each program takes about a second. The limit only ends a program that hangs. */
const TIME_LIMIT_MS = 120_000;
const run = promisify(execFile);
const runConcurrently = pLimit(3);

/** Delay of a handler in the programs. */
const SLOW_MS = 40;
/** The file that throws the errors. */
const ORIGIN = /-routes\.cjs:\d+/;

const measurements = new RecordedMeasurements();
beforeAll(() => measurements.start());
afterAll(() => measurements.remove());

/** An endpoint: method, name, number of requests, and number of failed requests. */
type Endpoint = readonly [method: string, name: string, requests: number, failed: number];
/** An error whose stack contains its origin. */
type StoredError = readonly [type: string, message: string, endpoint: string];

interface Framework {
  /** Programs that send the requests. */
  readonly scripts: readonly string[];
  readonly endpoints: readonly Endpoint[];
  readonly errors: readonly StoredError[];
}

const FASTIFY: Omit<Framework, 'scripts'> = {
  endpoints: [
    ['GET', '(not found)', 3, 0],
    ['GET', '/', 1, 0],
    ['GET', '/api/v1/closed/:id', 1, 0],
    ['GET', '/api/v1/hidden/:id', 1, 1],
    ['GET', '/api/v1/mapped/:id', 1, 0],
    ['GET', '/api/v1/rooms/:id', 1, 0],
    ['GET', '/client-error', 1, 0],
    ['GET', '/cut', 1, 1],
    ['GET', '/files/*', 1, 0],
    ['GET', '/hijacked', 1, 0],
    ['GET', '/hook/:id', 1, 1],
    ['GET', '/rejects', 1, 1],
    ['GET', '/rooms/:id', 3, 0],
    ['GET', '/sends', 1, 1],
    ['GET', '/slow', 1, 0],
    ['GET', '/throws', 1, 1],
    ['GET', '/undecorated/:id', 1, 0],
    ['HEAD', '/rooms/:id', 1, 0],
    ['OPTIONS', '(options)', 1, 0],
    ['OPTIONS', '(preflight)', 1, 0],
    ['POST', '/validated', 1, 0],
    ['PUT', '(not found)', 1, 0],
  ],
  errors: [
    ['Error', 'hidden by an error handler', '/api/v1/hidden/:id'],
    ['Error', 'thrown in a handler', '/throws'],
    ['Error', 'thrown in a hook', '/hook/:id'],
    ['RangeError', 'sent by a handler', '/sends'],
    ['TypeError', 'rejected in a handler', '/rejects'],
  ],
};
const KOA: Omit<Framework, 'scripts'> = {
  endpoints: [
    ['DELETE', '(no route)', 1, 0],
    ['GET', '(not found)', 2, 0],
    ['GET', '(static)', 1, 0],
    ['GET', '/', 1, 0],
    ['GET', '/admin/:page', 1, 0],
    ['GET', '/admin/users/:id', 1, 0],
    ['GET', '/api/caught/:id', 1, 1],
    ['GET', '/api/rooms/:room/bookings/:id', 2, 0],
    ['GET', '/gone/:id', 1, 0],
    ['GET', '/nothing/:id', 1, 0],
    ['GET', '/rooms/:id', 2, 0],
    ['GET', '/slow', 1, 0],
    ['GET', '/throws', 1, 1],
    ['GET', '(no route)', 1, 1],
    ['HEAD', '/rooms/:id', 1, 0],
    ['OPTIONS', '(options)', 1, 0],
    ['OPTIONS', '(preflight)', 1, 0],
  ],
  errors: [
    ['Error', 'thrown in a middleware', '(no route)'],
    ['RangeError', 'thrown in a route', '/throws'],
    ['TypeError', 'caught by a middleware', '/api/caught/:id'],
  ],
};
const KOA_FOLDERS = ['koa-2', 'koa-router-13', 'koa-router-14', 'koa-3'];

const FRAMEWORKS: readonly Framework[] = [
  { scripts: ['fastify-4/routes.cjs', 'fastify-4/routes.mjs'], ...FASTIFY },
  {
    scripts: ['fastify-5/routes.cjs', 'fastify-5/routes.mjs'],
    endpoints: [...FASTIFY.endpoints, ['GET', '(static)', 1, 0]],
    errors: FASTIFY.errors,
  },
  { scripts: KOA_FOLDERS.map((name) => `${name}/routes.cjs`), ...KOA },
  { scripts: ['koa-3/routes.mjs'], ...KOA },
  {
    // An ES module loads the main file of these versions without the agent's hook, see KOA_ROUTER.
    scripts: ['koa-2/routes.mjs', 'koa-router-14/routes.mjs'],
    endpoints: KOA.endpoints,
    errors: KOA.errors.filter(([, message]) => message !== 'caught by a middleware'),
  },
];
const CASES = FRAMEWORKS.flatMap(({ scripts, ...rest }) =>
  scripts.flatMap((script, i) =>
    NODE_VERSIONS.map((node, j) => ({ script, node, isInCi: (i + j) % 3 !== 1, ...rest })),
  ),
);
type Case = (typeof CASES)[number];

const title = 'names the requests and errors of $script on Node $node';
const ciCases = CASES.filter(({ isInCi }) => isInCi);
it.concurrent.each(ciCases)(title, (each) => checkCase(each, 'http1'));
// Long: in CI, each program runs on two versions of Node.js, and each framework on all of them.
it.concurrent.each(CASES.filter(({ isInCi }) => !isInCi))(title, { tags: 'long' }, (each) =>
  checkCase(each, 'http1'),
);

const HTTP2_SCRIPTS = [
  'fastify-4/routes.cjs',
  'fastify-5/routes.mjs',
  'koa-2/routes.cjs',
  'koa-3/routes.mjs',
];
it.concurrent.each(
  CASES.filter(({ script, node }) => HTTP2_SCRIPTS.includes(script) && node !== 24),
)(`${title} over HTTP/2`, (each) => checkCase(each, 'http2'));

async function checkCase(
  { script, node, endpoints, errors }: Omit<Case, 'isInCi'>,
  protocol: string,
) {
  const service = `${script} ${node} ${protocol}`;
  const isExpected = ([method, name]: Endpoint) =>
    protocol === 'http1' || !script.startsWith('koa') || `${method} ${name}` !== 'HEAD /rooms/:id';
  await runConcurrently(async () => {
    const output = await checkProgram(`test/libraries/${script}`, service, node, protocol);
    expect(output).toContain('GET /slow 200 slow');
  });
  expect(measurements.readEndpoints(service)).toEqual(sortRows(endpoints.filter(isExpected)));
  expect(measurements.readErrors(service, ORIGIN)).toEqual(sortRows(errors));
  const slow = measurements.readRequests(service).find(({ endpoint }) => endpoint === '/slow');
  // A timer counts in whole milliseconds, so it can run up to 1 ms early.
  expect(Number(slow?.sum)).toBeGreaterThan(SLOW_MS - 1);
}

it('names files, unknown paths, and OPTIONS in Express and without a framework', async () => {
  await checkProgram('test/apps/express-static.cjs', 'static', 26, 'http1');
  expect(measurements.readEndpoints('static')).toEqual(
    sortRows([
      ['GET', '(no route)', 3, 0],
      ['GET', '(not found)', 4, 0],
      ['GET', '(static)', 2, 0],
      ['GET', '/assets', 1, 0],
      ['GET', '/missing/:id', 1, 0],
      ['GET', '/open', 1, 0],
      ['GET', '/rooms/:id', 1, 0],
      ['HEAD', '(static)', 1, 0],
      ['OPTIONS', '(options)', 3, 0],
      ['OPTIONS', '(preflight)', 3, 0],
    ]),
  );
});

/** Runs a program with and without the agent, and expects the same output. */
async function checkProgram(
  script: string,
  service: string,
  node: number,
  protocol: string,
): Promise<string> {
  const start = async (module: string) => {
    const env = measurements.getEnv(service);
    const { stdout, stderr } = await run(
      nodeBinary(node),
      ['--import', module, resolve(script), protocol],
      { env, timeout: TIME_LIMIT_MS },
    );
    return stdout + stderr;
  };
  const [plain, measured] = await Promise.all([start(NO_AGENT), start(AGENT)]);
  expect(measured).toBe(plain);
  return measured;
}
