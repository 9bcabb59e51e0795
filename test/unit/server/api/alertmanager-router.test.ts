import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createError } from '../../../../src/core/perfscope-error.ts';
import { createPrincipal } from '../../../../src/server/access/principal.ts';
import type { PostedAlert } from '../../../../src/server/alerts/external/parse-posted-alerts.ts';
import { createAlertmanagerRouter } from '../../../../src/server/api/alertmanager-router.ts';

const PRINCIPALS = new Map([
  ['psk_a', createPrincipal('key:a', { role: 'INGEST', organizationId: 'a' })],
  ['psk_collector', createPrincipal('key:c', { role: 'INGEST' })],
  ['psk_admin', createPrincipal('key:admin', { role: 'ADMIN' })],
  ['psk_viewer', createPrincipal('key:v', { role: 'VIEWER', organizationId: 'a' })],
]);

const received: PostedAlert[] = [];
const logged: string[] = [];
let failure: Error | undefined;
let server: Server;
let url = '';

beforeAll(async () => {
  const app = express();
  const record = (text: string) => void logged.push(text);
  app.use(
    createAlertmanagerRouter({
      authenticate: async ({ authorization = '', apiKey }) => {
        const key = apiKey ?? authorization.replace(/^Bearer /, '');
        const principal = PRINCIPALS.get(key);
        return principal ? { principal } : { rejected: 'the key is unknown' };
      },
      externalAlerts: {
        receive: (alerts) => {
          if (failure) throw failure;
          received.push(...alerts);
        },
      },
      maxRequestsPerMinute: 1000,
      log: { info: record, warn: record, error: record },
    }),
  );
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v2/alerts`;
});
afterAll(() => void server.close());
beforeEach(() => {
  received.length = 0;
  failure = undefined;
});

const ALERT = { labels: { alertname: 'Down', organization: 'b' } };
const BEARER = { authorization: 'Bearer psk_a' };

async function post(body: unknown, headers: Record<string, string> = BEARER) {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: isRaw ? (body as string) : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

it.each([
  ['a bearer token of an organization', BEARER, 'a'],
  ['basic authentication', basic('anyone', 'psk_a'), 'a'],
  ['X-API-Key', { 'x-api-key': 'psk_a' }, 'a'],
  ['a key without an organization', basic('', 'psk_collector'), 'b'],
  ['an administrator', { authorization: 'Bearer psk_admin' }, 'b'],
])('accepts %s', async (_name, headers, organization) => {
  expect(await post([ALERT], headers)).toEqual({ status: 200, body: undefined });
  expect(received.map(({ labels }) => labels.organization)).toEqual([organization]);
});

it.each([
  ['no credentials', {}, 401],
  ['a wrong password', basic('psk_a', 'psk_wrong'), 401],
  ['an empty password', basic('psk_a', ''), 401],
  ['a role that cannot send data', { authorization: 'Bearer psk_viewer' }, 403],
])('rejects %s', async (_name, headers, status) => {
  const response = await post([ALERT], headers);
  expect(response).toEqual({ status, body: expect.any(String) });
  expect(received).toEqual([]);
});

it.each([
  ['text that is not JSON', '[{"password":"hunter2"', 400, 'The body must be valid JSON.'],
  ['an object', {}, 400, 'must be an array'],
  ['null', 'null', 400, 'must be an array'],
  ['100,000 alerts', JSON.stringify(new Array(100_000).fill({})), 400, 'limit is 5000'],
  ['a body of 5 MB', JSON.stringify(['x'.repeat(5e6)]), 413, 'larger than 4mb'],
])('rejects %s with a JSON string', async (_name, body, status, message) => {
  const response = await post(body);
  expect(response.status).toBe(status);
  expect(response.body).toContain(message);
  expect(received).toEqual([]);
});

it('stores the valid alerts of a request and reports the others, as Alertmanager does', async () => {
  const response = await post([ALERT, { labels: { alertname: 'B', '1x': 'y' } }]);
  expect(response.status).toBe(400);
  expect(response.body).toContain('alert 2: labels has an invalid name');
  expect(received.length).toBe(1);
});

it('accepts compressed bodies, and an empty list', async () => {
  const headers = { ...BEARER, 'content-encoding': 'gzip' };
  expect((await post(gzipSync(JSON.stringify([ALERT])), headers)).status).toBe(200);
  expect(received.length).toBe(1);
  expect((await post([])).status).toBe(200);
});

it.each([
  [createError('PS_UNAVAILABLE', { reason: 'not ready' }), 503],
  [createError('PS_QUOTA_REACHED', { limit: 1, what: 'x', per: 'y', action: 'z' }), 429],
  [new Error('secret detail'), 500],
])('reports %s', async (error, status) => {
  failure = error;
  const response = await post([ALERT]);
  expect(response.status).toBe(status);
  expect(response.body).not.toContain('secret');
});

it.each([
  ['/api/v2/silences', 'use /api/performance/silences'],
  ['/api/v2/silence/1', 'use /api/performance/silences'],
  ['/api/v2/alerts/groups', 'POST /api/v2/alerts and GET /api/v2/status'],
  ['/api/v2/receivers', 'GET /api/performance/receivers'],
  ['/api/v2/constructor', 'POST /api/v2/alerts and GET /api/v2/status.'],
  ['/api/v1/alerts', 'Set `api_version: v2`'],
])('explains which paths exist instead of %s', async (path, advice) => {
  for (const method of ['GET', 'POST', 'DELETE']) {
    const response = await fetch(new URL(path, url), { method });
    expect(response.status).toBe(404);
    const message = await response.json();
    expect(message).toContain(`${path} does not exist. `);
    expect(message).toContain(advice);
  }
});

it('rejects other methods, and returns a minimal status', async () => {
  const listed = await fetch(url, { headers: BEARER });
  expect([listed.status, listed.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  expect(await listed.json()).toContain('GET /api/performance/alerts');
  const statusUrl = url.replace('alerts', 'status');
  const status = await (await fetch(statusUrl, { headers: BEARER })).json();
  expect(status).toMatchObject({ cluster: { status: 'disabled' }, config: { original: '' } });
  expect((await fetch(statusUrl)).status).toBe(401);
});
