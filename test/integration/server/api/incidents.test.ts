import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ServerEvent } from '../../../../src/client/api-types.ts';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import type { Message } from '../../../../src/server/notifications/channels/channel.ts';
import { toMessageContent } from '../../../../src/server/notifications/message/message-content.ts';
import {
  createEvaluator,
  createQueryClient,
  makeGauge,
  makeHistogram,
} from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { followStream } from '../../../support/follow-stream.ts';
import { waitFor } from '../../../support/wait-for.ts';

const NOTIFY = `
people:
  - { name: anna, role: ORG_ADMIN, organization: anna, email: anna@hotel.example }
  - { name: root, role: ADMIN, email: root@hotel.example }
receivers:
  - name: mails
    to: { roles: [ADMIN, ORG_ADMIN] }
    channels: [{ kind: email, host: 127.0.0.1, port: 1, security: none, from: perfscope@hotel.example }]
route: { receivers: [mails] }
`;
const HOST = 'secret-host-9';
const api = new TestApiServer();
const messages: (Message & { readonly to: string })[] = [];
let client: PerfscopeClient;
let now = Date.now();

beforeAll(async () => {
  const notifyFile = join(api.questdb.folder, 'notify.yaml');
  writeFileSync(notifyFile, NOTIFY);
  api.now = () => now;
  // The test evaluates the rules once, so alerts fire without a delay.
  const rulesFile = join(api.questdb.folder, 'rules.yaml');
  writeFileSync(rulesFile, 'rules: [{ name: cpu, for: 0s }, { name: outgoing-errors, for: 0s }]');
  await api.start({
    rulesFile,
    notifyFile,
    createChannel: ({ kind }, { to = [] } = {}) => ({
      kind,
      recipient: to.join(),
      deliver: async (message) => {
        messages.push({ ...message, to: to.join() });
        return { status: 'delivered' };
      },
    }),
  });
  client = new PerfscopeClient({ url: api.url });
  const { add } = api.dependencies;
  for (let second = -1200; second < 0; second += 10) {
    const timestamp = now + 1000 * second;
    const isFailing = second >= -240;
    for (const organizationId of ['anna', 'bert']) {
      const origin = { timestamp, service: 'shop', instance: 'shop-1', organizationId } as const;
      const errors = isFailing ? (organizationId === 'anna' ? 20 : 30) : 0;
      const stats = { count: 50, ms: 20, errors };
      const request = {
        metricType: 'API_RESPONSE_TIME',
        endpoint: `/${organizationId}-pay`,
        operation: 'POST',
      } as const;
      add('performance_metrics', [makeHistogram({ ...origin, ...request }, stats).row]);
      const call = {
        metricType: 'OUTGOING_REQUEST_TIME',
        endpoint: `${organizationId}-bank.example`,
        operation: 'POST',
      } as const;
      add('performance_metrics', [makeHistogram({ ...origin, ...call }, stats).row]);
    }
    const cpu = isFailing ? 97 : 20;
    const host = { timestamp, service: 'shop', instance: 'shop-1', host: HOST } as const;
    add('performance_metrics', [makeGauge({ ...host, metricType: 'CPU_USAGE', value: cpu })]);
    add('system_health', [
      { ...host, id: `health${second}`, status: 'healthy', cpuUsage: cpu, processCpuUsage: cpu },
    ]);
  }
  await api.waitUntilStored();
  await api.notifier.start();
  await api.evaluator.runOnce(now);
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

const list = async (query: Parameters<typeof client.get<'incidents'>>[1] = {}) =>
  (await client.get('incidents', query)).incidents;

it('is one incident for all alerts of a service and its host, with causes and tenants', async () => {
  const incidents = await list();
  expect(incidents).toHaveLength(1);
  const [incident] = incidents;
  expect(incident).toMatchObject({ state: 'open', severity: 'critical', acknowledged: false });
  expect([...new Set(incident!.alerts.map(({ rule }) => rule))].sort()).toEqual(
    expect.arrayContaining(['cpu', 'error-rate', 'outgoing-errors']),
  );
  expect(incident!.organizations).toEqual(['anna', 'bert']);
  expect(incident!.hosts).toEqual([HOST]);
  expect(
    incident!.causes
      .map(({ kind }) => kind)
      .slice(0, 3)
      .sort(),
  ).toEqual(['cpu', 'failed_calls', 'failed_calls']);
  expect(incident!.title).toBe(incident!.causes[0]!.text);
  const failed = Object.fromEntries(
    incident!.tenants.map(({ organizationId, requests, failed }) => [
      organizationId,
      failed / requests,
    ]),
  );
  expect(failed).toEqual({ anna: 0.4, bert: 0.6 });
  const [alert] = (await client.get('alerts')).alerts;
  expect(alert!.incidentId).toBe(incident!.id);
});

it('filters incidents by state, severity, service, and range', async () => {
  const [incident] = await list();
  expect(await list({ state: ['open'], severity: ['critical'], service: ['shop'] })).toEqual([
    incident,
  ]);
  for (const query of [
    { state: ['resolved' as const] },
    { severity: ['warning' as const] },
    { service: ['other'] },
    { from: now - 9_000_000, to: now - 8_000_000 },
  ]) {
    expect(await list(query)).toEqual([]);
  }
});

it('returns the alerts, causes, and messages as a timeline', async () => {
  const [incident] = await list();
  await waitFor(async () => {
    await api.waitUntilStored();
    return (await client.incident(incident!.id)).timeline.some(
      ({ kind }) => kind === 'notification',
    );
  });
  const { timeline } = await client.incident(incident!.id);
  expect(new Set(timeline.map(({ kind }) => kind))).toEqual(
    new Set(['alert', 'cause', 'incident', 'notification']),
  );
  expect(timeline.map(({ at }) => at)).toEqual(timeline.map(({ at }) => at).toSorted());
  await expect(client.incident('unknown')).rejects.toThrow(/^No incident has the ID "unknown"/);
});

describe('a caller limited to a tenant', () => {
  it('sees the alerts, causes, and requests of the tenant only', async () => {
    const [full] = await list();
    api.scope = createOrganizationScope('anna');
    const { incident, timeline } = await client.incident(full!.id);
    const listed = await list();
    expect(JSON.stringify([incident, timeline, listed])).not.toMatch(/bert|secret-host/);
    expect(incident).toMatchObject({ id: full!.id, organizations: ['anna'], hosts: [] });
    expect(incident.causes[0]).toMatchObject({
      kind: 'failed_calls',
      subject: 'anna-bank.example',
    });
    expect(incident.causes[0]!.text).toMatch(/^40 % of calls to `anna-bank.example` are failing/);
    expect(incident.tenants).toMatchObject([{ organizationId: 'anna' }]);
    api.scope = createOrganizationScope('carla');
    expect(await list()).toEqual([]);
    await expect(client.incident(full!.id)).rejects.toThrow(/^No incident has the ID/);
    await expect(client.acknowledgeIncident(full!.id, 'mine')).rejects.toThrow(
      /^No incident has the ID/,
    );
  });

  it('acknowledges only the alerts of the tenant, and receives only its own events', async () => {
    const [full] = await list();
    const bertAlert = full!.alerts.find(({ labels }) => labels.organization === 'bert')!;
    api.scope = createOrganizationScope('bert');
    const received: ServerEvent[] = [];
    const disconnect = await followStream(api.url, {}, (event) => void received.push(event));
    const { incident } = await client.acknowledgeIncident(full!.id, 'on it');
    expect(incident).toMatchObject({ acknowledged: true, organizations: ['bert'] });
    await waitFor(async () =>
      received.some(({ type, data }) => type === 'incident' && data.acknowledged),
    );
    expect(JSON.stringify(received)).not.toMatch(/anna|secret-host/);
    await disconnect();
    await expect(client.acknowledgeIncident(full!.id, 'again')).rejects.toThrow(/no firing alerts/);
    api.scope = UNRESTRICTED_SCOPE;
    const [all] = await list();
    expect(all).toMatchObject({ acknowledged: false });
    expect(all!.author).toBeUndefined();
    expect(all!.alerts.find(({ id }) => id === bertAlert.id)!.state).toBe('acknowledged');
  });
});

it('an administrator acknowledges the whole incident', async () => {
  const [full] = await list();
  const { incident } = await client.acknowledgeIncident(full!.id, 'the bank is down');
  expect(incident).toMatchObject({
    acknowledged: true,
    author: 'test',
    comment: 'the bank is down',
  });
  await api.waitUntilStored();
  const actions = await api.questdb.sql(
    "SELECT count() FROM audit_log WHERE action = 'incident.acknowledge'",
  );
  expect(actions).toEqual([[2]]);
});

it('sends one thread, with the cause first, and nothing of other tenants', async () => {
  await waitFor(async () => new Set(messages.map(({ to }) => to)).size === 2);
  const [full] = await list();
  const ofRoot = messages.filter(({ to }) => to === 'root@hotel.example');
  expect(new Set(ofRoot.map(({ groupKey }) => groupKey))).toEqual(
    new Set([JSON.stringify({ incident: full!.id })]),
  );
  const organizations = new Set(ofRoot[0]!.alerts.map(({ organizationId }) => organizationId));
  expect(organizations.has('anna') && organizations.has('bert')).toBe(true);
  const [content] = toMessageContent(ofRoot[0]!, 1).alerts;
  expect(content!.facts.slice(0, 2).map(([name]) => name)).toEqual([
    'Likely cause',
    'Affected tenants',
  ]);
  expect(content!.facts[0]![1]).toContain(full!.causes[0]!.text);
  expect(content!.facts[1]![1]).toMatch(/^bert: .* requests failed; anna: .* requests failed$/);
  expect(content!.links[0]).toEqual({
    text: 'Incident',
    url: `https://perfscope.example/incidents/${full!.id}`,
  });
  const ofAnna = messages.filter(({ to }) => to === 'anna@hotel.example');
  expect(JSON.stringify(ofAnna)).not.toMatch(/bert|secret-host/);
  expect(ofAnna[0]!.incident!.cause).toMatch(/^40 % of calls to `anna-bank.example` are failing/);
});

it('continues after a restart with the same ID', async () => {
  await api.waitUntilStored();
  const [before] = api.evaluator.incidents.store.all;
  const queryClient = createQueryClient(api.questdb);
  const added: string[] = [];
  const restarted = createEvaluator({
    queryClient,
    add: (table) => void added.push(table),
    flush: async () => {},
    now: () => now,
  });
  now += 1000;
  await restarted.runOnce(now);
  const [after, ...others] = restarted.incidents.store.all;
  expect(others).toEqual([]);
  expect(after!.id).toBe(before!.id);
  expect(after!.members.map(({ id }) => id)).toEqual(before!.members.map(({ id }) => id));
  expect(after!.members.map(({ threadId }) => threadId)).toEqual(
    before!.members.map(({ threadId }) => threadId),
  );
  await queryClient.close();
});
