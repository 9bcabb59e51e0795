import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '../../demo/database-servers.ts';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { NextApp, type NextStart } from '../support/next-app.ts';
import { RecordedMeasurements, sortRows } from '../support/recorded-measurements.ts';
import { waitFor } from '../support/wait-for.ts';

const AGENT = resolve('dist/agent-package/register.js');
/** Loaded instead of the agent, because any `--import` flag changes the stacks that Node.js prints. */
const NO_AGENT = resolve('test/host-safety/programs/empty.cjs');
/** The bundles of the application, which throw the errors. Code of the edge runtime has another path. */
const ORIGIN = /\.next|edge-server|middleware/;

const measurements = new RecordedMeasurements();
const redis = new RedisServer();
beforeAll(() => Promise.all([measurements.start(), redis.start()]));
afterAll(async () => {
  measurements.remove();
  await redis.remove();
});

/** Ways to start the server in production, and their Node versions. */
const MODES: Readonly<Record<string, (module: string) => NextStart>> = {
  'next start with --import': (module) => ({
    node: nodeBinary(22),
    flags: ['--import', module],
    program: 'start',
  }),
  // Next.js 14 doesn't start the SDK.
  'next start with NODE_OPTIONS and an own OpenTelemetry SDK': (module) => ({
    node: nodeBinary(24),
    program: 'start',
    env: { NODE_OPTIONS: `--import ${module}`, OWN_SDK: '1' },
  }),
  'a standalone build': (module) => ({
    node: nodeBinary(26),
    flags: ['--import', module],
    program: '.next/standalone/nextjs-under-test/server.js',
  }),
  'a custom server in CommonJS with Express': (module) => ({
    node: nodeBinary(24),
    flags: ['--require', module],
    program: 'server.cjs',
    env: { NODE_ENV: 'production' },
  }),
  'a custom server as an ES module': (module) => ({
    node: nodeBinary(26),
    flags: ['--import', module],
    program: 'server.mjs',
    env: { NODE_ENV: 'production' },
  }),
};

/** With compression, Next.js 14 changes the status of a failed middleware after it has sent the headers. */
const NO_COMPRESSION = { 'Accept-Encoding': 'identity' };
const FLIGHT = { RSC: '1' };
/** Each of them calls an action twice. For the second one, it fails. */
const GUESTS = ['Ada', 'nobody'];
const ACTIONS = 2 * GUESTS.length;
const JSON_BODY = { method: 'POST', body: '{}' };

/** A request with the name that its endpoint must have, and whether it fails. */
type Case = readonly [path: string, name: string, failed?: boolean, init?: RequestInit];

const CASES: readonly Case[] = [
  ['/rooms/7', '/rooms/[id]'],
  ['/rooms/8?guest=ada', '/rooms/[id]'],
  ['/rooms/missing', '/rooms/[id]'],
  ['/rooms/7', '/rooms/[id]', false, { headers: FLIGHT }],
  ['/rooms/7', '/rooms/[id]', false, { headers: { ...FLIGHT, 'Next-Router-Prefetch': '1' } }],
  ['/rooms/7', '/rooms/[id]', false, { method: 'HEAD' }],
  ['/guests', '/guests'],
  ['/static', '/static'],
  ['/docs/a/b/c', '/docs/[...slug]'],
  ['/hidden/1', '/hidden/[id]'],
  ['/hidden/2', '(not found)'],
  ['/board', '/board'],
  ['/api/rooms/5', '/api/rooms/[id]'],
  ['/api/rooms/5', '/api/rooms/[id]', false, JSON_BODY],
  ['/api/visits', '/api/visits'],
  ['/old/5', '/old/[id]'],
  ['/api/legacy/4', '/api/legacy/[id]'],
  ['/guarded', '(middleware)'],
  ['/login', '(redirect)'],
  ['/moved/3', '(redirect)'],
  ['/guests/', '(redirect)'],
  ['/alias/9', '/rooms/[id]'],
  ['/suites/4', '/rooms/[id]'],
  ['/partner/4', '(external rewrite)', true],
  ['/hello.txt', '(static)'],
  ['/unknown/4711', '(not found)'],
  ['/unknown.php', '(not found)', false, JSON_BODY],
  ['/_next/static/chunks/nothing.js', '(not found)'],
  ['/throws', '/throws', true],
  ['/streams', '/streams', true],
  ['/api/throws', '/api/throws', true],
  ['/old/throws', '/old/[id]', true],
  ['/api/fails', '/api/fails', true],
  ['/crash', '(middleware)', true],
];

const ERRORS = [
  ['Error', 'page failed', '/throws'],
  ['Error', 'stream failed', '/streams'],
  ['Error', 'handler failed', '/api/throws'],
  ['Error', 'old page failed', '/old/[id]'],
  ['Error', 'API route failed', '/api/fails'],
  ['Error', 'middleware failed', '(middleware)'],
  ['Error', 'action failed', '/rooms/[id] (action)'],
];

/** Sends all requests one after another, and returns their statuses. */
async function sendRequests(url: string): Promise<string[]> {
  const transcript: string[] = [];
  const send = async (path: string, init: RequestInit = {}) => {
    const headers = { ...NO_COMPRESSION, ...init.headers } as RequestInit['headers'];
    const response = await fetch(url + path, { redirect: 'manual', ...init, headers });
    // A stream that fails ends early.
    const body = await response.text().catch(() => 'cut short');
    transcript.push(`${init.method ?? 'GET'} ${path} ${response.status}`);
    return body;
  };
  for (const [path, , , init] of CASES) await send(path, init);
  const page = await send('/rooms/7');
  const [, file] = /"(\/_next\/static\/[^"\\]*\.js)"/.exec(page) ?? [];
  const [, action = ''] = /name="\$ACTION_ID_(\w+)"/.exec(page) ?? [];
  await send(`${file}`);
  await send('/_next/image?url=%2Fdot.png&w=64&q=75');
  for (const guest of GUESTS) {
    const fields = new FormData();
    // React 19.2 added the underscore.
    fields.set('_1_guest', guest);
    fields.set('1_guest', guest);
    fields.set('0', '["$K1"]');
    const headers = { 'Next-Action': action, Origin: url };
    await send('/rooms/7', { method: 'POST', body: fields, headers });
    const form = new FormData();
    form.set(`$ACTION_ID_${action}`, '');
    form.set('guest', guest);
    await send('/rooms/7', { method: 'POST', body: form, headers: { Origin: url } });
  }
  return transcript;
}

/** Returns the expected endpoints. */
function expectedEndpoints(): unknown[][] {
  const all: Case[] = [
    ...CASES,
    ['', '/rooms/[id]'],
    ['', '/_next/static/*'],
    ['', '/_next/image'],
    ...[false, true, false, true].map(
      (failed): Case => ['', '/rooms/[id] (action)', failed, JSON_BODY],
    ),
  ];
  const sums = new Map<string, [string, string, number, number]>();
  for (const [, name, failed = false, init] of all) {
    const method = init?.method ?? 'GET';
    const sum = sums.get(`${method} ${name}`) ?? [method, name, 0, 0];
    sum[2] += 1;
    if (failed) sum[3] += 1;
    sums.set(`${method} ${name}`, sum);
  }
  return sortRows([...sums.values()]);
}

/** Moves the lines of the application's own SDK to the end, sorted. It exports its metrics at any time. */
function sortTelemetry(output: string): string {
  const lines = output.split('\n');
  const isTelemetry = (line: string) => line.startsWith('telemetry: ');
  const spans = lines.filter((line) => isTelemetry(line) && !line.includes('"metric"'));
  const metrics = lines.filter((line) => isTelemetry(line) && line.includes('"metric"'));
  const others = lines.filter((line) => !isTelemetry(line));
  return [...others, ...spans.sort(), ...new Set(metrics)].join('\n');
}

/**
 * Sorts the fields in the JSON of the application's own SDK. The order of a span's attributes depends on whether
 * Next.js notices an error before the end of the response.
 */
function sortFields(output: string): string {
  return output.replaceAll(/(?<=^telemetry: ).*/gm, (json) =>
    JSON.stringify(JSON.parse(json), (_key, item: unknown) =>
      item !== null && typeof item === 'object' && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).sort(([x], [y]) => (x < y ? -1 : 1)))
        : item,
    ),
  );
}

/** A span of a request can end after its response. Returns whether the spans of the last requests have ended. */
function hasSpansOfActions(output: string): boolean {
  const names = output.match(/^telemetry: .*"name":"POST \/rooms\/\[id\]"/gm) ?? [];
  return names.length === ACTIONS;
}

/** Lines that Next.js prints only on a slow or busy machine. */
const SLOW_MACHINE =
  /^.*(?:Compiling .*\.\.\.|Slow filesystem detected.*|Finished .* cache .*)\n/gm;

/** Removes stacks, which contain the wrappers of the agent, and times, ports, and the IDs of processes. */
function normalize(output: string): string {
  return output
    .replaceAll(/^ +at .*\n/gm, '')
    .replaceAll(SLOW_MACHINE, '')
    .replaceAll(/\d+(?:\.\d+)?(?:ms|min|s)?/g, 'N');
}

function describeVersion(major: number, options: { tags?: 'long' }): void {
  describe(`Next.js ${major}`, options, () => {
    const app = new NextApp(major, 'test/apps/nextjs');
    beforeAll(() => app.build());
    afterAll(() => app.remove());

    // API routes before Next.js 16 fail with Express 5, also without the agent: they assign `query`, which is a getter.
    const modes = Object.keys(MODES).filter((mode) => major >= 16 || !mode.includes('Express'));
    it.each(modes)('names the requests and errors of %s', async (mode) => {
      const service = `next ${major} ${mode}`;
      const hasSpans = major >= 15 && mode.includes('SDK');
      const serve = async (module: string) => {
        let transcript: string[] = [];
        const start = MODES[mode]!(module);
        const env = { ...start.env, ...measurements.getEnv(service), REDIS_URL: redis.url };
        const output = await app.serve({ ...start, env }, async (url, readOutput) => {
          transcript = await sendRequests(url);
          if (hasSpans) await waitFor(async () => hasSpansOfActions(readOutput()));
        });
        return { transcript, output: output.map(sortFields).map(normalize).map(sortTelemetry) };
      };
      const measured = await serve(AGENT);
      expect(measurements.readEndpoints(service)).toEqual(expectedEndpoints());
      const errors = measurements.readErrors(service, ORIGIN).map(String);
      expect([...new Set(errors)].sort()).toEqual(ERRORS.map(String).sort());
      // Only the driver in the list of external packages.
      expect(measurements.readCommands(service)).toEqual([['INCR', 1]]);
      const plain = await serve(NO_AGENT);
      expect(measured).toEqual(plain);
      if (hasSpans) {
        expect(measured.output[0]).toContain('"metric":"starts","values":[N]');
        expect(measured.output[0]).toContain('"name":"GET /rooms/[id]"');
      }
    });
  });
}

describeVersion(16, {});
// Long: Next.js 16 in CI covers all ways to start a server.
describeVersion(14, { tags: 'long' });
describeVersion(15, { tags: 'long' });

describe('the example', () => {
  const app = new NextApp(16, 'examples/nextjs');
  beforeAll(() => app.build());
  afterAll(() => app.remove());

  async function sendToExample(url: string): Promise<number[]> {
    const bookings = `${url}/api/rooms`;
    const responses = [
      await fetch(`${url}/rooms/7`),
      await fetch(`${bookings}/7/bookings`, { method: 'POST' }),
      await fetch(`${bookings}/13/bookings`, { method: 'POST' }),
      await fetch(`${url}/unknown`),
    ];
    await Promise.all(responses.map((response) => response.text()));
    return responses.map(({ status }) => status);
  }

  function expectMeasured(service: string): void {
    expect(measurements.readEndpoints(service)).toEqual([
      ['GET', '(not found)', 1, 0],
      ['GET', '/rooms/[id]', 1, 0],
      ['POST', '/api/rooms/[id]/bookings', 2, 1],
    ]);
    expect(measurements.readErrors(service, ORIGIN)).toEqual([
      ['Error', 'Room 13 does not exist.', '/api/rooms/[id]/bookings'],
    ]);
  }

  it('is measured', async () => {
    const start = { node: process.execPath, flags: ['--import', AGENT], program: 'start' };
    const env = measurements.getEnv('example');
    await app.serve({ ...start, env }, async (url) => {
      await sendToExample(url);
    });
    expectMeasured('example');
  });

  it('is measured in development', async () => {
    const serve = async (module: string) => {
      let statuses: number[] = [];
      const env = { ...measurements.getEnv('dev'), NODE_OPTIONS: `--import ${module}` };
      const start = { node: process.execPath, program: 'dev', env };
      const output = await app.serve(start, async (url) => {
        statuses = await sendToExample(url);
      });
      // Next.js logs a request after its response. It can be stopped before it logs the last one.
      const withoutLast = output.map((text) => text.replace(/^.*GET \/unknown .*\n/m, ''));
      return { statuses, output: withoutLast.map(normalize) };
    };
    const measured = await serve(AGENT);
    expectMeasured('dev');
    expect(measured).toEqual(await serve(NO_AGENT));
  });

  it('is measured according to doctor', async () => {
    expect(await app.runDoctor()).toEqual([expect.stringMatching(/^✓ next 16\.\S+$/)]);
  });
});
