import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { type ServerOptions, withServerClient } from '../../../src/cli/server-client.ts';
import { errorMessage, PerfscopeError } from '../../../src/core/perfscope-error.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';

const KEY = 'psk_environment';
const folder = mkdtempSync(join(tmpdir(), 'perfscope-server-client-'));
const writeFile = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

/** The `Authorization` header of each received request. */
const credentials: (string | undefined)[] = [];
let respond: (response: ServerResponse) => void;
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    credentials.push(request.headers.authorization);
    respond(response);
  });
  url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  return new Promise((done) => server.close(done));
});
beforeEach(() => {
  credentials.splice(0);
  respond = (response) => response.end('{"alerts":[]}');
  vi.stubEnv('XDG_RUNTIME_DIR', folder);
});
afterEach(() => vi.unstubAllEnvs());

const list = (options: ServerOptions, env: Record<string, string> = {}) => {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return withServerClient(options, (client) => client.get('alerts'));
};
const getError = async (options: ServerOptions, env: Record<string, string> = {}) => {
  const error = await list(options, env).then(
    () => new Error('no error'),
    (thrown: unknown) => thrown,
  );
  const code = error instanceof PerfscopeError ? error.code : undefined;
  return { code, message: errorMessage(error) };
};

it.each([
  ['PERFORMANCE_API_KEY', {}, () => ({ PERFORMANCE_API_KEY: KEY }), KEY],
  [
    'PERFORMANCE_API_KEY_FILE',
    {},
    () => ({ PERFORMANCE_API_KEY_FILE: writeFile('key', `${KEY}\n`) }),
    KEY,
  ],
  ['--key before the variable', { key: 'option' }, () => ({ PERFORMANCE_API_KEY: KEY }), 'option'],
  [
    '--key-file before the variable',
    { keyFile: writeFile('option-key', ' option ') },
    () => ({ PERFORMANCE_API_KEY: KEY }),
    'option',
  ],
])('sends the key of %s', async (_case, options, getEnv, key) => {
  await list(options, { PERFORMANCE_SERVER_URL: url, ...getEnv() });
  expect(credentials).toEqual([`Bearer ${key}`]);
});

it('sends requests to --url before PERFORMANCE_SERVER_URL', async () => {
  await list({ url }, { PERFORMANCE_SERVER_URL: 'http://127.0.0.1:1' });
  expect(credentials).toEqual([undefined]);
});

it.each([
  ['a missing file', () => ({ keyFile: '/missing/key' }), /--key-file.*the file does not exist/],
  ['a folder', () => ({ keyFile: folder }), /--key-file.*it is a folder, not a file/],
  ['an empty file', () => ({ keyFile: writeFile('empty', '\n') }), /--key-file.*file is empty/],
  ['two lines', () => ({ keyFile: writeFile('two', 'hush-1\nhush-2') }), /--key-file=\(hidden\)/],
  ['a key with a line break', () => ({ key: 'hush\nhush' }), /--key=\(hidden\) is invalid/],
])('rejects %s and does not print the key', async (_case, getOptions, expected) => {
  const { message } = await getError({ url, ...getOptions() });
  expect(message).toMatch(expected);
  expect(message).not.toContain('hush');
  expect(credentials).toEqual([]);
});

it.each([
  ['PERFORMANCE_API_KEY', { PERFORMANCE_API_KEY: 'hush\nhush-hush' }],
  ['PERFORMANCE_GRAFANA_TOKEN', { PERFORMANCE_GRAFANA_TOKEN: 'hush\nhush' }],
  ['PERFORMANCE_QUESTDB_TOKEN', { PERFORMANCE_QUESTDB_TOKEN: 'hush hush' }],
  ['PERFORMANCE_METRICS_TOKEN', { PERFORMANCE_METRICS_TOKEN: 'hush hush hush hush' }],
])('rejects a %s that is not a token and does not print it', async (name, env) => {
  const { code, message } = await getError({ url }, env as unknown as Record<string, string>);
  expect([code, message]).toEqual([
    'PS_CONFIG_INVALID',
    expect.stringContaining(`${name}=(hidden)`),
  ]);
  expect(message).not.toContain('hush');
});

it('rejects PERFORMANCE_API_KEY together with PERFORMANCE_API_KEY_FILE', async () => {
  const env = { PERFORMANCE_API_KEY: KEY, PERFORMANCE_API_KEY_FILE: '/missing' };
  expect((await getError({ url }, env)).code).toBe('PS_CONFIG_CONFLICT');
});

it('explains how to select a server if none is running', async () => {
  const { code, message } = await getError({});
  expect([code, message]).toEqual(['PS_NO_SERVER', expect.stringContaining('--url or PERF')]);
});

const sendProblem = (status: number, code: string, detail: string) => (response: ServerResponse) =>
  response
    .writeHead(status, { 'Content-Type': 'application/problem+json' })
    .end(JSON.stringify({ status, title: code, code, detail }));

it.each([
  [
    'a wrong key',
    sendProblem(401, 'PS_UNAUTHENTICATED', 'Authentication required: bad key. Create an API key …'),
    'PS_SERVER_KEY',
    /did not accept the request: bad key\. Set PERFORMANCE_API_KEY or PERFORMANCE_API_KEY_FILE/,
  ],
  [
    'a response of another server',
    (response: ServerResponse) => response.end('<html>'),
    'PS_SERVER_UNREACHABLE',
    /the response is not from a Perfscope server/,
  ],
  [
    'an error of another server',
    (response: ServerResponse) => response.writeHead(502).end('Bad Gateway'),
    'PS_SERVER_UNREACHABLE',
    /the response is not from a Perfscope server \(HTTP 502\)/,
  ],
  [
    'a closed connection',
    (response: ServerResponse) => response.destroy(),
    'PS_SERVER_UNREACHABLE',
    /can't be reached: (other side closed|read ECONNRESET|socket hang up)/i,
  ],
])('explains %s', async (_case, send, code, message) => {
  respond = send;
  const error = await getError({ url });
  expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)]);
  expect(error.message).toContain(url);
});

it('explains that no server listens at the address', async () => {
  const error = await getError({ url: 'http://127.0.0.1:2' });
  expect(error.code).toBe('PS_SERVER_UNREACHABLE');
  expect(error.message).toContain("127.0.0.1:2 can't be reached: connect ECONNREFUSED");
});
