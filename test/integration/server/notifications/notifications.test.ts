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

/** Everything happens in the half hour before now, so that answers of now show it. */
const BEGIN_MS = Date.now() - 40 * MINUTE_MS;

const fileOf = (url: string, secretFile: string) => `
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

/** An alert of another organization, and why nobody is told of it. */
const STRANGER: Alert = {
  id: 'stranger',
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
  startedMs: BEGIN_MS,
  firedMs: BEGIN_MS,
  changedMs: BEGIN_MS,
};
const SILENCED = {
  reason: 'silenced',
  by: 's1',
  detail: 'bert: later',
  untilMs: undefined,
} as const;

const api = new TestApiServer();
/** What the channel was given, which answers for the other side. */
const sent: Message[] = [];
const hook = createServer((request, response) => request.resume().on('end', () => response.end()));
let client: PerfscopeClient;
let now = BEGIN_MS;

beforeAll(async () => {
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  const secretFile = join(api.questdb.folder, 'hook.secret');
  writeFileSync(secretFile, 's'.repeat(40), { mode: 0o600 });
  const notifyFile = join(api.questdb.folder, 'notify.yaml');
  writeFileSync(notifyFile, fileOf(url, secretFile));
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
    addRequests(organizationId, propertyId, { timestamp: BEGIN_MS - 1000, ms: 6000 });
  }
  await api.waitUntilStored();
  await pass(0);
}, 120_000);
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

/** Lets time pass, and everybody do what is due. */
async function pass(ms: number): Promise<void> {
  now += ms;
  await api.evaluator.runOnce(now);
  await api.notifier.tick();
  await api.notifier.waitUntilJournaled();
  await api.waitUntilStored();
}

const record = async (query: Parameters<typeof client.get<'notifications'>>[1] = {}) =>
  (await client.get('notifications', query)).notifications;

it('says why nobody is told yet', async () => {
  const rows = await waitFor(async () => {
    const found = await record({ reason: ['group_wait'] });
    return found.length >= 2 && found;
  });
  expect(new Set(rows.map(({ organizationId }) => organizationId))).toEqual(
    new Set(['anna', 'bert']),
  );
  expect(rows[0]).toMatchObject({ status: 'suppressed', attempt: 0 });
});

it('tells managers of the property and administrators inside Perfscope', async () => {
  await pass(31_000);
  const own = await waitFor(async () => {
    const answer = await client.get('notifications', { inbox: true });
    return answer.unread >= 2 && answer;
  });
  const first = own.notifications.find(({ organizationId }) => organizationId === 'anna');
  expect(first).toMatchObject({
    channel: 'inApp',
    recipient: 'role:ADMIN',
    status: 'delivered',
    kind: 'route',
    organizationId: 'anna',
    propertyId: 'north',
    attempt: 1,
    receiver: 'managers',
  });
  expect(first?.content?.alerts[0]?.summary).toContain('takes 6 s on average');
  api.scope = createOrganizationScope('anna', ['north']);
  api.role = 'PROPERTY_MGR';
  const manager = await client.get('notifications', { inbox: true });
  expect(manager.notifications.map(({ recipient }) => recipient)).toContain('role:PROPERTY_MGR');
  expect(JSON.stringify(manager)).not.toContain('bert');
  expect(JSON.stringify(await record())).not.toContain('bert');
  api.scope = createOrganizationScope('nobody');
  expect((await client.get('notifications', { inbox: true })).notifications).toEqual([]);
});

it('shows notifications as events as they come, within the scope', async () => {
  const seen: Record<string, number> = {};
  const ended = new AbortController();
  const watch = async (organizationId: string) => {
    const query = { organizationId: [organizationId] };
    for await (const event of client.stream(query, { signal: ended.signal })) {
      if (event.type === 'notification') seen[organizationId] = (seen[organizationId] ?? 0) + 1;
    }
  };
  const watching = ['anna', 'bert'].map(watch);
  let i = 0;
  await waitFor(async () => {
    api.notifier.onEvaluated([
      { alert: { ...STRANGER, id: `stranger-${i++}` }, suppressions: [SILENCED] },
    ]);
    return (seen.bert ?? 0) > 1;
  });
  expect(seen.anna).toBeUndefined();
  ended.abort();
  await Promise.all(watching);
});

it('marks notifications as read for the role', async () => {
  const before = await client.get('notifications', { inbox: true, unread: true });
  const [first] = before.notifications;
  expect(await client.markRead(first!.id)).toMatchObject({ read: 1 });
  const answer = await waitFor(async () => {
    const found = await client.get('notifications', { inbox: true, unread: true });
    return found.unread === before.unread - 1 && found;
  });
  expect(answer.notifications.some(({ id }) => id === first!.id)).toBe(false);
  const read = await client.get('notifications', { inbox: true, unread: false });
  expect(read.notifications).toMatchObject([{ id: first!.id, recipient: 'role:ADMIN' }]);
  // The record has each attempt once, read or not.
  expect(
    (await record({ status: ['delivered'] })).filter(({ id }) => id === first!.id),
  ).toHaveLength(1);
  await expect(client.markRead('none')).rejects.toThrow(/does not exist/);
  // What is for another role cannot be marked.
  const other = (await record()).find(({ recipient }) => recipient === 'role:PROPERTY_MGR');
  await expect(client.markRead(other!.id)).rejects.toThrow(/does not exist/);
  await client.markRead('all');
  await waitFor(async () => (await client.get('notifications')).unread === 0);
});

it('pages through the record', async () => {
  const all = await record({ limit: 1000 });
  const paged: string[] = [];
  for await (const { notifications } of client.pages('notifications', { limit: 3 })) {
    paged.push(...notifications.map(({ id, seq }) => `${id} ${seq}`));
  }
  expect(paged).toEqual(all.map(({ id, seq }) => `${id} ${seq}`));
  expect(await client.csv('notifications', { limit: 2 })).toMatch(/^at,id,seq,alertId,receiver,/);
});

it('escalates what nobody acknowledges, with links that ask before they act', async () => {
  expect(sent).toEqual([]);
  await pass(5 * MINUTE_MS);
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
  const asked = await fetch(url);
  expect(asked.headers.get('Content-Security-Policy')).toMatch(
    /^default-src 'none';style-src 'unsafe-inline';form-action 'self'/,
  );
  expect(asked.headers.get('Referrer-Policy')).toBe('no-referrer');
  expect(await asked.text()).toContain('Acknowledge this alert?');
  expect((await client.alert(alert!.id)).alert.state).toBe('firing');
  const post = (to: string, body: Record<string, string>) =>
    fetch(to, { method: 'POST', body: new URLSearchParams(body) });
  expect((await post(url, {})).status).toBe(400);
  const forged = `${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`;
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

it('tells those who were told that it is taken on, and that it is over, and stops escalating', async () => {
  await pass(5 * MINUTE_MS);
  await waitFor(async () => sent.length === 2);
  expect(sent[1]?.alerts[0]).toMatchObject({ state: 'acknowledged', author: 'link:hook' });
  for (let i = 0; i < 8; i++) {
    addRequests('anna', 'north', { timestamp: now + MINUTE_MS - 1000, ms: 10 });
    await api.waitUntilStored();
    await pass(MINUTE_MS);
  }
  await waitFor(async () => sent.at(-1)?.status === 'resolved');
  expect(sent.filter(({ kind }) => kind === 'escalation')).toHaveLength(1);
  expect(sent.filter(({ status }) => status === 'resolved')).toHaveLength(1);
  expect(new Set(sent.map(({ groupKey }) => groupKey)).size).toBe(1);
  expect(new Set(sent.flatMap(({ alerts }) => alerts.map((a) => a.organizationId)))).toEqual(
    new Set(['anna']),
  );
  const rows = await record({ alertId: sent[0]!.alerts[0]!.id, channel: ['webhook'] });
  expect(rows.map(({ status, recipient }) => [status, recipient])).toEqual(
    sent.map(() => ['delivered', expect.stringMatching(/^127\.0\.0\.1:/)]),
  );
});

it('shows administrators who is told of what, without addresses', async () => {
  const { receivers, people, problems } = await client.get('receivers');
  expect(problems).toEqual([]);
  expect(receivers.map(({ name }) => name)).toEqual(['default', 'managers', 'ann', 'hook']);
  expect(people).toEqual([
    { name: 'ann', role: 'PROPERTY_MGR', organizationId: 'anna', properties: ['north'] },
  ]);
  api.role = 'ORG_ADMIN';
  await expect(client.get('receivers')).rejects.toThrow(/can't administer/);
});
