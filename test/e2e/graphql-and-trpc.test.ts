import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { REQUEST_SAMPLE_METRIC_NAME } from '../../src/core/request-sample-row.ts';
import { RecordedMeasurements, sortRows } from '../support/recorded-measurements.ts';

const AGENT = resolve('dist/agent-package/register.js');
/** Loaded instead of the agent, because any `--import` flag changes the stacks that Node.js prints. */
const NO_AGENT = resolve('test/host-safety/programs/empty.cjs');
const NODE_VERSIONS = [22, 24, 26];
/** Each program takes about two seconds. The limit only ends a program that hangs. */
const TIME_LIMIT_MS = 120_000;
const run = promisify(execFile);
const runConcurrently = pLimit(2);

const measurements = new RecordedMeasurements();
beforeAll(() => measurements.start());
afterAll(() => measurements.remove());

/** Runs a program with and without the agent, and expects the same output. */
async function checkProgram(script: string, service: string, node: number): Promise<void> {
  const start = async (module: string) => {
    const { stdout, stderr } = await run(
      nodeBinary(node),
      ['--disable-warning=DEP0040', '--import', module, resolve('test/libraries', script)],
      { env: measurements.getEnv(service), timeout: TIME_LIMIT_MS },
    );
    return stdout + stderr;
  };
  const [plain, measured] = await Promise.all([start(NO_AGENT), start(AGENT)]);
  expect(measured).toBe(plain);
}

/** Returns type, name, number, and class of error of each recorded operation, sorted. */
function readOperations(service: string, metric: string): unknown[][] {
  const sums = new Map<string, [string, string, string, number]>();
  for (const row of measurements.readRows(service, 'performance_metrics')) {
    if (row.name !== metric) continue;
    const { operation = '', endpoint = '', error_type = '', count } = row;
    const key = `${operation} ${endpoint} ${error_type}`;
    const sum = (sums.get(key)?.[3] ?? 0) + Number(count);
    sums.set(key, [operation, endpoint, error_type, sum]);
  }
  return sortRows([...sums.values()]);
}

/** Returns type, message, endpoint, and path of each error of a request, with their number, sorted. */
function readOperationErrors(service: string): unknown[][] {
  const sums = new Map<string, [string, string, string, string, number]>();
  for (const row of measurements.readRows(service, 'error_logs')) {
    if (row.kind !== 'request') continue;
    const { error_type = '', message = '', endpoint = '', context = '{}', count } = row;
    const { path = '' } = JSON.parse(context) as { path?: string };
    const key = [error_type, message, endpoint, path].join('\n');
    const sum = (sums.get(key)?.[4] ?? 0) + Number(count);
    sums.set(key, [error_type, message, endpoint, path, sum]);
  }
  return sortRows([...sums.values()]);
}

/** Returns the status and the `error.type` of the sampled requests that failed. */
function readFailedSamples(service: string): [status: number, errorType: string][] {
  return measurements.readRows(service, 'performance_metrics').flatMap(({ name, tags = '{}' }) => {
    const { 'http.response.status_code': status = 0, 'error.type': errorType } = JSON.parse(tags);
    return name === REQUEST_SAMPLE_METRIC_NAME && errorType ? [[status, errorType]] : [];
  });
}

type Endpoint = [method: string, name: string, requests: number, failed: number];
type Operation = [type: string, name: string, errorType: string, calls: number];
type StoredError = [type: string, message: string, endpoint: string, path: string, count: number];

interface Program {
  readonly scripts: readonly string[];
  readonly metric: string;
  readonly endpoints: readonly Endpoint[];
  readonly operations: readonly Operation[];
  readonly errors: readonly StoredError[];
}

const INTERNAL = 'INTERNAL_SERVER_ERROR';

/** How the servers of `trpc-calls.cjs` name their requests: with a router or not, and with a usual path or not. */
const PREFIXES = ['/trpc ', '/trpc/:path ', '/api/trpc ', ''];
const TRPC: Omit<Program, 'scripts'> = {
  metric: 'perfscope.trpc.procedure.duration',
  endpoints: [
    ['GET', '(no route)', 2, 2],
    ['GET', '(not found)', 2, 0],
    ['GET', '/trpc', 2, 1],
    ['GET', '/trpc/:path', 2, 1],
    ['GET', '/page/:id', 1, 0],
    ...PREFIXES.flatMap((prefix): Endpoint[] => [
      ['GET', `${prefix}query rooms.byId`, 2, 0],
      ['GET', `${prefix}query hello`, 1, 0],
      ['GET', `${prefix}query rooms.slow`, 1, 0],
      ['GET', `${prefix}query rooms.missing`, 1, 0],
      ['GET', `${prefix}query rooms.invalid`, 1, 0],
      ['GET', `${prefix}query rooms.throws`, 1, 1],
      ['GET', `${prefix}query rooms.internal`, 1, 1],
      ['GET', `${prefix}query guarded`, 1, 1],
      ['GET', `${prefix}(batch)`, 2, 1],
    ]),
    ...PREFIXES.filter((prefix) => prefix !== '/api/trpc ').flatMap((prefix): Endpoint[] => [
      ['POST', `${prefix}mutation rooms.book`, 1, 0],
      ['POST', `${prefix}mutation rooms.rejects`, 1, 1],
    ]),
  ],
  operations: [
    ['mutation', 'rooms.book', '', 3],
    ['mutation', 'rooms.rejects', INTERNAL, 3],
    ['query', 'combined', '', 1],
    ['query', 'guarded', INTERNAL, 4],
    ['query', 'hello', '', 14],
    ['query', 'rooms.byId', '', 12],
    ['query', 'rooms.internal', INTERNAL, 4],
    ['query', 'rooms.invalid', 'BAD_REQUEST', 4],
    ['query', 'rooms.missing', 'NOT_FOUND', 8],
    ['query', 'rooms.slow', '', 4],
    ['query', 'rooms.throws', INTERNAL, 9],
  ],
  errors: [
    ['Error', 'thrown by the context', '', '', 2],
    ['Error', 'thrown by the context', '/trpc', '', 1],
    ['Error', 'thrown by the context', '/trpc/:path', '', 1],
    ...PREFIXES.flatMap((prefix): StoredError[] => [
      ['Error', 'thrown by a middleware', `${prefix}query guarded`, 'guarded', 1],
      ['RangeError', 'thrown by a procedure', `${prefix}(batch)`, 'rooms.throws', 1],
      ['RangeError', 'thrown by a procedure', `${prefix}query rooms.throws`, 'rooms.throws', 1],
      ['TRPCError', 'no cause', `${prefix}query rooms.internal`, 'rooms.internal', 1],
    ]),
    ...PREFIXES.filter((prefix) => prefix !== '/api/trpc ').map(
      (prefix): StoredError => [
        'TypeError',
        'rejected by a procedure',
        `${prefix}mutation rooms.rejects`,
        'rooms.rejects',
        1,
      ],
    ),
  ],
};

/** Returns what `graphql-operations.cjs` must record for several servers. */
function createGraphqlProgram(
  servers: readonly ('apollo' | 'yoga' | 'plain')[],
  rejected: readonly Operation[],
): Omit<Program, 'scripts'> {
  const all = servers.length;
  const libraries = servers.filter((each) => each !== 'plain').length;
  const subscriptions = servers.filter((each) => each !== 'apollo').length;
  return {
    metric: 'perfscope.graphql.operation.duration',
    endpoints: [
      // The requests of the plain server whose documents were rejected.
      ['POST', '(no route)', 2, 0],
      ['POST', '/graphql (batch)', libraries, libraries],
      ['POST', '/graphql (invalid)', 2 * libraries, 0],
      ['POST', '/graphql mutation Book', all, 0],
      ['POST', '/graphql query', all, 0],
      ['POST', '/graphql query Both', all, all],
      ['POST', '/graphql query Count', all, 0],
      ['POST', '/graphql query Price', all, all],
      ['POST', '/graphql query Rooms', 2 * all + libraries, 0],
      ['POST', '/graphql query Second', all, 0],
      ['POST', '/graphql query Secret', all, 0],
      ['POST', '/graphql query Slow', all, 0],
      // Yoga sends a stream, which isn't a request.
      ['POST', '/graphql subscription Ticks', 1, 0],
    ],
    operations: [
      ...rejected,
      ['mutation', 'Book', '', all],
      ['query', '', '', all],
      ['query', 'Both', INTERNAL, all],
      ['query', 'Count', '', all],
      ['query', 'Price', INTERNAL, all + libraries],
      ['query', 'Rooms', '', 2 * (all + libraries)],
      ['query', 'Second', '', all],
      ['query', 'Secret', 'FORBIDDEN', all],
      ['query', 'Slow', '', all],
      ['subscription', 'Ticks', '', subscriptions],
    ],
    errors: [
      ['RangeError', 'price not found', '/graphql (batch)', 'rooms.price', libraries],
      ['RangeError', 'price not found', '/graphql query Both', 'rooms.price', all],
      ['RangeError', 'price not found', '/graphql query Price', 'rooms.price', all],
      ['TypeError', 'rating not found', '/graphql query Both', 'rooms.rating', all],
    ],
  };
}

const PARSE_FAILED: Operation = ['', '', 'GRAPHQL_PARSE_FAILED', 1];
const VALIDATION_FAILED: Operation = ['', '', 'GRAPHQL_VALIDATION_FAILED', 1];
const SCRIPT_TYPES = ['cjs', 'mjs'];
const toScripts = (name: string) => SCRIPT_TYPES.map((type) => `${name}.${type}`);

const PROGRAMS: readonly Program[] = [
  { scripts: toScripts('servers-1/trpc'), ...TRPC },
  {
    scripts: toScripts('servers-2/trpc'),
    ...TRPC,
    operations: [...TRPC.operations, ['query', 'action', '', 1]],
  },
  {
    scripts: toScripts('servers-1/graphql'),
    // Errors of Yoga 3 have no codes.
    ...createGraphqlProgram(
      ['apollo', 'yoga', 'plain'],
      [PARSE_FAILED, VALIDATION_FAILED, ['', '', 'GraphQLError', 2]],
    ),
  },
  {
    scripts: toScripts('servers-2/graphql'),
    ...createGraphqlProgram(['apollo', 'plain'], [PARSE_FAILED, VALIDATION_FAILED]),
  },
  {
    scripts: toScripts('graphql-17/graphql'),
    ...createGraphqlProgram(['yoga', 'plain'], [PARSE_FAILED, VALIDATION_FAILED]),
  },
];
const CASES = PROGRAMS.flatMap(({ scripts, ...rest }, i) =>
  scripts.flatMap((script, j) =>
    NODE_VERSIONS.map((node, k) => ({ script, node, isInCi: (i + j) % 3 === k, ...rest })),
  ),
);

/** Delay of an operation of each program. */
const SLOW_MS = 40;

async function check({
  script,
  node,
  metric,
  endpoints,
  operations,
  errors,
}: (typeof CASES)[number]) {
  const service = `${script} ${node}`;
  await runConcurrently(() => checkProgram(script, service, node));
  expect(measurements.readEndpoints(service)).toEqual(sortRows(endpoints));
  expect(readOperations(service, metric)).toEqual(sortRows(operations));
  expect(readOperationErrors(service)).toEqual(sortRows(errors));
  const samples = readFailedSamples(service);
  expect(samples.length).toBeGreaterThan(0);
  expect(samples).toEqual(
    samples.map(([status]) => [status, status >= 500 ? String(status) : 'failed_operation']),
  );
  const slow = measurements
    .readRows(service, 'performance_metrics')
    .filter(({ name, endpoint }) => name === metric && /slow/i.test(String(endpoint)));
  const sum = slow.reduce((total, row) => total + Number(row.sum), 0);
  const count = slow.reduce((total, row) => total + Number(row.count), 0);
  // A timer counts in whole milliseconds, so it can run up to 1 ms early.
  expect(sum / count).toBeGreaterThan(SLOW_MS - 1);
}

const title = 'measures $script on Node $node';
it.concurrent.each(CASES.filter(({ isInCi }) => isInCi))(title, check);
// Long: the programs in CI run on each version of Node.js, with each version of the libraries and both module systems.
it.concurrent.each(CASES.filter(({ isInCi }) => !isInCi))(title, { tags: 'long' }, check);
