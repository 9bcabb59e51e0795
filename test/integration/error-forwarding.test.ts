import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { parseDsn } from '../../src/config/dsn.ts';
import { SentryForwarder } from '../../src/error-tracking/forwarder.ts';
import { ErrorTracker } from '../../src/error-tracking/tracker.ts';
import { Api } from '../support/api.ts';
import { Receiver } from '../support/receiver.ts';

const api = new Api();
const sentry = new Receiver();

beforeAll(async () => {
  await Promise.all([api.start(), sentry.start()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([api.remove(), sentry.stop()]);
});
beforeEach(() => sentry.reset());

function forwarder(): SentryForwarder {
  const dsn = parseDsn(`http://public-key@${new URL(sentry.url).host}/7`)!;
  return new SentryForwarder({ dsn, read: api.parts.store.read, log: api.parts.log });
}

async function fail(message: string): Promise<void> {
  const { add } = api.parts;
  const tracker = new ErrorTracker({ origin: { service: 'shop', instance: 'shop-1' }, add });
  const error = { type: 'Error', message, stack: 'Error: x\n    at book (/srv/rooms.js:1:2)' };
  tracker.track({ kind: 'uncaught', level: 'fatal', error, userId: 'ann' });
  await api.stored();
}

const messages = () =>
  sentry.received.map(({ body }) => {
    const [, , payload] = body.split('\n');
    return JSON.parse(payload!).exception.values[0].value as string;
  });

it('sends every entry once, as an envelope', async () => {
  const sending = forwarder();
  await fail('first');
  await sending.forward();
  await fail('second');
  await sending.forward();
  await sending.forward();
  expect(messages()).toEqual(['first', 'second']);
  const [{ path, headers }] = sentry.received as [(typeof sentry.received)[0]];
  expect(path).toBe('/api/7/envelope/');
  expect(headers).toMatchObject({
    'content-type': 'application/x-sentry-envelope',
    'x-sentry-auth': 'Sentry sentry_version=7, sentry_client=perfscope, sentry_key=public-key',
  });
  // Another server sends the same events: under the same ids, which Sentry takes once.
  await forwarder().forward();
  const ids = sentry.received.map(({ body }) => JSON.parse(body.split('\n')[0]!).event_id);
  expect([ids.length, new Set(ids).size]).toEqual([4, 2]);
});

it('sends later what could not be sent, and says so once', async () => {
  const sending = forwarder();
  await sending.forward();
  sentry.reset();
  api.said.length = 0;
  sentry.answer = (response) => response.writeHead(503).end();
  await fail('third');
  await sending.forward();
  await sending.forward();
  expect(api.said).toEqual([
    `${sentry.url} does not take errors: it answered 503. They are kept in error_logs.`,
  ]);
  sentry.reset();
  await sending.forward();
  expect(messages()).toEqual(['third']);
  expect(api.said.at(-1)).toMatch(/takes errors again/);
});

it('waits as it is asked to, and gives up what is refused', async () => {
  const sending = forwarder();
  await sending.forward();
  sentry.reset();
  await fail('fourth');
  const now = Date.now();
  sentry.answer = (response) => response.writeHead(429, { 'retry-after': '30' }).end();
  await sending.forward(now);
  await sending.forward(now + 29_000);
  expect(sentry.received).toHaveLength(1);
  sentry.answer = (response) => response.writeHead(400).end();
  await sending.forward(now + 31_000);
  await sending.forward(now + 32_000);
  expect(sentry.received).toHaveLength(2);
  expect(JSON.stringify(api.said)).not.toContain('public-key');
});
