import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Alertmanager } from '../support/alertmanager.ts';
import { expectRows } from '../support/expect-rows.ts';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { FakeProvider } from '../support/fake-provider.ts';
import { insertFailingRequests, insertSuccessfulRequests } from '../support/insert-requests.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

const RULES = `interval: 2s
notifications: { groupBy: [alertname], groupWait: 1s, groupInterval: 2s, repeatInterval: 1h }
rules:
  - name: shop-errors
    measure: { type: API_RESPONSE_TIME, aggregate: error_ratio, groupBy: [service], window: 10s, filter: { service: shop } }
    thresholds: { critical: 2 }
    minimumCount: 3
    keepFiringFor: 10s
`;

const webhook = new FakeProvider();
const cluster = [new Alertmanager(), new Alertmanager()] as const;
const questdb = new ExternalQuestdb({ isShared: true });
const servers = [new PerfscopeServer(), new PerfscopeServer()] as const;

beforeAll(async () => {
  await Promise.all([webhook.start(), questdb.start()]);
  await cluster[0].start(webhook.url, []);
  await cluster[1].start(webhook.url, [cluster[0].peer]);
  await waitFor(
    async () => (await cluster[0].hasClusterSize(2)) && (await cluster[1].hasClusterSize(2)),
  );
  for (const server of servers) {
    const file = (name: string, text: string) => {
      const path = join(server.folder, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const urls = cluster.map(({ url }) => url).join(', ');
    const channel = `{ kind: alertmanager, urls: [${urls}], allowHttp: true, allowPrivate: true }`;
    Object.assign(server.env, questdb.env, {
      PERFORMANCE_RULES_FILE: file('rules.yaml', RULES),
      PERFORMANCE_NOTIFY_FILE: file(
        'notify.yaml',
        `receivers: [{ name: cluster, channels: [${channel}] }]
route:
  routes: [{ matchers: [alertname=shop-errors], receivers: [cluster] }]
`,
      ),
    });
    await server.start();
  }
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.remove()));
  await Promise.all(cluster.map((member) => member.remove()));
  await Promise.all([questdb.remove(), webhook.stop()]);
});

interface WebhookMessage {
  readonly status: string;
  readonly alerts: readonly { readonly labels: Readonly<Record<string, string>> }[];
}

/** Returns the status of each received message about alerts with this name. */
const listStatuses = (alertname = 'shop-errors') =>
  webhook.requests
    .map(({ body }) => JSON.parse(body) as WebhookMessage)
    .filter(({ alerts }) => alerts.some(({ labels }) => labels.alertname === alertname))
    .map(({ status }) => status);

/** Waits until the servers have delivered this number of messages. */
const expectDeliveries = (count: number) =>
  expectRows(
    () =>
      questdb.sql(
        "SELECT count() FROM notifications WHERE status = 'delivered' AND receiver = 'cluster'",
      ),
    [[count]],
  );

/**
 * Waits until each Alertmanager has sent the firing and resolved messages of a new alert. The resolved message is at
 * least one group interval after the first message, so earlier alerts have no more messages to send.
 */
async function waitForGroupInterval(): Promise<void> {
  const sendMarker = async (member: Alertmanager, i: number) => {
    const name = `marker-${i}`;
    await member.sendAlert(name, new Date(Date.now() + 3_600_000));
    await waitFor(async () => listStatuses(name).includes('firing'));
    await member.sendAlert(name, new Date());
    await waitFor(async () => listStatuses(name).includes('resolved'));
  };
  await Promise.all(cluster.map(sendMarker));
}

it('sends one firing and one resolved message for two servers and two clustered Alertmanagers', async () => {
  await insertFailingRequests(questdb, 'shop');
  await waitFor(async () => listStatuses().length > 0);
  // Both servers send both messages to the cluster. A slow server can be behind the other one.
  await expectDeliveries(2);
  await insertSuccessfulRequests(questdb, 'shop');
  await waitFor(async () => listStatuses().includes('resolved'));
  await expectDeliveries(4);
  await waitForGroupInterval();
  expect(listStatuses()).toEqual(['firing', 'resolved']);
});
