import { chmodSync, cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HostProgramRunner, readSpool } from '../support/host-program.ts';

const AGENT_FOLDER = resolve('dist/agent-package');
const runner = new HostProgramRunner();
const folderWithSpace = join(runner.folder, 'my agent');
const secondCopy = join(runner.folder, 'copy');

beforeAll(() => {
  symlinkSync(AGENT_FOLDER, folderWithSpace);
  cpSync(AGENT_FOLDER, secondCopy, { recursive: true });
  mkdirSync(join(runner.folder, 'node_modules'));
  symlinkSync(
    resolve('node_modules/@opentelemetry'),
    join(runner.folder, 'node_modules/@opentelemetry'),
  );
});
afterAll(() => runner.remove());

const isKnown = (flag: string) => process.allowedNodeEnvironmentFlags.has(flag.replace(/=.*/, ''));

it.concurrent.each(
  [
    '--frozen-intrinsics',
    '--disable-proto=throw',
    '--disable-proto=delete',
    '--disallow-code-generation-from-strings',
    '--no-addons',
    '--no-deprecation',
    '--throw-deprecation',
    '--pending-deprecation',
    '--trace-warnings',
    '--preserve-symlinks',
    '--experimental-vm-modules',
    '--force-context-aware',
    '--no-global-search-paths',
    '--jitless',
    '--max-old-space-size=64',
  ].filter(isKnown),
)('runs as without the agent with %s', async (flag) => {
  await runner.expectSameBehavior({ args: ['print.cjs', '300'], flags: [flag] });
});

it.concurrent('runs as without the agent with a small stack', async () => {
  await runner.expectSameBehavior({ args: ['print.cjs', '300'], flags: ['--stack-size=150'] });
});

/** Sends one request to itself. */
const ONE_REQUEST = `
  const http = require('node:http');
  const server = http.createServer((request, response) => response.end('x'));
  server.listen(0, '127.0.0.1', () => {
    const options = { port: server.address().port, host: '127.0.0.1', agent: false };
    http.get(options, (response) => response.resume().on('end', () => server.close()));
  });`;

it.concurrent.each([
  ['once', () => []],
  ['with `--require` and `--import`', () => ['--require', join(AGENT_FOLDER, 'register.js')]],
  ['from two folders', () => ['--require', join(secondCopy, 'register.js')]],
])('counts a request once if the agent is loaded %s', async (_name, getFlags) => {
  const run = await runner.runWithAgent(
    { args: ['-e', ONE_REQUEST], flags: getFlags() },
    { flag: '--import', questdb: 'refuses' },
  );
  expect(run).toMatchObject({ exit: 'code 0', stdout: '', stderr: '' });
  const requests = readSpool(run).filter((line) =>
    /^performance_metrics,.*API_RESPONSE_TIME/.test(line),
  );
  const counts = requests.map((line) => Number(/[, ]count=(\d+)i/.exec(line)?.[1]));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
});

it.concurrent('loads the agent from a quoted path in NODE_OPTIONS', async () => {
  const register = JSON.stringify(join(folderWithSpace, 'register.js'));
  const program = { args: ['print.cjs', '300'], usesNodeOptions: true };
  const run = await runner.run(program, '--import', register, {
    PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1',
  });
  expect(run).toMatchObject({ exit: 'code 0', stdout: 'one\ntwo\n', stderr: 'three\n' });
  expect(readSpool(run).length).toBeGreaterThan(0);
});

it.concurrent('names the missing permissions in one line, and reports the lost rows', async () => {
  const flags = ['--permission', '--allow-fs-read=*'];
  const { stderr, spool } = await runner.runWithAgent(
    { args: ['print.cjs', '1500'], flags, env: { PERFORMANCE_FLUSH_INTERVAL: '200' } },
    { flag: '--import', questdb: 'refuses' },
  );
  const lines = stderr.split('\n').filter((line) => line.startsWith('perfscope: '));
  expect(lines).toEqual([
    expect.stringContaining(`--allow-fs-write=${spool}`),
    expect.stringMatching(
      /^perfscope: Process \d+ dropped \d+ rows in total: the process ended, and the spool/,
    ),
  ]);
  expect(lines[0]?.includes('--allow-net')).toBe(isKnown('--allow-net'));
});

it.concurrent('starts without a home folder for a user without an entry in the list of users', async () => {
  const spool = join(runner.folder, 'spool-of-others');
  mkdirSync(spool);
  chmodSync(spool, 0o777);
  const run = await runner.runWithAgent(
    {
      args: ['print.cjs', '300'],
      env: { HOME: undefined, XDG_RUNTIME_DIR: undefined, PERFORMANCE_SPOOL_DIR: spool },
      uid: process.getuid?.() === 0 ? 12_345 : undefined,
    },
    { flag: '--import', questdb: 'refuses' },
  );
  expect(run).toMatchObject({ exit: 'code 0', stdout: 'one\ntwo\n', stderr: 'three\n' });
  expect(readSpool({ ...run, spool }).length).toBeGreaterThan(0);
});
