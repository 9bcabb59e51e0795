import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ErrorTracker } from '../../../../src/agent/error-tracking/error-tracker.ts';
import { parseSentryDsn } from '../../../../src/core/config/variable-parsers.ts';
import { SentryForwarder } from '../../../../src/server/error-tracking/sentry-forwarder.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { FakeProvider } from '../../../support/fake-provider.ts';

const api = new TestApiServer();
const sentry = new FakeProvider();

beforeAll(async () => {
  await Promise.all([api.start(), sentry.start()]);
});
afterAll(async () => {
  await Promise.all([api.remove(), sentry.stop()]);
});
beforeEach(() => sentry.reset());

function createForwarder(): SentryForwarder {
  const dsn = parseSentryDsn(`http://public-key@${new URL(sentry.url).host}/7`)!;
  return new SentryForwarder({
    dsn,
    read: api.dependencies.queryClient.read,
    log: api.dependencies.log,
  });
}

async function trackError(message: string): Promise<void> {
  const { add } = api.dependencies;
  const tracker = new ErrorTracker({ resource: { service: 'shop', instance: 'shop-1' }, add });
  const error = { type: 'Error', message, stack: 'Error: x\n    at book (/srv/rooms.js:1:2)' };
  tracker.track({ kind: 'uncaught', level: 'fatal', error, userId: 'ann' });
  await api.waitUntilStored();
}

const listMessages = () =>
  sentry.requests.map(({ body }) => {
    const [, , payload] = body.split('\n');
    return JSON.parse(payload!).exception.values[0].value as string;
  });

it('sends each row once, as an envelope', async () => {
  const forwarder = createForwarder();
  await trackError('first');
  await forwarder.forward();
  await trackError('second');
  await forwarder.forward();
  await forwarder.forward();
  expect(listMessages()).toEqual(['first', 'second']);
  const [{ path, headers }] = sentry.requests as [(typeof sentry.requests)[0]];
  expect(path).toBe('/api/7/envelope/');
  expect(headers).toMatchObject({
    'content-type': 'application/x-sentry-envelope',
    'x-sentry-auth': 'Sentry sentry_version=7, sentry_client=perfscope, sentry_key=public-key',
  });
  // Another server sends the same events with the same IDs, so Sentry stores them once.
  await createForwarder().forward();
  const ids = sentry.requests.map(({ body }) => JSON.parse(body.split('\n')[0]!).event_id);
  expect([ids.length, new Set(ids).size]).toEqual([4, 2]);
});

it('retries rows after an error and logs the error once', async () => {
  const forwarder = createForwarder();
  await forwarder.forward();
  sentry.reset();
  api.logMessages.length = 0;
  sentry.respond = (response) => response.writeHead(503).end();
  await trackError('third');
  await forwarder.forward();
  await forwarder.forward();
  expect(api.logMessages).toEqual([
    `Failed to send errors to ${sentry.url}: it returned HTTP 503. The errors remain in error_logs.`,
  ]);
  sentry.reset();
  await forwarder.forward();
  expect(listMessages()).toEqual(['third']);
  expect(api.logMessages.at(-1)).toMatch(/accepts errors again/);
});

it('respects Retry-After and drops rejected rows', async () => {
  const forwarder = createForwarder();
  await forwarder.forward();
  sentry.reset();
  await trackError('fourth');
  const now = Date.now();
  sentry.respond = (response) => response.writeHead(429, { 'retry-after': '30' }).end();
  await forwarder.forward(now);
  await forwarder.forward(now + 29_000);
  expect(sentry.requests).toHaveLength(1);
  sentry.respond = (response) => response.writeHead(400).end();
  await forwarder.forward(now + 31_000);
  await forwarder.forward(now + 32_000);
  expect(sentry.requests).toHaveLength(2);
  expect(JSON.stringify(api.logMessages)).not.toContain('public-key');
});
