import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOCAL_TOKEN_HEADER } from '../../../../src/core/config/server-discovery.ts';
import { buildCreateStateTableSql } from '../../../../src/core/schema/table-definition.ts';
import { STATE_TABLES } from '../../../../src/core/schema/table-registry.ts';
import { execSql } from '../../../../src/storage/questdb/exec-sql-http.ts';
import { AccessServer } from '../../../support/access-server.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';

const KEYS = '/api/performance/keys';
const NEW_KEY = JSON.stringify({ role: 'ADMIN', name: 'admin' });
const questdb = new ExternalQuestdb({ isShared: true });
const spoolDir = join(questdb.folder, 'spool');
const log = { info: () => {}, warn: () => {}, error: () => {} };
let server: AccessServer;
let publicServer: AccessServer;

beforeAll(async () => {
  await questdb.start();
  for (const table of STATE_TABLES) await execSql(questdb.target, buildCreateStateTableSql(table));
  server = await AccessServer.start({ env: questdb.env, spoolDir, log });
  const env = { ...questdb.env, PERFORMANCE_PUBLIC_URL: 'https://perf.example' };
  publicServer = await AccessServer.start({ env, spoolDir, log });
});
afterAll(async () => {
  await server?.close();
  await publicServer?.close();
  await questdb.remove();
});

interface RawResponse {
  readonly status: number;
  readonly body: { readonly code?: string; readonly detail?: string };
}

/**
 * Sends a request exactly as written. `{host}` becomes the server's address. A client can't send
 * such requests with `fetch`, which sets some headers itself.
 */
async function send(lines: readonly string[], body = '', to = server): Promise<RawResponse> {
  const { host, port } = new URL(to.url);
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  const json = body === '' ? [] : ['Content-Type: application/json'];
  const head = [...lines, ...json, ...length].map((line) => line.replace('{host}', host));
  const socket = connect(Number(port), '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    // The server keeps HTTP/1.1 connections open.
    const [header = '', ...content] = text.split('\r\n\r\n');
    const [, length = '0'] = /^Content-Length: (\d+)/im.exec(header) ?? [];
    if (content.length > 0 && Buffer.byteLength(content.join()) >= Number(length)) socket.end();
  });
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  await new Promise((done) => socket.once('close', done));
  const [header = '', content = ''] = text.split('\r\n\r\n');
  const isJson = /content-type: application\/(problem\+)?json/i.test(header);
  return { status: Number(header.split(' ')[1]), body: isJson ? JSON.parse(content) : {} };
}

/**
 * What the default configuration of each proxy sends for `GET /api/performance/keys`, recorded with
 * nginx 1.22, Apache 2.4, Caddy 2.6, and HAProxy 2.6. The visitor used `http://perf.example`.
 */
const PROXIES: [string, string[]][] = [
  [
    'nginx',
    [
      'GET /api/performance/keys HTTP/1.0',
      'Host: {host}',
      'Connection: close',
      'User-Agent: curl/7.88.1',
      'Accept: */*',
    ],
  ],
  [
    'Apache',
    [
      'GET /api/performance/keys HTTP/1.1',
      'Host: {host}',
      'User-Agent: curl/7.88.1',
      'Accept: */*',
      'X-Forwarded-For: 203.0.113.7',
      'X-Forwarded-Host: perf.example',
      'X-Forwarded-Server: localhost',
      'Connection: Keep-Alive',
    ],
  ],
  [
    'Caddy',
    [
      'GET /api/performance/keys HTTP/1.1',
      'Host: perf.example',
      'User-Agent: curl/7.88.1',
      'Accept: */*',
      'X-Forwarded-For: 203.0.113.7',
      'X-Forwarded-Host: perf.example',
      'X-Forwarded-Proto: http',
      'Accept-Encoding: gzip',
    ],
  ],
  [
    'HAProxy',
    [
      'GET /api/performance/keys HTTP/1.1',
      'host: perf.example',
      'user-agent: curl/7.88.1',
      'accept: */*',
    ],
  ],
];

const CURL = (method: string, path: string) => [
  `${method} ${path} HTTP/1.1`,
  'Host: {host}',
  'User-Agent: curl/7.88.1',
  'Accept: */*',
];

describe('a server without keys, behind a proxy with its default configuration', () => {
  it.each(PROXIES)('%s: rejects requests without a key', async (_name, lines) => {
    const { status, body } = await send(lines);
    expect([status, body.code]).toEqual([401, 'PS_UNAUTHENTICATED']);
    expect(body.detail).toContain('perfscope keys create');
  });

  it.each(PROXIES)('%s: rejects the local token', async (_name, lines) => {
    const token = `${LOCAL_TOKEN_HEADER}: ${AccessServer.localToken}`;
    expect((await send([...lines, token])).status).toBe(401);
  });

  it.each(PROXIES)('%s: rejects scrapes without a key', async (_name, lines) => {
    const [request = '', ...headers] = lines;
    const scrape = request.replace(KEYS, '/permissions/scrape');
    expect((await send([scrape, ...headers])).status).toBe(401);
  });
});

describe('a server without keys', () => {
  it.each<[string, string[]]>([
    ['without a Host header', ['GET /whoami HTTP/1.0']],
    ['with an empty Host header', ['GET /whoami HTTP/1.1', 'Host:']],
    ['with two Host headers', ['GET /whoami HTTP/1.1', 'Host: {host}', 'Host: evil.example']],
    ['with a complete URL', ['GET http://perf.example/whoami HTTP/1.1', 'Host: {host}']],
    ['from another website', [...CURL('GET', '/whoami'), 'Origin: http://evil.example']],
    ['from another local server', [...CURL('GET', '/whoami'), 'Sec-Fetch-Site: same-site']],
    ['from a link', [...CURL('GET', '/whoami'), 'Sec-Fetch-Site: cross-site']],
  ])('rejects a request %s', async (_case, lines) => {
    expect([400, 401]).toContain((await send(lines)).status);
  });

  it('accepts direct requests from curl and from its own page', async () => {
    expect((await send(CURL('GET', '/whoami'))).status).toBe(200);
    expect((await send(CURL('GET', KEYS))).status).toBe(200);
    const page = [
      'Sec-Fetch-Site: same-origin',
      'Referer: http://{host}/',
      'Origin: http://{host}',
    ];
    expect((await send([...CURL('GET', '/whoami'), ...page])).status).toBe(200);
  });

  it.each([
    ['creating', 'POST', KEYS, NEW_KEY],
    ['revoking', 'DELETE', `${KEYS}/0123456789abcdef`, ''],
  ])('requires a key for %s keys, even for direct requests', async (_case, method, path, json) => {
    const { status, body } = await send(CURL(method, path), json);
    expect([status, body.code]).toEqual([403, 'PS_KEY_REQUIRED']);
    expect(body.detail).toContain('perfscope keys create --role ADMIN');
  });
});

describe('a server with a public URL, without keys', () => {
  it('rejects direct requests, but accepts the local token', async () => {
    expect(publicServer.access.notice).toContain('PERFORMANCE_PUBLIC_URL');
    const rejected = await send(CURL('GET', '/whoami'), '', publicServer);
    expect([rejected.status, rejected.body.code]).toEqual([401, 'PS_UNAUTHENTICATED']);
    const token = `${LOCAL_TOKEN_HEADER}: ${AccessServer.localToken}`;
    const accepted = await send([...CURL('GET', '/whoami'), token], '', publicServer);
    expect(accepted).toMatchObject({ status: 200, body: { subject: 'local', role: 'ADMIN' } });
  });
});

it('creates the first key with the local token. Then all requests need a key or the token', async () => {
  const wrong = `${LOCAL_TOKEN_HEADER}: ${'x'.repeat(43)}`;
  expect((await send([...CURL('POST', KEYS), wrong], NEW_KEY)).status).toBe(401);
  const token = `${LOCAL_TOKEN_HEADER}: ${AccessServer.localToken}`;
  expect((await send([...CURL('POST', KEYS), token], NEW_KEY)).status).toBe(200);
  expect((await send(CURL('GET', '/whoami'))).status).toBe(401);
  expect((await send([...CURL('GET', '/whoami'), token])).status).toBe(200);
});
