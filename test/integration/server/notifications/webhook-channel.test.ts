import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { webhookBodySchema } from '../../../../src/server/notifications/channels/webhook.ts';
import { type Certificate, createCertificate } from '../../../support/certificate.ts';
import { FakeProvider, type ReceivedRequest } from '../../../support/fake-provider.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import {
  deliverMessage,
  makeMessage,
  makeMessageAlert,
  SecretFiles,
  toResolvedMessage,
} from '../../../support/message-fixtures.ts';

const SECRET = 'hook-secret-7Q';
const secrets = new SecretFiles();
const receiver = new FakeProvider();
const otherServer = new FakeProvider();
const local = { allowHttp: true, allowPrivate: true };
let webhook: Record<string, unknown>;

beforeAll(async () => {
  await Promise.all([receiver.start(), otherServer.start()]);
  const secretFile = secrets.write('secret', `${SECRET}\n`);
  webhook = { kind: 'webhook', url: `${receiver.url}/in`, secretFile, ...local };
});
afterAll(async () => {
  await Promise.all([receiver.stop(), otherServer.stop()]);
  secrets.remove();
});
beforeEach(() => {
  receiver.reset();
  otherServer.reset();
});

describe('a webhook', () => {
  it('receives a signed body that matches the documented schema, with an idempotency key', async () => {
    const message = makeMessage({ alerts: [makeMessageAlert({ value: Number.NaN })] });
    const now = () => 1_764_000_000_500;
    expect(await deliverMessage(webhook, message, { now })).toEqual({ status: 'delivered' });
    expect(await deliverMessage(webhook, toResolvedMessage(message), { now })).toEqual({
      status: 'delivered',
    });
    const [first, second] = receiver.requests;
    const signature = createHmac('sha256', SECRET)
      .update(`1764000000.${first!.body}`)
      .digest('hex');
    expect(first!.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': 'm1',
      'x-perfscope-signature': `t=1764000000,v1=${signature}`,
    });
    const body = webhookBodySchema.strict().parse(JSON.parse(first!.body));
    expect(body).toMatchObject({ version: '1', status: 'firing', receiver: 'ops' });
    expect(body.alerts).toMatchObject([
      { rule: 'response-time', firedAt: '2026-11-25T08:01:00.000Z', organizationId: 'anna' },
    ]);
    expect(body.alerts[0]).not.toHaveProperty('value');
    expect(JSON.parse(second!.body)).toMatchObject({
      id: 'm1-resolved',
      status: 'resolved',
      alerts: [{ state: 'resolved', endedAt: '2026-11-25T08:02:00.000Z' }],
    });
  });

  it('can verify signatures with the documented code', async () => {
    const [, code] = /<!-- verify -->\s+```js\n([\s\S]+?)```/.exec(
      readFileSync('docs/channels.md', 'utf8'),
    )!;
    const { isFromPerfscope } = (await import(
      `data:text/javascript,${encodeURIComponent(code!)}`
    )) as { isFromPerfscope: (...args: unknown[]) => boolean };
    await deliverMessage(webhook, makeMessage());
    const [{ body, headers }] = receiver.requests as [ReceivedRequest];
    const signature = headers['x-perfscope-signature'];
    expect(isFromPerfscope(body, signature, SECRET)).toBe(true);
    expect(isFromPerfscope(`${body} `, signature, SECRET)).toBe(false);
    expect(isFromPerfscope(body, signature, 'another')).toBe(false);
    expect(isFromPerfscope(body, signature, SECRET, Date.now() + 400_000)).toBe(false);
    expect(isFromPerfscope(body, undefined, SECRET)).toBe(false);
  });

  it('has a documented JSON schema that matches the code', () => {
    const [, documented] = /<!-- webhook-schema -->\s+```json\n([\s\S]+?)```/.exec(
      readFileSync('docs/channels.md', 'utf8'),
    )!;
    expect(JSON.parse(documented!)).toEqual(z.toJSONSchema(webhookBodySchema));
  });
});

describe('a response', () => {
  it.each([
    [200, {}, { status: 'delivered' }],
    [202, {}, { status: 'delivered' }],
    [500, {}, { status: 'retryable' }],
    [408, {}, { status: 'retryable' }],
    [429, { 'retry-after': '7' }, { status: 'retryable', retryAfterMs: 7000 }],
    [503, { 'retry-after': 'Wed, 25 Nov 2026 08:00:30 GMT' }, { retryAfterMs: 30_000 }],
    [429, { 'retry-after': 'soon' }, { status: 'retryable' }],
    [400, {}, { status: 'permanent' }],
    [410, {}, { status: 'permanent' }],
  ])('with status %d and headers %j has outcome %j', async (status, headers, expected) => {
    receiver.respond = (response) => response.writeHead(status, headers).end('no');
    const now = () => Date.UTC(2026, 10, 25, 8);
    expect(await deliverMessage(webhook, makeMessage(), { now })).toMatchObject(expected);
    expect(receiver.requests).toHaveLength(1);
  });

  it('is truncated and redacted, even if it echoes secrets', async () => {
    const urlFile = secrets.write('url', `${receiver.url}/in/s3cr3t-path?k=1`);
    receiver.respond = (response, { path, body }) => {
      response.writeHead(400);
      response.end(`bad\u202e ${path} ${SECRET} to ann@hotel.example\n${body.repeat(1000)}`);
    };
    const outcome = await deliverMessage({ ...webhook, url: undefined, urlFile }, makeMessage());
    const { reason } = outcome as { reason: string };
    expect(reason).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+ returned HTTP 400: bad \[secret\] \[secret\] to/,
    );
    expect(reason).not.toMatch(/s3cr3t|hook-secret|ann@|[\n\u202e]/);
    expect(reason.length).toBeLessThan(300);
  });

  it('that never completes causes a retryable failure after the timeout', async () => {
    receiver.respond = () => {};
    const outcome = await deliverMessage(webhook, makeMessage(), { timeoutMs: 300 });
    expect(outcome).toMatchObject({
      status: 'retryable',
      reason: expect.stringMatching(/in time/),
    });
    // The timeout also applies to a response whose body never ends.
    receiver.respond = (response) => void response.writeHead(200).write('.');
    expect(await deliverMessage(webhook, makeMessage(), { timeoutMs: 300 })).toMatchObject({
      status: 'retryable',
    });
  });

  it('that never ends is read only partially', async () => {
    receiver.respond = (response) => {
      response.writeHead(400);
      const writeChunk = () => response.write('x'.repeat(65_536), () => setImmediate(writeChunk));
      writeChunk();
    };
    expect(await deliverMessage(webhook, makeMessage())).toMatchObject({ status: 'permanent' });
  });

  it('that is missing because the connection was refused causes a retryable failure', async () => {
    const unreachable = { ...webhook, url: 'http://127.0.0.1:1/x' };
    expect(await deliverMessage(unreachable, makeMessage())).toMatchObject({
      status: 'retryable',
      reason: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1: .*REFUSED/),
    });
  });
});

describe('an HTTPS server', () => {
  let url: string;
  let server: Server;
  let trusted: Certificate;
  beforeAll(async () => {
    trusted = createCertificate(secrets.folder);
    server = createServer(trusted, (_request, response) => response.end());
    url = `https://localhost:${await listenOnFreePort(server)}/`;
  });
  afterAll(() => new Promise((done) => server.close(done)));

  it('receives messages only if its certificate is trusted', async () => {
    const config = { ...webhook, url, allowHttp: false, caFile: trusted.file };
    expect(await deliverMessage(config, makeMessage())).toEqual({ status: 'delivered' });
    const outcome = await deliverMessage({ ...config, caFile: undefined }, makeMessage());
    expect(outcome).toMatchObject({ status: 'permanent', reason: expect.stringMatching(/self/) });
  });

  it('causes a permanent failure if it responds with another protocol', async () => {
    const plainHttp = { ...webhook, url: receiver.url.replace('http:', 'https:') };
    expect(await deliverMessage(plainHttp, makeMessage())).toMatchObject({ status: 'permanent' });
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303])(
    'with status %d is not followed, and its new address is reported',
    async (status) => {
      const location = `${otherServer.url}/new?token=hidden`;
      receiver.respond = (response) => response.writeHead(status, { location }).end();
      expect(await deliverMessage(webhook, makeMessage())).toEqual({
        status: 'permanent',
        reason: `${receiver.url}: it redirects (HTTP ${status}) to ${otherServer.url}; configure the new URL`,
      });
      expect(otherServer.requests).toHaveLength(0);
    },
  );

  it.each([307, 308])('with status %d is followed with the same body', async (status) => {
    const location = `${otherServer.url}/new`;
    receiver.respond = (response) => response.writeHead(status, { location }).end();
    expect(await deliverMessage(webhook, makeMessage())).toEqual({ status: 'delivered' });
    expect(otherServer.requests[0]!.body).toBe(receiver.requests[0]!.body);
  });

  it('to a blocked network is rejected', async () => {
    const port = new URL(receiver.url).port;
    const allowed = { ...webhook, allowPrivate: ['127.0.0.0/8'] };
    for (const host of ['[::1]', '[::ffff:10.0.0.1]', '10.0.0.1', '169.254.169.254', '0.0.0.0']) {
      receiver.respond = (response) =>
        response.writeHead(307, { location: `http://${host}:${port}/` }).end();
      expect(await deliverMessage(allowed, makeMessage())).toMatchObject({
        status: 'permanent',
        reason: expect.stringMatching(/does not allow/),
      });
    }
    receiver.respond = (response) => response.writeHead(307, { location: 'file:///etc/x' }).end();
    expect(await deliverMessage(allowed, makeMessage())).toMatchObject({ status: 'permanent' });
  });

  it('is followed at most three times', async () => {
    receiver.respond = (response) => response.writeHead(308, { location: '/again' }).end();
    expect(await deliverMessage(webhook, makeMessage())).toMatchObject({
      status: 'permanent',
      reason: expect.stringMatching(/more than 3 redirects/),
    });
    expect(receiver.requests).toHaveLength(4);
  });

  it('never sends a key to another host', async () => {
    const routingKeyFile = secrets.write('key', 'k'.repeat(32));
    receiver.respond = (response) => response.writeHead(307, { location: otherServer.url }).end();
    const config = { kind: 'pagerduty', url: receiver.url, routingKeyFile, ...local };
    expect(await deliverMessage(config, makeMessage())).toMatchObject({ status: 'permanent' });
    expect(otherServer.requests).toHaveLength(0);
  });
});

it('rejects a hostname that resolves to a private address', async () => {
  // The hosts file maps the machine's hostname to the machine itself.
  const { hostname } = await import('node:os');
  const url = `http://${hostname()}:${new URL(receiver.url).port}/`;
  const config = { ...webhook, url, allowPrivate: false };
  expect(await deliverMessage(config, makeMessage())).toMatchObject({
    status: 'permanent',
    reason: expect.stringMatching(/resolves to .* does not allow/),
  });
  expect(receiver.requests).toHaveLength(0);
});
