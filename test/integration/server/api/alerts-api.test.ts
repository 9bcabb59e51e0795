import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { formatAlertMetrics } from '../../../../src/server/alerts/format-alert-metrics.ts';
import { makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { followStream } from '../../../support/follow-stream.ts';
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
    api.dependencies.add('performance_metrics', [row]);
    api.dependencies.add('metric_buckets', buckets);
  }
  await api.waitUntilStored();
  await api.evaluator.runOnce(now);
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

const listAlerts = async (query: Parameters<typeof client.get<'alerts'>>[1] = {}) =>
  (await client.get('alerts', query)).alerts;

it('lists alerts with a summary, and with the reason why notifications are suppressed', async () => {
  const alerts = await listAlerts({ rule: ['response-time'] });
  expect(alerts.map(({ labels }) => labels.organization).sort()).toEqual(['anna', 'bert']);
  expect(alerts[0]).toMatchObject({ state: 'firing', severity: 'critical', value: 6000 });
  expect(alerts[0]?.annotations.summary).toContain('takes 6 s on average');
  // A critical alert is sent at once. Later evaluations don't send it again.
  expect(['', 'duplicate']).toContain(alerts[0]?.held.map(({ reason }) => reason).join());
  expect(await listAlerts({ severity: ['high'] })).toEqual([]);
  expect(await listAlerts({ service: ['other'] })).toEqual([]);
});

it('limits tenants to their own alerts', async () => {
  const all = await listAlerts({ rule: ['response-time'] });
  const other = all.find(({ labels }) => labels.organization === 'bert');
  api.scope = createOrganizationScope('anna');
  const { received, disconnect } = await receiveAlerts();
  const own = await listAlerts();
  expect(new Set(own.map(({ labels }) => labels.organization))).toEqual(new Set(['anna']));
  expect(JSON.stringify([own, await client.get('rules')])).not.toContain('bert');
  await expect(client.alert(other!.id)).rejects.toThrow(/^No (alert|active silence) has the ID/);
  await expect(client.acknowledge(other!.id, 'mine?')).rejects.toThrow(
    /^No (alert|active silence) has the ID/,
  );
  expect(await listAlerts({ organizationId: ['bert'] })).toEqual([]);
  const ownAlert = own.find(({ rule }) => rule === 'response-time')!;
  const { alert } = await client.acknowledge(ownAlert.id, 'looking');
  expect(alert).toMatchObject({ state: 'acknowledged', author: 'test', comment: 'looking' });
  await client.silence({ matchers: ['alertname=~".+"'], duration: '1h', comment: 'quiet' });
  api.scope = UNRESTRICTED_SCOPE;
  await api.evaluator.runOnce(Date.now());
  const reasons = (await listAlerts({ rule: ['error-rate'] })).map(({ labels, held }) => [
    labels.organization,
    held.some(({ reason }) => reason === 'silenced'),
  ]);
  expect(reasons.sort()).toEqual([
    ['anna', true],
    ['bert', false],
  ]);
  await waitFor(async () => received.some(({ state }) => state === 'acknowledged'));
  expect(received.some(({ organization }) => organization === 'bert')).toBe(false);
  await disconnect();
});

it('returns the history of an alert, newest first', async () => {
  const [acknowledged] = await listAlerts({ state: ['acknowledged'] });
  await api.waitUntilStored();
  const { alert, transitions } = await client.alert(acknowledged!.id);
  expect(alert.id).toBe(acknowledged!.id);
  expect(transitions.map(({ state, seq }) => [state, seq])).toEqual([
    ['acknowledged', 2],
    ['firing', 1],
  ]);
});

it('creates and ends silences, and records the author', async () => {
  api.scope = createOrganizationScope('bert', ['north']);
  const [silence] = (
    await client.silence({ matchers: ['service="shop"'], duration: '2h', comment: 'moving' })
  ).silences;
  expect(silence).toMatchObject({ organizationId: 'bert', propertyId: 'north', author: 'test' });
  api.scope = createOrganizationScope('anna');
  await expect(client.endSilence(silence!.id)).rejects.toThrow(
    /^No (alert|active silence) has the ID/,
  );
  api.scope = createOrganizationScope('bert');
  const listed = (await client.get('silences')).silences.map(({ id }) => id);
  expect(listed).toEqual([silence!.id]);
  await client.endSilence(silence!.id);
  expect((await client.get('silences')).silences).toEqual([]);
  await api.waitUntilStored();
  const entries = await api.questdb.sql(
    'SELECT action, author, organization_id FROM audit_log ORDER BY timestamp DESC LIMIT 2',
  );
  expect(entries).toEqual([
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
])('rejects an invalid silence: %j', async (entry, message) => {
  api.scope = createOrganizationScope('anna');
  await expect(client.silence(entry)).rejects.toThrow(message);
});

it('lists rules with their state, and with the share of time in which targets were met', async () => {
  const { rules, problems } = await client.get('rules');
  const findRule = (name: string) => rules.find((rule) => rule.name === name);
  expect(findRule('response-time')).toMatchObject({ state: 'firing', alerts: 2, failures: 0 });
  // No 5-minute slice of the last hour is complete yet, or the only slice is too slow.
  expect(findRule('target-response-time')).toMatchObject({ target: true, failures: 0 });
  expect([undefined, 0]).toContain(findRule('target-response-time')?.met);
  expect(problems).toEqual([]);
});

it('returns the configuration of a rule and its newest values', async () => {
  const { rule } = await client.rule('response-time');
  expect(rule).toMatchObject({
    query: { kind: 'metric', metricType: 'API_RESPONSE_TIME', aggregate: 'average' },
    unit: 'ms',
    source: 'built-in',
    overridden: false,
    yaml: expect.stringContaining('name: response-time'),
    valueCount: 2,
  });
  expect(rule.values.map(({ value }) => value)).toEqual([6000, 6000]);
  expect(rule.values[0]?.state).toBe('firing');
  await expect(client.rule('nothing')).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
  api.scope = createOrganizationScope('anna');
  const own = await client.rule('response-time');
  expect(own.rule.values.map(({ labels }) => labels.organization)).toEqual(['anna']);
  expect(own.rule).not.toHaveProperty('yaml');
  // This rule is about hosts.
  await expect(client.rule('cpu')).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
});

it('exports alerts in the format of Prometheus alerting rules', () => {
  const text = formatAlertMetrics(api.evaluator);
  expect(text).toMatch(
    /^ALERTS\{[^}]*alertname="response-time"[^}]*alertstate="firing"[^}]*\} 1$/m,
  );
  expect(text).toMatch(/^ALERTS_FOR_STATE\{[^}]*alertname="response-time"[^}]*\} 1\.?\d*e?\+?\d*/m);
  expect(text).toMatch(/^perfscope_heartbeat_timestamp_seconds \d+/m);
});

/** Collects the alerts that the stream sends to the current tenant. */
async function receiveAlerts() {
  const received: { state: unknown; organization: unknown }[] = [];
  const disconnect = await followStream(api.url, { interval: '1s' }, ({ type, data }) => {
    if (type !== 'alert') return;
    const { state, labels } = data as { state: string; labels: Record<string, string> };
    received.push({ state, organization: labels.organization });
  });
  return { received, disconnect };
}
