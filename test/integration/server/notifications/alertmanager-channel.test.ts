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

/** What Alertmanager sends to its webhook receivers. */
interface Told {
  status: string;
  alerts: { status: string; labels: Record<string, string>; annotations: Record<string, string> }[];
}

const people = new FakeProvider();
const alone = new Alertmanager();
const cluster = [new Alertmanager(), new Alertmanager()] as const;
const local = { allowHttp: true, allowPrivate: true };

beforeAll(async () => {
  await people.start();
  await alone.start(people.url);
  await cluster[0].start(people.url, []);
  await cluster[1].start(people.url, [cluster[0].peer]);
  await waitFor(
    async () => (await cluster[0].hasClusterSize(2)) && (await cluster[1].hasClusterSize(2)),
    80_000,
  );
}, 100_000);
afterAll(async () => {
  await Promise.all([alone.remove(), ...cluster.map((member) => member.remove())]);
  await people.stop();
});

function channelTo(urls: readonly string[]) {
  return createChannel(channelConfigSchema.parse({ kind: 'alertmanager', urls, ...local }));
}
const within = () => AbortSignal.timeout(20_000);

/** An alert of this minute: one that began long ago has ended in Alertmanager's eyes. */
function fresh(rule: string, more: object = {}) {
  const nowMs = Date.now();
  return makeMessageAlert({ rule, startedMs: nowMs - 60_000, firedMs: nowMs - 1000, ...more });
}

function toldOf(rule: string): Told[] {
  return people.requests
    .map(({ body }) => JSON.parse(body) as Told)
    .filter(({ alerts }) => alerts.some(({ labels }) => labels.alertname === rule));
}

describe('an Alertmanager', () => {
  it('tells of an alert in its own words, and of its end', async () => {
    const channel = channelTo([`${alone.url}/`]);
    const labels = { service: 'shop', 'http.route': '/rooms', empty: '', '9lives': 'x' };
    const message = makeMessage({ alerts: [fresh('one-road', { labels })] });
    expect(await channel.deliver(message, within())).toEqual({ status: 'delivered' });
    const [fired] = await waitFor(async () => toldOf('one-road').length > 0 && toldOf('one-road'));
    expect(fired!.alerts).toMatchObject([
      {
        status: 'firing',
        labels: {
          alertname: 'one-road',
          severity: 'critical',
          organization: 'anna',
          property: 'north',
          service: 'shop',
          http_route: '/rooms',
          label_9lives: 'x',
        },
        annotations: { perfscope_id: 'a1', summary: expect.stringContaining('/rooms of shop') },
      },
    ]);
    expect(fired!.alerts[0]!.labels).not.toHaveProperty('empty');
    await channel.deliver(toResolvedMessage(message), within());
    await waitFor(async () => toldOf('one-road').some(({ status }) => status === 'resolved'));
  });

  it('keeps one alert for what has become worse', async () => {
    const channel = channelTo([alone.url]);
    const of = (severity: string) => makeMessage({ alerts: [fresh('worse', { severity })] });
    await channel.deliver(of('warning'), within());
    await channel.deliver(of('critical'), within());
    const active = await waitFor(async () => {
      const alerts = (await alone.listAlerts()).filter(({ labels }) => labels.alertname === 'worse');
      return alerts.length === 1 && alerts;
    });
    expect(active[0]!.labels.severity).toBe('critical');
  });

  it('is enough where another one is down, and none is not', async () => {
    const message = makeMessage({ alerts: [fresh('half')] });
    const half = channelTo(['http://127.0.0.1:1', alone.url]);
    expect(await half.deliver(message, within())).toEqual({
      status: 'delivered',
      detail: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1: /),
    });
    const none = channelTo(['http://127.0.0.1:1']);
    expect(await none.deliver(message, within())).toMatchObject({ status: 'retryable' });
  });

  it('that refuses an alert says so for good', async () => {
    const wrong = fresh('refused', { endedMs: 1, state: 'resolved' });
    const channel = channelTo([alone.url]);
    // It ended before it began.
    expect(await channel.deliver(makeMessage({ alerts: [wrong] }), within())).toMatchObject({
      status: 'permanent',
      reason: expect.stringMatching(/returned HTTP 400/),
    });
  });
});

it('two senders and two clustered Alertmanagers are one message', async () => {
  const urls = cluster.map(({ url }) => url);
  const alert = fresh('clustered');
  const senders = [channelTo(urls), channelTo(urls)];
  const send = (message: ReturnType<typeof makeMessage>) =>
    Promise.all(senders.map((sender) => sender.deliver(message, within())));
  const message = makeMessage({ alerts: [alert] });
  expect(await send(message)).toEqual([{ status: 'delivered' }, { status: 'delivered' }]);
  await waitFor(async () => toldOf('clustered').length > 0);
  await send(toResolvedMessage(message));
  await waitFor(async () => toldOf('clustered').some(({ status }) => status === 'resolved'));
  // The second member has had its turn, and something else to tell shows that it tells at all.
  await send(makeMessage({ id: 'later', alerts: [fresh('later', { id: 'later' })] }));
  await waitFor(async () => toldOf('later').length > 0);
  await new Promise((done) => setTimeout(done, 7000));
  expect(toldOf('clustered').map(({ status }) => status)).toEqual(['firing', 'resolved']);
  expect(toldOf('later')).toHaveLength(1);
}, 90_000);
