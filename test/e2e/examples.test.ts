import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import type { RequestPart } from '../../src/core/request-breakdown.ts';
import { findPackage, installExample } from '../support/install-example.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { RecordedMeasurements } from '../support/recorded-measurements.ts';
import { runDoctor } from '../support/run-doctor.ts';

const measurements = new RecordedMeasurements();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-examples-'));
beforeAll(() => measurements.start());
afterAll(() => {
  measurements.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Example {
  /** Folder in `examples`. */
  readonly name: string;
  /** Folder with the installed packages. */
  readonly packages: string;
  /** The third element is the body. */
  readonly requests: readonly (readonly [method: string, path: string, body?: string])[];
  readonly endpoints: readonly (readonly [
    method: string,
    name: string,
    requests: number,
    failed: number,
  ])[];
  /** Type, message, and endpoint. */
  readonly errors: readonly (readonly [string, string, string])[];
  /** Kind and name of each step in the samples of failed requests. */
  readonly steps?: readonly (readonly [kind: string, name: string])[];
  readonly functions?: readonly (readonly [name: string, calls: number, failed: number])[];
}

/** What `doctor` must report about an example, on one of the Node versions. */
interface Diagnosis {
  readonly name: string;
  readonly node: 22 | 24 | 26;
  /** Libraries that are measured, in the order of their loading. */
  readonly measured: readonly string[];
  /** Libraries in `test/libraries` that packages of the example load in another version. */
  readonly hoisted?: readonly string[];
}

/** Most examples have the same routes. */
const BOOKING: Pick<Example, 'requests' | 'endpoints' | 'errors'> = {
  requests: [
    ['GET', '/rooms/7'],
    ['GET', '/rooms/8'],
    ['POST', '/api/rooms/7/bookings'],
    ['POST', '/api/rooms/13/bookings'],
    ['GET', '/unknown'],
  ],
  endpoints: [
    ['GET', '(not found)', 1, 0],
    ['GET', '/rooms/:id', 2, 0],
    ['POST', '/api/rooms/:id/bookings', 2, 1],
  ],
  errors: [['Error', 'Room 13 does not exist.', '/api/rooms/:id/bookings']],
};

/** Requests to a path are named by the prefix and the operation. */
const createGraphql = (
  path: string,
  prefix: string,
): Pick<Example, 'requests' | 'endpoints' | 'errors'> => ({
  requests: [
    ['POST', path, '{"query":"query Room { room(id: 7) { price } }"}'],
    ['POST', path, '{"query":"mutation Book { book(room: 7) { id } }"}'],
    ['POST', path, '{"query":"mutation Book { book(room: 13) { id } }"}'],
    ['POST', path, '{"query":"query Unknown { unknown }"}'],
  ],
  endpoints: [
    ['POST', `${prefix}(invalid)`, 1, 0],
    ['POST', `${prefix}mutation Book`, 2, 1],
    ['POST', `${prefix}query Room`, 1, 0],
  ],
  errors: [['Error', 'Room 13 does not exist.', `${prefix}mutation Book`]],
});

const EXAMPLES: readonly Example[] = [
  { name: 'express', packages: '.', ...BOOKING },
  { name: 'fastify', packages: 'test/libraries/fastify-5', ...BOOKING },
  { name: 'koa', packages: 'test/libraries/koa-3', ...BOOKING },
  { name: 'hono', packages: 'test/libraries/hono-4', ...BOOKING },
  { name: 'nestjs', packages: 'test/libraries/nest-12', ...BOOKING },
  {
    name: 'sqlite',
    packages: '.',
    ...BOOKING,
    functions: [['bookRoom', 2, 1]],
    steps: [
      ['function', 'bookRoom'],
      ['database', 'SELECT id, price FROM rooms WHERE id = ?'],
    ],
  },
  {
    name: 'hapi',
    packages: 'test/libraries/servers-2',
    requests: BOOKING.requests,
    endpoints: [
      ['GET', '(not found)', 1, 0],
      ['GET', '/rooms/{id}', 2, 0],
      ['POST', '/api/rooms/{id}/bookings', 2, 1],
    ],
    errors: [['Error', 'Room 13 does not exist.', '/api/rooms/{id}/bookings']],
  },
  { name: 'h3', packages: 'test/libraries/servers-2', ...BOOKING },
  {
    name: 'trpc',
    packages: 'test/libraries/servers-2',
    requests: [
      ['GET', '/trpc/room?input=7'],
      ['GET', '/trpc/room?input=8'],
      ['POST', '/trpc/book', '7'],
      ['POST', '/trpc/book', '13'],
      ['GET', '/trpc/unknown'],
    ],
    endpoints: [
      ['GET', '(not found)', 1, 0],
      ['GET', '/trpc query room', 2, 0],
      ['POST', '/trpc mutation book', 2, 1],
    ],
    errors: [['Error', 'Room 13 does not exist.', '/trpc mutation book']],
  },
  {
    name: 'apollo-server',
    packages: 'test/libraries/servers-2',
    ...createGraphql('/', ''),
  },
  {
    name: 'graphql',
    packages: 'test/libraries/graphql-17',
    ...createGraphql('/graphql', '/graphql '),
  },
];

const DIAGNOSES: readonly Diagnosis[] = [
  { name: 'express', node: 22, measured: ['express'] },
  { name: 'fastify', node: 24, measured: ['fastify'] },
  { name: 'koa', node: 22, measured: ['koa', '@koa/router'] },
  { name: 'hono', node: 26, measured: ['hono'] },
  { name: 'nestjs', node: 24, measured: ['express', '@nestjs/core'] },
  { name: 'sqlite', node: 26, measured: ['express', 'node:sqlite'] },
  { name: 'hapi', node: 26, measured: ['@hapi/hapi'] },
  { name: 'h3', node: 22, measured: ['h3'] },
  { name: 'trpc', node: 24, measured: ['@trpc/server'] },
  {
    name: 'apollo-server',
    node: 26,
    measured: ['graphql', '@apollo/server'],
    hoisted: ['graphql'],
  },
  { name: 'graphql', node: 22, measured: ['graphql', 'graphql-yoga'] },
];

it.concurrent.each(DIAGNOSES)(
  'doctor lists the libraries of the example $name on Node $node',
  async ({ name, node, measured, hoisted = [] }) => {
    const example = EXAMPLES.find((each) => each.name === name)!;
    const cwd = install(example, `doctor-${name}`);
    const lines = await runDoctor(['server.js'], { node, cwd, env: { PORT: '0' } });
    const expected = measured.map((each) =>
      each === 'node:sqlite'
        ? `✓ ${each} ${readNodeVersion(node)}`
        : `✓ ${each} ${readVersion(each, example.packages)}`,
    );
    expected.push(...hoisted.map((each) => `✓ ${each} ${readVersion(each, 'test/libraries')}`));
    expect(lines.toSorted()).toEqual(expected.toSorted());
  },
);

function readVersion(name: string, packages: string): string {
  const file = join(findPackage(name, resolve(packages)), 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function readNodeVersion(node: number): string {
  const args = ['-p', 'process.versions.node'];
  return execFileSync(nodeBinary(node), args, { encoding: 'utf8' }).trim();
}

it.concurrent.each(EXAMPLES)('measures the example $name', async (example) => {
  const cwd = install(example);
  const env = { ...measurements.getEnv(example.name), PORT: '0' };
  const app = new InstrumentedApp('server.js', { cwd, env });
  const base = await app.url();
  for (const [method, path, body] of example.requests) {
    const headers = body ? { 'content-type': 'application/json' } : {};
    await (await fetch(new URL(path, base), { method, headers, ...(body && { body }) })).text();
  }
  await app.stop();
  expect(measurements.readEndpoints(example.name)).toEqual(example.endpoints);
  expect(measurements.readErrors(example.name, /server\.js:\d+/)).toEqual(example.errors);
  const { functions = [], steps } = example;
  expect(readFunctions(example.name)).toEqual(functions);
  if (steps) expect(readSteps(example.name)).toEqual(steps);
});

/** Returns name, number of calls, and number of failed calls of each traced function. */
function readFunctions(service: string): unknown[][] {
  const rows = measurements
    .readRows(service, 'performance_metrics')
    .filter(({ name }) => name === 'perfscope.function.duration');
  const names = new Set(rows.map(({ operation }) => operation));
  return [...names].map((name) => {
    const own = rows.filter(({ operation }) => operation === name);
    const sum = (column: string) => own.reduce((total, row) => total + Number(row[column] ?? 0), 0);
    return [name, sum('count'), sum('error_count')];
  });
}

/** Returns kind and name of each step in the samples of failed requests. */
function readSteps(service: string): unknown[][] {
  return measurements
    .readRows(service, 'performance_metrics')
    .filter(({ name }) => name === 'http.server.request.sample')
    .map(({ tags = '{}' }) => JSON.parse(tags) as Record<string, unknown>)
    .filter((tags) => tags['http.response.status_code'] === 500)
    .flatMap(({ parts = [] }) => parts as RequestPart[])
    .map(({ kind, name }) => [kind, name]);
}

function install({ name, packages }: Example, folderName = name): string {
  const target = join(folder, folderName);
  const scripts = installExample(name, target, { packages });
  expect(scripts.start).toBe('node --import @perfscope/agent/register server.js');
  return target;
}
