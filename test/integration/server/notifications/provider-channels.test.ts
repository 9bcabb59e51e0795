import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  channelConfigSchema,
  createChannel,
} from '../../../../src/server/notifications/channels/create-channel.ts';
import { FakeProvider } from '../../../support/fake-provider.ts';
import {
  deliverMessage,
  makeMessage,
  makeMessageAlert,
  SecretFiles,
  toResolvedMessage,
} from '../../../support/message-fixtures.ts';
import {
  pagerdutySchema,
  slackSchema,
  teamsSchema,
  twilioSchema,
} from '../../../support/provider-schemas.ts';

const KEY = 'R0123456789abcdefghijklmnopqrstu';
const TOKEN = 'twilio-token-5Y';
const SID = `AC${'0a'.repeat(16)}`;
const secrets = new SecretFiles();
const provider = new FakeProvider();
const local = { allowHttp: true, allowPrivate: true };
const configs: Record<string, Record<string, unknown>> = {};

beforeAll(async () => {
  await provider.start();
  const urlFile = secrets.write('url', `${provider.url}/services/T0/B0/hook-secret`);
  Object.assign(configs, {
    slack: { kind: 'slack', urlFile, ...local },
    teams: { kind: 'teams', urlFile, ...local },
    pagerduty: {
      kind: 'pagerduty',
      url: `${provider.url}/v2/enqueue`,
      ...local,
      routingKeyFile: secrets.write('key', KEY),
    },
    sms: {
      kind: 'sms',
      url: provider.url,
      accountSid: SID,
      from: '+4366412345678',
      ...local,
      tokenFile: secrets.write('token', TOKEN),
      to: ['+436769999999'],
    },
  });
});
afterAll(async () => {
  await provider.stop();
  secrets.remove();
});
beforeEach(() => provider.reset());

const many = Array.from({ length: 60 }, (_, i) =>
  makeMessageAlert({
    id: `a${i}`,
    cause: 'because '.repeat(60),
    comment: '<&>'.repeat(200),
    annotations: { summary: '&'.repeat(600), description: 'long '.repeat(90) },
  }),
);
const messages = {
  one: makeMessage(),
  many: makeMessage({ alerts: many }),
  escalated: makeMessage({ kind: 'escalation', level: 1 }),
  resolved: toResolvedMessage(makeMessage({ alerts: many })),
};

describe.each(Object.entries(messages))('message: %s', (_name, message) => {
  it('sends Slack a valid message', async () => {
    expect(await deliverMessage(configs.slack!, message)).toEqual({ status: 'delivered' });
    slackSchema.parse(provider.json);
    expect(provider.requests[0]!.path).toBe('/services/T0/B0/hook-secret');
  });

  it('sends Teams a valid message within the size limit', async () => {
    provider.respond = (response) => response.writeHead(202).end();
    expect(await deliverMessage(configs.teams!, message)).toEqual({ status: 'delivered' });
    teamsSchema.parse(provider.json);
    expect(Buffer.byteLength(provider.requests[0]!.body)).toBeLessThan(28_000);
  });

  it('sends PagerDuty a valid event', async () => {
    provider.respond = (response) => response.writeHead(202).end('{"status":"success"}');
    expect(await deliverMessage(configs.pagerduty!, message)).toEqual({ status: 'delivered' });
    pagerdutySchema.parse(provider.json);
    expect(Buffer.byteLength(provider.requests[0]!.body)).toBeLessThan(512 * 1024);
  });

  it('sends Twilio a valid SMS request', async () => {
    provider.respond = (response) => response.writeHead(201).end('{"sid":"SM1"}');
    expect(await deliverMessage(configs.sms!, message)).toEqual({ status: 'delivered' });
    const [{ path, headers, body }] = provider.requests as [(typeof provider.requests)[0]];
    expect(path).toBe(`/2010-04-01/Accounts/${SID}/Messages.json`);
    expect(headers.authorization).toBe(
      `Basic ${Buffer.from(`${SID}:${TOKEN}`).toString('base64')}`,
    );
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded');
    twilioSchema.parse(Object.fromEntries(new URLSearchParams(body)));
  });
});

it('triggers, acknowledges, and resolves a PagerDuty incident with the same key', async () => {
  const firing = makeMessage();
  const acknowledged = makeMessage({
    id: 'm2',
    alerts: [makeMessageAlert({ state: 'acknowledged' })],
  });
  for (const message of [firing, acknowledged, toResolvedMessage(firing)]) {
    await deliverMessage(configs.pagerduty!, message);
  }
  const events = provider.requests.map(({ body }) => pagerdutySchema.parse(JSON.parse(body)));
  expect(events.map((event) => event.event_action)).toEqual(['trigger', 'acknowledge', 'resolve']);
  expect(new Set(events.map((event) => event.dedup_key)).size).toBe(1);
  expect(events[0]).toMatchObject({
    payload: {
      summary: '[CRITICAL] shop: /rooms takes 6 s on average (limit: 5 s) · anna/north',
      severity: 'critical',
      source: 'shop',
      class: 'response-time',
      component: '/rooms',
      group: 'anna/north',
    },
    links: [{ text: 'View' }, { text: 'Acknowledge' }, { text: 'Runbook' }],
  });
});

it.each([
  ['teams', 'Microsoft Teams endpoint returned HTTP error 429', 'retryable'],
  ['teams', 'Webhook message delivery failed with error: bad card', 'permanent'],
  ['slack', 'invalid_payload', 'permanent'],
  ['pagerduty', '{"status":"invalid event"}', 'permanent'],
  ['sms', '{"status":"failed","error_code":30003}', 'permanent'],
])('%s: a response 200 with "%s" is %s', async (kind, body, status) => {
  provider.respond = (response) => response.writeHead(200).end(body);
  expect(await deliverMessage(configs[kind]!, makeMessage())).toMatchObject({
    status,
    reason: expect.stringContaining(`returned HTTP 200: ${body.slice(0, 20)}`),
  });
});

it('retries an SMS only for the number that failed', async () => {
  const to = ['+436760000001', '+436760000002'];
  let busy = true;
  provider.respond = (response, { body }) => {
    const isRejected = busy && body.includes('0002');
    response.writeHead(isRejected ? 503 : 201, { 'retry-after': '2' });
    response.end('{}');
  };
  const channel = createChannel(channelConfigSchema.parse({ ...configs.sms, to }));
  const send = () => channel.deliver(makeMessage(), AbortSignal.timeout(10_000));
  expect(channel.recipient).toBe('+43***01, +43***02');
  expect(await send()).toMatchObject({ status: 'retryable', retryAfterMs: 2000 });
  busy = false;
  expect(await send()).toEqual({ status: 'delivered' });
  const numbers = provider.requests.map(({ body }) => new URLSearchParams(body).get('To'));
  expect(numbers).toEqual([to[0], to[1], to[1]]);
});

describe.each(['slack', 'teams', 'pagerduty', 'sms'])('%s', (kind) => {
  it.each([
    ['no response', undefined, 'retryable'],
    ['a server error', 500, 'retryable'],
    ['a redirect', 301, 'permanent'],
    ['a rate limit', 429, 'retryable'],
    ['a rejection', 400, 'permanent'],
  ])('handles %s without exposing secrets', async (_case, status, expected) => {
    provider.respond = (response, { path, headers, body }) => {
      if (status === undefined) return;
      response.writeHead(status, { 'retry-after': '3', location: 'https://new.example/x' });
      response.end(`${path} ${headers.authorization} ${body}`);
    };
    const outcome = await deliverMessage(configs[kind]!, makeMessage(), {
      timeoutMs: status ? 10_000 : 300,
    });
    expect(outcome.status).toBe(expected);
    if (status === 429) expect(outcome).toMatchObject({ retryAfterMs: 3000 });
    const credentials = Buffer.from(`${SID}:${TOKEN}`).toString('base64');
    for (const secret of [KEY, TOKEN, credentials, 'hook-secret', '+436769999999']) {
      expect(JSON.stringify(outcome)).not.toContain(secret);
    }
  });
});
