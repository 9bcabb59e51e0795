import { execFile, spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePort } from '../../demo/server-process.ts';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { installTestLibraries } from '../../scripts/test-libraries.mjs';
import { canConnect } from '../support/can-connect.ts';
import { RecordedMeasurements } from '../support/recorded-measurements.ts';
import { runDoctor } from '../support/run-doctor.ts';
import { waitFor } from '../support/wait-for.ts';
import { waitForExit } from '../support/wait-for-exit.ts';

const AGENT = resolve('dist/agent-package/register.js');
/** Loaded instead of the agent. */
const NO_AGENT = resolve('test/host-safety/programs/empty.cjs');
const BUILD_LIMIT_MS = 300_000;
const run = promisify(execFile);

const MEASURED_NITRO = expect.stringMatching(/^✓ nitropack 2\.\d+\.\d+$/) as string;

const measurements = new RecordedMeasurements();
beforeAll(() => measurements.start());
afterAll(() => measurements.remove());

/** An application that is built with a framework in `test/libraries`. */
interface App {
  /** Folder of the built application. */
  readonly folder: string;
  readonly requests: readonly (readonly [method: string, path: string])[];
}

const NITRO: App = {
  folder: resolve('test/libraries/nitro-2/nitro-under-test'),
  requests: [
    ['GET', '/rooms/5'],
    ['GET', '/rooms/6?x=1'],
    ['POST', '/api/rooms/7/bookings'],
    ['POST', '/api/rooms/13/bookings'],
    ['GET', '/guide/breakfast/times'],
    ['GET', '/robots.txt'],
    ['GET', '/unknown/4711'],
    ['GET', '/staff'],
  ],
};

const createNuxt = (version: string): App => ({
  folder: resolve(`test/libraries/${version}/nuxt-under-test`),
  requests: [
    ['GET', '/'],
    ['GET', '/rooms/5'],
    ['GET', '/rooms/6?x=1'],
    ['GET', '/docs/a/b'],
    ['GET', '/api/rooms/5'],
    ['GET', '/hello.txt'],
    ['GET', '/unknown/4711'],
    ['GET', '/throws'],
    ['GET', '/api/throws'],
    ['GET', '/api/forbidden'],
  ],
});

const NUXT_VERSIONS = ['nuxt-3', 'nuxt-4'];

afterAll(() => {
  for (const { folder } of [NITRO, ...NUXT_VERSIONS.map(createNuxt)])
    rmSync(folder, { recursive: true, force: true });
});

/** Copies and builds an application. */
async function build({ folder }: App, source: string, cli: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const filter = (path: string) => !/node_modules|\.output|\.nitro/.test(path);
  cpSync(source, folder, { recursive: true, filter });
  const args = [resolve(folder, '../node_modules', cli), 'build'];
  const env = { ...process.env, NUXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };
  await run(process.execPath, args, { cwd: folder, env, timeout: BUILD_LIMIT_MS });
}

const runDoctorOnBuild = ({ folder }: App) =>
  runDoctor(['.output/server/index.mjs'], { cwd: folder, env: { PORT: '0' } });

/** Starts the server of a build, sends the requests, and returns the statuses and what the server printed. */
async function serve({ folder, requests }: App, node: number, module: string, service: string) {
  const port = String(await findFreePort());
  const { PATH } = process.env;
  const env = { PATH, PORT: port, HOST: '127.0.0.1', ...measurements.getEnv(service) };
  const args = ['--import', module, '.output/server/index.mjs'];
  const child = spawn(nodeBinary(node), args, { cwd: folder, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const exited = waitForExit(child);
  const statuses: number[] = [];
  try {
    await waitFor(async () => {
      if (child.exitCode !== null) throw new Error(`the server exited:\n${output}`);
      return canConnect(Number(port));
    });
    for (const [method, path] of requests) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
      await response.text();
      statuses.push(response.status);
    }
  } finally {
    child.kill('SIGTERM');
  }
  await exited;
  // Stacks contain the wrappers of the agent.
  return {
    statuses,
    output: output.replaceAll(/^ +(?:at|\.\.\.) .*\n/gm, '').replaceAll(port, 'PORT'),
  };
}

it('measures the build of Nitro 2 on each version of Node.js', async () => {
  const { scripts } = JSON.parse(readFileSync('examples/nitro/package.json', 'utf8'));
  expect(scripts.start).toBe('node --import @perfscope/agent/register .output/server/index.mjs');
  await build(NITRO, 'examples/nitro', 'nitropack/dist/cli/index.mjs');
  for (const node of [22, 24, 26]) {
    const service = `nitro ${node}`;
    const measured = await serve(NITRO, node, AGENT, service);
    expect(measured.statuses).toEqual([200, 200, 201, 500, 200, 200, 404, 403]);
    expect(measurements.readEndpoints(service)).toEqual([
      ['GET', '(not found)', 1, 0],
      ['GET', '(static)', 1, 0],
      ['GET', '/guide/**:slug', 1, 0],
      ['GET', '/rooms/:id', 2, 0],
      ['GET', '/staff', 1, 0],
      ['POST', '/api/rooms/:id/bookings', 2, 1],
    ]);
    expect(measurements.readErrors(service, /bookings\.post\.mjs:\d+/)).toEqual([
      ['Error', 'Room 13 does not exist.', '/api/rooms/:id/bookings'],
    ]);
    expect(measured).toEqual(await serve(NITRO, node, NO_AGENT, `plain ${node}`));
  }
  expect(await runDoctorOnBuild(NITRO)).toEqual([MEASURED_NITRO]);
});

// Long: the build of Nitro in CI has the same server.
it.each(NUXT_VERSIONS)('measures the build of %s', { tags: 'long' }, async (version) => {
  const app = createNuxt(version);
  await installTestLibraries(console.error, { roots: [join('test/libraries', version)] });
  await build(app, 'test/apps/nuxt', 'nuxt/bin/nuxt.mjs');
  const measured = await serve(app, 26, AGENT, version);
  expect(measured.statuses).toEqual([200, 200, 200, 200, 200, 200, 404, 500, 500, 403]);
  expect(measurements.readEndpoints(version)).toEqual([
    ['GET', '(not found)', 1, 0],
    ['GET', '(static)', 1, 0],
    ['GET', '/', 1, 0],
    ['GET', '/api/forbidden', 1, 0],
    ['GET', '/api/rooms/:id', 1, 0],
    ['GET', '/api/throws', 1, 1],
    ['GET', '/docs/:slug(.*)*', 1, 0],
    ['GET', '/rooms/:id', 2, 0],
    ['GET', '/throws', 1, 1],
  ]);
  expect(measurements.readErrors(version, /throws.*\.mjs:\d+/)).toEqual([
    ['Error', 'page failed', '/throws'],
    ['RangeError', 'thrown by a route', '/api/throws'],
  ]);
  expect(measured).toEqual(await serve(app, 26, NO_AGENT, `plain ${version}`));
  expect(await runDoctorOnBuild(app)).toEqual([MEASURED_NITRO]);
});
