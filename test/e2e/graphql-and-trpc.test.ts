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
      ['--import', module, resolve('test/libraries', script)],
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

const title = 'measures $script on Node $node';
function createCases<T extends { readonly scripts: readonly string[] }>(programs: readonly T[]) {
  return programs.flatMap(({ scripts, ...rest }, i) =>
    scripts.flatMap((script, j) =>
      NODE_VERSIONS.map((node, k) => ({ script, node, isInCi: (i + j + k) % 2 === 0, ...rest })),
    ),
  );
}

const PREFIXES = ['/trpc', '/trpc/:path', '/api/trpc', ''];
const toName = (prefix: string, name: string) => (prefix === '' ? name : `${prefix} ${name}`);
const TRPC_ENDPOINTS = PREFIXES.flatMap((prefix): [string, string, number, number][] => {
  const posts: [string, string, number, number][] = [
    ['POST', toName(prefix, 'mutation rooms.book'), 1, 0],
    ['POST', toName(prefix, 'mutation rooms.rejects'), 1, 1],
  ];
  const unnamed = prefix === '' || prefix === '/api/trpc' ? '(no route)' : prefix;
  return [
    ['GET', toName(prefix, 'query rooms.byId'), 2, 0],
    ['GET', toName(prefix, 'query hello'), 1, 0],
    ['GET', toName(prefix, 'query rooms.slow'), 1, 0],
    ['GET', toName(prefix, 'query rooms.missing'), 1, 0],
    ['GET', toName(prefix, 'query rooms.invalid'), 1, 0],
    ['GET', toName(prefix, 'query rooms.throws'), 1, 1],
    ['GET', toName(prefix, 'query rooms.internal'), 1, 1],
    ['GET', toName(prefix, 'query guarded'), 1, 1],
    ['GET', toName(prefix, '(batch)'), 2, 1],
    ['GET', unnamed, unnamed === '(no route)' ? 1 : 2, 1],
    ...(prefix === '/api/trpc' ? [] : posts),
  ];
});

it('prints', async () => {
  await checkProgram('servers-2/trpc.mjs', 'x', 26);
  console.log(measurements.readEndpoints('x'));
  console.log(readOperations('x', 'perfscope.trpc.procedure.duration'));
  console.log(readOperationErrors('x'));
  void TRPC_ENDPOINTS;
  void createCases;
  void title;
  void runConcurrently;
});
