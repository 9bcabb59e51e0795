import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import type { Message } from '../../../../src/server/notifications/channels/channel.ts';
import { createChannel } from '../../../../src/server/notifications/channels/create-channel.ts';
import { makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** Start of the test's clock. It is in the past, so that responses for the last hour contain everything. */
const START_MS = Date.now() - 40 * MINUTE_MS;

const formatConfigFile = (url: string, secretFile: string) => `
people:
  - { name: ann, role: PROPERTY_MGR, organization: anna, properties: [north], user: token:ann }
receivers:
  - { name: managers, to: { roles: [PROPERTY_MGR, ADMIN] }, channels: [{ kind: inApp }] }
  - { name: ann, to: { people: [ann] }, channels: [{ kind: inApp }] }
  - { name: hook, channels: [{ kind: webhook, url: '${url}', secretFile: '${secretFile}', allowHttp: true, allowPrivate: true }] }
escalations:
  - name: standard
    levels: [{ after: 5m, receivers: [hook, ann] }]
route:
  receivers: [managers]
  routes:
    - { organization: anna, matchers: [alertname=response-time], escalation: standard }
`;

/** An alert of another organization. */
const OTHER_ALERT: Alert = {
  id: 'other',
  rule: 'other',
  state: 'firing',
  severity: 'warning',
  annotations: {},
  labels: { organization: 'bert' },
  runbook: undefined,
  value: 1,
  threshold: 1,
  cause: undefined,
  author: undefined,
  comment: undefined,
  startedMs: START_MS,
  firedMs: START_MS,
  changedMs: START_MS,
};
/** Why `OTHER_ALERT` is not sent. */
const SILENCED = {
  reason: 'silenced',
  by: 's1',
  detail: 'bert: later',
  untilMs: undefined,
} as const;

const api = new TestApiServer();
/** Messages that the webhook channel received. */
const sent: Message[] = [];
const hook = createServer((request, response) => request.resume().on('end', () => response.end()));
let client: PerfscopeClient;
let now = START_MS;

beforeAll(async () => {
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  const secretFile = join(api.questdb.folder, 'hook.secret');
  writeFileSync(secretFile, 's'.repeat(40), { mode: 0o600 });
  const notifyFile = join(api.questdb.folder, 'notify.yaml');
  writeFileSync(notifyFile, formatConfigFile(url, secretFile));
  api.now = () => now;
  await api.start({
    notifyFile,
    createChannel: (config, options) => {
      const channel = createChannel(config, options);
      return {
        kind: channel.kind,
        recipient: channel.recipient,
        deliver: (message, signal) => {
          sent.push(message);
          return channel.deliver(message, signal);
        },
      };
    },
  });
  client = new PerfscopeClient({ url: api.url });
  for (const [organizationId, propertyId] of [
    ['anna', 'north'],
    ['bert', 'south'],
  ] as const) {
    addRequests(organizationId, propertyId, { timestamp: START_MS - 1000, ms: 3000 });
  }
  await api.waitUntilStored();
  await advance(0);
});
afterAll(async () => {
  await api.remove();
  hook.close();
});
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

function addRequests(
  organizationId: string,
  propertyId: string,
  { timestamp, ms }: { timestamp: number; ms: number },
): void {
  const { row, buckets } = makeHistogram(
    {
      timestamp,
      metricType: 'API_RESPONSE_TIME',
      service: 'shop',
      endpoint: '/book',
      operation: 'GET',
      organizationId,
      propertyId,
    },
    { count: 50, ms },
  );
  api.dependencies.add('performance_metrics', [row]);
  api.dependencies.add('metric_buckets', buckets);
}

/** Advances the clock, evaluates the rules once, and waits until all due work is done. */
async function advance(ms: number): Promise<void> {
  now += ms;
  await api.evaluator.runOnce(now);
  await api.notifier.tick();
  await api.notifier.waitUntilJournaled();
  await api.waitUntilStored();
}

const listNotifications = async (query: Parameters<typeof client.get<'notifications'>>[1] = {}) =>
  (await client.get('notifications', query)).notifications;

it('records why alerts have not been sent yet', async () => {
  const rows = await waitFor(async () => {
    const found = await listNotifications({ reason: ['group_wait'] });
    return found.length >= 2 && found;
  });
  expect(new Set(rows.map(({ organizationId }) => organizationId))).toEqual(
    new Set(['anna', 'bert']),
  );
  expect(rows[0]).toMatchObject({ status: 'suppressed', attempt: 0 });
});

it("sends in-app notifications to the property's managers and to administrators", async () => {
  await advance(31_000);
  const inbox = await waitFor(async () => {
    const response = await client.get('notifications', { inbox: true });
    return response.unread >= 1 && response;
  });
  const [first] = inbox.notifications;
  expect(first).toMatchObject({
    channel: 'inApp',
    recipient: 'role:ADMIN',
    status: 'delivered',
    kind: 'route',
    attempt: 1,
    receiver: 'managers',
  });
  // Administrators receive one message about the incident. It belongs to no organization.
  expect(inbox.notifications).toHaveLength(1);
  expect(first?.organizationId).toBeUndefined();
  expect(first?.content?.alerts.map(({ summary }) => summary)).toEqual([
    expect.stringContaining('shop: /book takes 3 s on average'),
    expect.stringContaining('shop: /book takes 3 s on average'),
  ]);
  api.scope = createOrganizationScope('anna', ['north']);
  api.role = 'PROPERTY_MGR';
  const manager = await client.get('notifications', { inbox: true });
  expect(manager.notifications.map(({ recipient }) => recipient)).toContain('role:PROPERTY_MGR');
  expect(JSON.stringify(manager)).not.toContain('bert');
  expect(JSON.stringify(await listNotifications())).not.toContain('bert');
  api.scope = createOrganizationScope('unknown');
  expect((await client.get('notifications', { inbox: true })).notifications).toEqual([]);
});

it("streams new notifications as events within the caller's scope", async () => {
  const eventCounts: Record<string, number> = {};
  const controller = new AbortController();
  const countEvents = async (organizationId: string) => {
    const query = { organizationId: [organizationId] };
    for await (const event of client.stream(query, { signal: controller.signal })) {
      if (event.type === 'notification')
        eventCounts[organizationId] = (eventCounts[organizationId] ?? 0) + 1;
    }
  };
  const streams = ['anna', 'bert'].map(countEvents);
  let i = 0;
  await waitFor(async () => {
    api.notifier.onEvaluated([
      { alert: { ...OTHER_ALERT, id: `other-${i++}` }, suppressions: [SILENCED] },
    ]);
    return (eventCounts.bert ?? 0) > 1;
  });
  expect(eventCounts.anna).toBeUndefined();
  controller.abort();
  await Promise.all(streams);
});

it('marks notifications as read for a role', async () => {
  const before = await client.get('notifications', { inbox: true, unread: true });
  const [first] = before.notifications;
  expect(await client.markRead(first!.id)).toMatchObject({ read: 1 });
  await waitFor(async () => {
    const found = await client.get('notifications', { inbox: true, unread: true });
    // The list and the number come from two queries, so the new row can be in only one of them.
    const isListed = found.notifications.some(({ id }) => id === first!.id);
    return found.unread === before.unread - 1 && !isListed;
  });
  const read = await client.get('notifications', { inbox: true, unread: false });
  expect(read.notifications).toMatchObject([{ id: first!.id, recipient: 'role:ADMIN' }]);
  // Each attempt is listed once, whether it was read or not.
  expect(
    (await listNotifications({ status: ['delivered'] })).filter(({ id }) => id === first!.id),
  ).toHaveLength(1);
  await expect(client.markRead('none')).rejects.toThrow(/^No notification has the ID "none"/);
  // Notifications for another role can't be marked as read.
  const other = (await listNotifications()).find(
    ({ recipient }) => recipient === 'role:PROPERTY_MGR',
  );
  await expect(client.markRead(other!.id)).rejects.toThrow(/^No notification has the ID/);
  await client.markRead('all');
  await waitFor(async () => (await client.get('notifications')).unread === 0);
});

it('lists all notifications in pages', async () => {
  const all = await listNotifications({ limit: 1000 });
  const paged: string[] = [];
  for await (const { notifications } of client.pages('notifications', { limit: 3 })) {
    paged.push(...notifications.map(({ id, seq }) => `${id} ${seq}`));
  }
  expect(paged).toEqual(all.map(({ id, seq }) => `${id} ${seq}`));
  expect(await client.csv('notifications', { limit: 2 })).toMatch(/^at,id,seq,alertId,receiver,/);
});

it('escalates unacknowledged alerts, with links that require confirmation', async () => {
  expect(sent).toEqual([]);
  await advance(5 * MINUTE_MS);
  await waitFor(async () => sent.length === 1);
  const [alert] = sent[0]!.alerts;
  expect(sent[0]).toMatchObject({
    kind: 'escalation',
    level: 1,
    receiver: 'hook',
    status: 'firing',
  });
  expect(alert?.organizationId).toBe('anna');
  const link = new URL(alert!.links.acknowledge!);
  expect(link.origin).toBe('https://perfscope.example');
  const url = api.url + link.pathname;
  const page = await fetch(url);
  expect(page.headers.get('Content-Security-Policy')).toMatch(
    /^default-src 'none';style-src 'unsafe-inline';form-action 'self'/,
  );
  expect(page.headers.get('Referrer-Policy')).toBe('no-referrer');
  expect(await page.text()).toContain('Acknowledge this alert?');
  expect((await client.alert(alert!.id)).alert.state).toBe('firing');
  const post = (to: string, body: Record<string, string>) =>
    fetch(to, { method: 'POST', body: new URLSearchParams(body) });
  expect((await post(url, {})).status).toBe(400);
  // The first character of the signature. The last one contains unused bits.
  const forged = url.replace(/\.(.)(?=[^.]*$)/, (_, first) => (first === 'A' ? '.B' : '.A'));
  expect((await post(forged, { comment: 'on it' })).status).toBe(404);
  expect((await client.alert(alert!.id)).alert.state).toBe('firing');
  const done = await post(url, { comment: 'on <it>' });
  expect([done.status, await done.text()]).toEqual([
    200,
    expect.stringContaining('is acknowledged'),
  ]);
  expect((await client.alert(alert!.id)).alert).toMatchObject({
    state: 'acknowledged',
    author: 'link:hook',
    comment: 'on <it>',
  });
  await api.waitUntilStored();
  const audit = await api.questdb.sql(
    "SELECT author, object FROM audit_log WHERE action = 'link.acknowledge'",
  );
  expect(audit).toEqual([['link:hook', alert!.id]]);
});

it('sends the acknowledgment and the resolution to the same receivers, and stops escalating', async () => {
  await advance(5 * MINUTE_MS);
  await waitFor(async () => sent.length === 2);
  expect(sent[1]?.alerts[0]).toMatchObject({ state: 'acknowledged', author: 'link:hook' });
  for (let i = 0; i < 8; i++) {
    addRequests('anna', 'north', { timestamp: now + MINUTE_MS - 1000, ms: 10 });
    await api.waitUntilStored();
    await advance(MINUTE_MS);
  }
  await waitFor(async () => sent.at(-1)?.status === 'resolved');
  expect(sent.filter(({ kind }) => kind === 'escalation')).toHaveLength(1);
  expect(sent.filter(({ status }) => status === 'resolved')).toHaveLength(1);
  expect(new Set(sent.map(({ groupKey }) => groupKey)).size).toBe(1);
  expect(new Set(sent.flatMap(({ alerts }) => alerts.map((a) => a.organizationId)))).toEqual(
    new Set(['anna']),
  );
  const rows = await listNotifications({ alertId: sent[0]!.alerts[0]!.id, channel: ['webhook'] });
  expect(rows.map(({ status, recipient }) => [status, recipient])).toEqual(
    sent.map(() => ['delivered', expect.stringMatching(/^127\.0\.0\.1:/)]),
  );
});

it('shows receivers and people to administrators, without addresses', async () => {
  const { receivers, people, problems } = await client.get('receivers');
  expect(problems).toEqual([]);
  expect(receivers.map(({ name }) => name)).toEqual(['default', 'managers', 'ann', 'hook']);
  expect(people).toEqual([
    { name: 'ann', role: 'PROPERTY_MGR', organizationId: 'anna', properties: ['north'] },
  ]);
  api.role = 'ORG_ADMIN';
  await expect(client.get('receivers')).rejects.toThrow(/can't administer/);
});
