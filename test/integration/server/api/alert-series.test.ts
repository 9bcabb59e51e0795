import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { makeGauge, makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';

const MINUTE_MS = 60_000;
const MINUTES = 12;
const END = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const START = END - MINUTES * MINUTE_MS;
const RANGE = { from: START + MINUTE_MS, to: END, step: '1m' };
const RULES = `
rules:
  - name: slow
    measure: { type: API_RESPONSE_TIME, aggregate: average, groupBy: [organizationId, propertyId, service], window: 2m }
    thresholds: { warning: 300, high: 700 }
    tenants: [{ organizationId: anna, thresholds: { warning: 250 } }]
    annotations: { summary: "{{ $value | humanizeDuration }}" }
  - name: slow-p95
    measure: { type: API_RESPONSE_TIME, aggregate: p95, groupBy: [service, endpoint], window: 3m }
    thresholds: { warning: 300 }
  - name: failing
    measure: { type: API_RESPONSE_TIME, aggregate: errorRate, groupBy: [service], window: 2m }
    thresholds: { warning: 5 }
  - name: deep
    measure: { aggregate: depth, groupBy: [queue], window: 2m }
    thresholds: { warning: 3 }
  - name: rows
    sql: SELECT service, count() AS value FROM performance_metrics WHERE in_window() AND in_scope() AND service = 'shop'
    window: 2m
    thresholds: { warning: 1 }
`;
const api = new TestApiServer();
let client: PerfscopeClient;
/** What the evaluator measured: the newest value of each live alert, by time and ID. */
const measured = new Map<number, Map<string, number | undefined>>();

beforeAll(async () => {
  const rulesFile = join(api.questdb.folder, 'rules.yaml');
  writeFileSync(rulesFile, RULES);
  await api.start({ rulesFile });
  expect(api.evaluator.rulesFile.status.problems).toEqual([]);
  client = new PerfscopeClient({ url: api.url });
  for (let minute = 0; minute < MINUTES; minute++) {
    const timestamp = START + minute * MINUTE_MS + 20_000;
    for (const [organizationId, factor] of [
      ['anna', 1],
      ['bert', 2],
      [undefined, 3],
    ] as const) {
      const { row, buckets } = makeHistogram(
        {
          ...{ timestamp, metricType: 'API_RESPONSE_TIME', service: 'shop', operation: 'GET' },
          endpoint: minute % 3 === 0 ? undefined : '/rooms',
          organizationId,
          propertyId: organizationId && 'north',
        },
        { count: 20, ms: factor * (200 + 50 * minute), errors: 8 + (minute % 5) },
      );
      api.dependencies.add('performance_metrics', [row]);
      api.dependencies.add('metric_buckets', buckets);
    }
    const depth = { metricType: 'QUEUE_DEPTH', endpoint: 'mail', operation: 'waiting' };
    api.dependencies.add('performance_metrics', [
      makeGauge({ ...depth, timestamp, value: 5 + ((minute * 7) % 11) }),
    ]);
  }
  await api.waitUntilStored();
  for (let minute = 1; minute <= MINUTES; minute++) {
    const now = START + minute * MINUTE_MS;
    api.now = () => now;
    await api.evaluator.runOnce(now);
    const live = [...api.evaluator.alertStates.listLive()];
    measured.set(now, new Map(live.map(({ transition: { id }, value }) => [id, value])));
  }
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

const listAlerts = async (rule: string) =>
  (await client.get('alerts', { rule: [rule] })).alerts.filter(({ state }) => state !== 'resolved');

describe.each(['slow', 'slow-p95', 'failing', 'deep'])('the series of %s', (rule) => {
  it('has the values that the evaluator measured', async () => {
    const alerts = await listAlerts(rule);
    expect(alerts.length).toBeGreaterThan(0);
    for (const { id } of alerts) {
      const { points, note, step } = await client.alertSeries(id, RANGE);
      expect([note, step]).toEqual([undefined, '1m']);
      expect(points).toHaveLength(MINUTES);
      let compared = 0;
      for (const { at, value } of points) {
        const values = measured.get(Date.parse(at));
        if (!values?.has(id)) continue;
        expect(value).toBeCloseTo(values.get(id)!, 9);
        compared++;
      }
      expect(compared).toBeGreaterThan(1);
    }
  });
});

it('has the thresholds of the tenant, the unit, and the transitions', async () => {
  const alerts = await listAlerts('slow');
  const find = (organization: string | undefined) =>
    alerts.find(({ labels }) => labels.organization === organization)!;
  const own = await client.alertSeries(find('anna').id);
  expect(own).toMatchObject({
    direction: 'above',
    unit: 'ms',
    thresholds: [
      { severity: 'warning', threshold: 250 },
      { severity: 'high', threshold: 700 },
    ],
  });
  expect(own.transitions).toEqual((await client.alert(find('anna').id)).transitions);
  expect(Date.parse(own.from)).toBe(Date.parse(find('anna').startedAt) - 60 * MINUTE_MS);
  expect(Date.parse(own.to)).toBe(END);
  expect(own.points.length).toBeLessThanOrEqual(121);
  const other = await client.alertSeries(find(undefined).id, RANGE);
  expect(other.thresholds[0]).toEqual({ severity: 'warning', threshold: 300 });
});

it('has only the values of the transitions for a SQL rule and for a removed rule', async () => {
  const [alert] = await listAlerts('rows');
  const series = await client.alertSeries(alert!.id, RANGE);
  expect(series.note).toContain('SQL rule');
  expect(series.points).toHaveLength(series.transitions.length);
  api.dependencies.add('alerts', [
    {
      ...{ timestamp: END - 1000, id: 'gone', seq: 1, rule: 'gone', state: 'resolved' },
      ...{ severity: 'high', value: 3, threshold: 9, labels: '{}', startedAt: END - 9000 },
    },
    {
      ...{ timestamp: END - 5000, id: 'gone', seq: 0, rule: 'gone', state: 'firing' },
      ...{ severity: 'high', value: 12, threshold: 9, labels: '{}', startedAt: END - 9000 },
    },
  ]);
  await api.waitUntilStored();
  const gone = await client.alertSeries('gone');
  expect(gone).toMatchObject({
    note: expect.stringContaining('The rule was removed'),
    points: [{ value: 12 }, { value: 3 }],
    thresholds: [{ severity: 'high', threshold: 9 }],
  });
  expect(gone).not.toHaveProperty('direction');
});

it('rejects a step with too many points', async () => {
  const [alert] = await listAlerts('deep');
  await expect(client.alertSeries(alert!.id, { last: '1d', step: '1m' })).rejects.toMatchObject({
    code: 'PS_REQUEST_INVALID',
    message: expect.stringContaining('15m or more'),
  });
  const { points } = await client.alertSeries(alert!.id, { last: '1d' });
  expect(points.length).toBeLessThanOrEqual(121);
});

it('is limited to the tenant', async () => {
  const alerts = await listAlerts('slow');
  api.scope = createOrganizationScope('anna', ['north']);
  const ids = alerts.map(({ id, labels }) => [id, labels.organization] as const);
  for (const [id, organization] of ids) {
    const series = client.alertSeries(id, RANGE);
    if (organization !== 'anna') {
      await expect(series).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
      continue;
    }
    const last = (await series).points.at(-1);
    expect(last?.value).toBeCloseTo(measured.get(END)!.get(id)!, 9);
  }
});
