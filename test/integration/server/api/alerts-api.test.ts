import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { formatAlertMetrics } from '../../../../src/server/alerts/format-alert-metrics.ts';
import { makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitFor } from '../../../support/wait-for.ts';

const api = new TestApiServer();
let client: PerfscopeClient;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const now = Date.now();
  for (const organizationId of ['anna', 'bert']) {
    const { row, buckets } = makeHistogram(
      {
        timestamp: now - 1000,
        metricType: 'API_RESPONSE_TIME',
        service: 'shop',
        endpoint: `/of-${organizationId}`,
        operation: 'GET',
        organizationId,
      },
      { count: 50, ms: 6000, errors: 40 },
    );
    api.parts.add('performance_metrics', [row]);
    api.parts.add('metric_buckets', buckets);
  }
  await api.stored();
  await api.evaluator.runOnce(now);
  await api.stored();
}, 120_000);
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

const alertsOf = async (query: Parameters<typeof client.get<'alerts'>>[1] = {}) =>
  (await client.get('alerts', query)).alerts;

it('lists alerts with what they mean and why nobody is told yet', async () => {
  const alerts = await alertsOf({ rule: ['response-time'] });
  expect(alerts.map(({ labels }) => labels.organization).sort()).toEqual(['anna', 'bert']);
  expect(alerts[0]).toMatchObject({ state: 'firing', severity: 'critical', value: 6000 });
  expect(alerts[0]?.annotations.summary).toContain('takes 6 s on average');
  expect(alerts[0]?.held.map(({ reason }) => reason)).toEqual(['group_wait']);
  expect(await alertsOf({ severity: ['high'] })).toEqual([]);
  expect(await alertsOf({ service: ['other'] })).toEqual([]);
});

it('a tenant sees, acknowledges and silences its own alerts only', async () => {
  const all = await alertsOf({ rule: ['response-time'] });
  const other = all.find(({ labels }) => labels.organization === 'bert');
  const events = heard('anna');
  api.scope = createOrganizationScope('anna');
  const own = await alertsOf();
  expect(new Set(own.map(({ labels }) => labels.organization))).toEqual(new Set(['anna']));
  expect(JSON.stringify([own, await client.get('rules')])).not.toContain('bert');
  await expect(client.alert(other!.id)).rejects.toThrow(/nothing at/);
  await expect(client.acknowledge(other!.id, 'mine?')).rejects.toThrow(/nothing at/);
  expect(await alertsOf({ organizationId: ['bert'] })).toEqual([]);
  const mine = own.find(({ rule }) => rule === 'response-time')!;
  const { alert } = await client.acknowledge(mine.id, 'looking');
  expect(alert).toMatchObject({ state: 'acknowledged', author: 'test', comment: 'looking' });
  await client.silence({ matchers: ['alertname=~".+"'], duration: '1h', comment: 'quiet' });
  api.scope = UNRESTRICTED_SCOPE;
  await api.evaluator.runOnce(Date.now());
  const reasons = (await alertsOf({ rule: ['error-rate'] })).map(({ labels, held }) => [
    labels.organization,
    held.some(({ reason }) => reason === 'silenced'),
  ]);
  expect(reasons.sort()).toEqual([
    ['anna', true],
    ['bert', false],
  ]);
  await waitFor(async () => (await events).some(({ state }) => state === 'acknowledged'));
  expect((await events).some(({ organization }) => organization === 'bert')).toBe(false);
});

it('shows the history of an alert, newest first', async () => {
  const [acknowledged] = await alertsOf({ state: ['acknowledged'] });
  await api.stored();
  const { alert, transitions } = await client.alert(acknowledged!.id);
  expect(alert.id).toBe(acknowledged!.id);
  expect(transitions.map(({ state, seq }) => [state, seq])).toEqual([
    ['acknowledged', 2],
    ['firing', 1],
  ]);
});

it('makes and ends silences, and writes down who did', async () => {
  api.scope = createOrganizationScope('bert', ['north']);
  const [made] = (
    await client.silence({ matchers: ['service="shop"'], duration: '2h', comment: 'moving' })
  ).silences;
  expect(made).toMatchObject({ organizationId: 'bert', propertyId: 'north', author: 'test' });
  api.scope = createOrganizationScope('anna');
  await expect(client.endSilence(made!.id)).rejects.toThrow(/nothing at/);
  api.scope = createOrganizationScope('bert');
  const listed = (await client.get('silences')).silences.map(({ id }) => id);
  expect(listed).toEqual([made!.id]);
  await client.endSilence(made!.id);
  expect((await client.get('silences')).silences).toEqual([]);
  await api.stored();
  const acts = await api.questdb.sql(
    'SELECT action, author, organization_id FROM audit_log ORDER BY timestamp DESC LIMIT 2',
  );
  expect(acts).toEqual([
    ['silence.end', 'test', 'bert'],
    ['silence.create', 'test', 'bert'],
  ]);
  expect(api.evaluator.silences.listActive(Date.now()).map(({ comment }) => comment)).toEqual([
    'quiet',
  ]);
});

it.each([
  [{ matchers: ['no matcher'], duration: '1h', comment: 'x' }, /matchers/],
  [{ matchers: ['a="b"'], comment: 'x' }, /endsAt/],
  [{ matchers: ['a="b"'], duration: '1 hour', comment: 'x' }, /duration/],
  [{ matchers: ['a="b"'], duration: '1h', comment: 'x', organizationId: 'bert' }, /organizationId/],
])('refuses a silence that is wrong: %j', async (entry, message) => {
  api.scope = createOrganizationScope('anna');
  await expect(client.silence(entry)).rejects.toThrow(message);
});

it('shows rules with their state, and how well targets were met', async () => {
  const { rules, problems } = await client.get('rules');
  const named = (name: string) => rules.find((rule) => rule.name === name);
  expect(named('response-time')).toMatchObject({ state: 'firing', alerts: 2, failures: 0 });
  expect(named('target-response-time')).toMatchObject({ target: true, met: 100 });
  expect(problems).toEqual([]);
});

it('tells Prometheus of alerts as its own rules would', () => {
  const text = formatAlertMetrics(api.evaluator);
  expect(text).toMatch(
    /^ALERTS\{[^}]*alertname="response-time"[^}]*alertstate="firing"[^}]*\} 1$/m,
  );
  expect(text).toMatch(/^ALERTS_FOR_STATE\{[^}]*alertname="response-time"[^}]*\} 1\.?\d*e?\+?\d*/m);
  expect(text).toMatch(/^perfscope_heartbeat_timestamp_seconds \d+/m);
});

/** Alerts of which the stream tells a tenant, as they come. */
async function heard(organization: string) {
  api.scope = createOrganizationScope(organization);
  const found: { state: unknown; organization: unknown }[] = [];
  const events = client.stream({ interval: '1s' });
  void (async () => {
    for await (const { type, data } of events) {
      if (type !== 'alert') continue;
      const { state, labels } = data as { state: string; labels: Record<string, string> };
      found.push({ state, organization: labels.organization });
    }
  })().catch(() => {});
  await delay(500);
  return found;
}
