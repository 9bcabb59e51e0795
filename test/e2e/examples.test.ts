import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { RecordedMeasurements } from '../support/recorded-measurements.ts';

/** The agent is not a dependency here: the test loads the compiled one. */
const AGENT = '@perfscope/agent';

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
  readonly requests: readonly (readonly [method: string, path: string])[];
  readonly endpoints: readonly (readonly [
    method: string,
    name: string,
    requests: number,
    failed: number,
  ])[];
  /** Type, message, and endpoint. */
  readonly errors: readonly (readonly [string, string, string])[];
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

const EXAMPLES: readonly Example[] = [
  { name: 'express', packages: '.', ...BOOKING },
  { name: 'fastify', packages: 'test/libraries/fastify-5', ...BOOKING },
  { name: 'koa', packages: 'test/libraries/koa-3', ...BOOKING },
  { name: 'hono', packages: 'test/libraries/hono-4', ...BOOKING },
  { name: 'nestjs', packages: 'test/libraries/nest-12', ...BOOKING },
];

it.concurrent.each(EXAMPLES)('measures the example $name', async (example) => {
  const cwd = installExample(example);
  const env = { ...measurements.getEnv(example.name), PORT: '0' };
  const app = new InstrumentedApp('server.js', { cwd, env });
  const base = await app.url();
  for (const [method, path] of example.requests)
    await (await fetch(base + path, { method })).text();
  await app.stop();
  expect(measurements.readEndpoints(example.name)).toEqual(example.endpoints);
  expect(measurements.readErrors(example.name, /server\.js:\d+/)).toEqual(example.errors);
});

/** Copies an example, and links the packages that it depends on. */
function installExample({ name, packages }: Example): string {
  const target = join(folder, name);
  cpSync(join('examples', name), target, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  const { dependencies, scripts } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  expect(scripts.start).toBe('node --import @perfscope/agent/register server.js');
  for (const dependency of Object.keys(dependencies).filter((each) => each !== AGENT)) {
    const link = join(target, 'node_modules', dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(findPackage(dependency, resolve(packages)), link);
  }
  return target;
}

/** Returns the folder of a package, as Node.js finds it. */
function findPackage(name: string, from: string): string {
  const path = join(from, 'node_modules', name);
  return existsSync(path) ? path : findPackage(name, dirname(from));
}
