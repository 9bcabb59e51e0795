import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  channelConfigSchema,
  createChannel,
} from '../../../../src/server/notifications/channels/create-channel.ts';
import { Alertmanager } from '../../../support/alertmanager.ts';
import { FakeProvider } from '../../../support/fake-provider.ts';
import {
  makeMessage,
  makeMessageAlert,
  toResolvedMessage,
} from '../../../support/message-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** Body of a request that Alertmanager sends to its webhook receiver. */
interface WebhookBody {
  status: string;
  alerts: { status: string; labels: Record<string, string>; annotations: Record<string, string> }[];
}

const receiver = new FakeProvider();
const single = new Alertmanager();
const cluster = [new Alertmanager(), new Alertmanager()] as const;
const local = { allowHttp: true, allowPrivate: true };

beforeAll(async () => {
  await receiver.start();
  await single.start(receiver.url);
  await cluster[0].start(receiver.url, []);
  await cluster[1].start(receiver.url, [cluster[0].peer]);
  await waitFor(
    async () => (await cluster[0].hasClusterSize(2)) && (await cluster[1].hasClusterSize(2)),
  );
});
afterAll(async () => {
  await Promise.all([single.remove(), ...cluster.map((member) => member.remove())]);
  await receiver.stop();
});

function createChannelTo(urls: readonly string[]) {
  return createChannel(channelConfigSchema.parse({ kind: 'alertmanager', urls, ...local }));
}
const createTimeout = () => AbortSignal.timeout(120_000);

/** Creates an alert that started a minute ago, because Alertmanager doesn't send alerts that ended long ago. */
function makeRecentAlert(rule: string, more: object = {}) {
  const nowMs = Date.now();
  return makeMessageAlert({ rule, startedMs: nowMs - 60_000, firedMs: nowMs - 1000, ...more });
}

function findReceivedBodies(rule: string): WebhookBody[] {
  return receiver.requests
    .map(({ body }) => JSON.parse(body) as WebhookBody)
    .filter(({ alerts }) => alerts.some(({ labels }) => labels.alertname === rule));
}

describe('the Alertmanager channel', () => {
  it('sends an alert with converted labels, and later its resolution', async () => {
    const channel = createChannelTo([`${single.url}/`]);
    const labels = { service: 'shop', 'http.route': '/rooms', empty: '', '9lives': 'x' };
    const message = makeMessage({ alerts: [makeRecentAlert('single', { labels })] });
    expect(await channel.deliver(message, createTimeout())).toEqual({ status: 'delivered' });
    const [fired] = await waitFor(
      async () => findReceivedBodies('single').length > 0 && findReceivedBodies('single'),
    );
    expect(fired!.alerts).toMatchObject([
      {
        status: 'firing',
        labels: {
          alertname: 'single',
          severity: 'critical',
          organization: 'anna',
          property: 'north',
          service: 'shop',
          http_route: '/rooms',
          label_9lives: 'x',
        },
        annotations: { perfscope_id: 'a1', summary: expect.stringContaining('shop: /rooms takes') },
      },
    ]);
    expect(fired!.alerts[0]!.labels).not.toHaveProperty('empty');
    await channel.deliver(toResolvedMessage(message), createTimeout());
    await waitFor(async () =>
      findReceivedBodies('single').some(({ status }) => status === 'resolved'),
    );
  });

  it('updates the existing alert when the severity increases, instead of adding an alert', async () => {
    const channel = createChannelTo([single.url]);
    const makeMessageWith = (severity: string) =>
      makeMessage({ alerts: [makeRecentAlert('escalated', { severity })] });
    await channel.deliver(makeMessageWith('warning'), createTimeout());
    await channel.deliver(makeMessageWith('critical'), createTimeout());
    const active = await waitFor(async () => {
      const alerts = (await single.listAlerts()).filter(
        ({ labels }) => labels.alertname === 'escalated',
      );
      return alerts.length === 1 && alerts;
    });
    expect(active[0]!.labels.severity).toBe('critical');
  });

  it('delivers a message if at least one member accepts it, and retries if no member accepts it', async () => {
    const message = makeMessage({ alerts: [makeRecentAlert('partly-down')] });
    const partlyDownChannel = createChannelTo(['http://127.0.0.1:1', single.url]);
    expect(await partlyDownChannel.deliver(message, createTimeout())).toEqual({
      status: 'delivered',
      detail: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1: /),
    });
    const unreachableChannel = createChannelTo(['http://127.0.0.1:1']);
    expect(await unreachableChannel.deliver(message, createTimeout())).toMatchObject({
      status: 'retryable',
    });
  });

  it('does not retry an alert that Alertmanager rejects', async () => {
    // The alert ended before it started.
    const invalid = makeRecentAlert('invalid', { endedMs: 1, state: 'resolved' });
    const channel = createChannelTo([single.url]);
    expect(
      await channel.deliver(makeMessage({ alerts: [invalid] }), createTimeout()),
    ).toMatchObject({
      status: 'permanent',
      reason: expect.stringMatching(/returned HTTP 400/),
    });
  });
});

it('sends one message when two servers send an alert to a cluster of two members', async () => {
  const urls = cluster.map(({ url }) => url);
  const alert = makeRecentAlert('clustered');
  const senders = [createChannelTo(urls), createChannelTo(urls)];
  const send = (message: ReturnType<typeof makeMessage>) =>
    Promise.all(senders.map((sender) => sender.deliver(message, createTimeout())));
  const message = makeMessage({ alerts: [alert] });
  expect(await send(message)).toEqual([{ status: 'delivered' }, { status: 'delivered' }]);
  await waitFor(async () => findReceivedBodies('clustered').length > 0);
  await send(toResolvedMessage(message));
  await waitFor(async () =>
    findReceivedBodies('clustered').some(({ status }) => status === 'resolved'),
  );
  // Each member checks the notification log before it sends. The second member does so later.
  const checksBefore = await Promise.all(cluster.map((member) => member.countDuplicateChecks()));
  await send(makeMessage({ id: 'later', alerts: [makeRecentAlert('later', { id: 'later' })] }));
  await waitFor(async () => findReceivedBodies('later').length > 0);
  await waitFor(async () => {
    const checks = await Promise.all(cluster.map((member) => member.countDuplicateChecks()));
    return checks.every((count, i) => count > checksBefore[i]!);
  });
  expect(findReceivedBodies('clustered').map(({ status }) => status)).toEqual([
    'firing',
    'resolved',
  ]);
  expect(findReceivedBodies('later')).toHaveLength(1);
});
