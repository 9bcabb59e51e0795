import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import type { Transition } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import { makeGauge, makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { createGaussian, createSeasonalShape } from '../../../support/seasonal-series.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

/** 20 minutes after an hour, so all evaluations of a test are in the same hour. */
const NOW = Math.floor((Date.now() - 30 * MINUTE_MS) / HOUR_MS) * HOUR_MS + 20 * MINUTE_MS;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-anomalies-'));
const rulesFile = join(folder, 'rules.yaml');
writeFileSync(
  rulesFile,
  `interval: 2m
rules:
  - name: unusual-duration
    measure: { type: API_RESPONSE_TIME, aggregate: anomaly, of: p95, groupBy: [organizationId, service], window: 5m }
    annotations: { summary: "{{ $labels.service }}: {{ $value | humanize }} standard deviations" }
  - name: unusual-rate
    direction: below
    measure:
      { type: API_RESPONSE_TIME, aggregate: anomaly, of: rate, sensitivity: high, groupBy: [organizationId, service] }
`,
);
const api = new TestApiServer();
let client: PerfscopeClient;
const shape = createSeasonalShape({ zone: 'Europe/Vienna', level: 100, weekend: 0.6 });
const gaussian = createGaussian(7);
const TENANTS = [
  { organizationId: 'anna', service: 'shop', ms: 100, factor: 1 },
  { organizationId: 'bert', service: 'bank', ms: 300, factor: 3 },
];
type Tenant = (typeof TENANTS)[number];

/** Adds the requests of a tenant in an interval, as one point. */
function addRequests(
  { organizationId, service, ms, factor }: Tenant,
  timestamp: number,
  minutes: number,
  slowdown = 1,
): void {
  const noise = Math.exp(0.05 * gaussian());
  const count = Math.round(factor * minutes * shape(timestamp) * noise);
  const { row, buckets } = makeHistogram(
    {
      ...{ timestamp, metricType: 'API_RESPONSE_TIME', service, organizationId },
      ...{ propertyId: 'north', endpoint: '/cart', operation: 'GET' },
    },
    { count, ms: ms * slowdown * Math.exp(0.05 * gaussian()) },
  );
  api.dependencies.add('performance_metrics', [row]);
  api.dependencies.add('metric_buckets', buckets);
}

async function evaluateAt(ms: number): Promise<readonly Transition[]> {
  api.now = () => ms;
  return api.evaluator.runOnce(ms);
}

const ofRule = (transitions: readonly Transition[], rule: string) =>
  transitions.filter((transition) => transition.rule === rule);

beforeAll(async () => {
  await api.start({ rulesFile });
  client = new PerfscopeClient({ url: api.url });
  for (const tenant of TENANTS) {
    for (let hour = 28 * 24; hour > 24; hour--)
      addRequests(tenant, NOW - 20 * MINUTE_MS - hour * HOUR_MS + 30 * MINUTE_MS, 60);
    for (let ms = NOW - 20 * MINUTE_MS - DAY_MS; ms < NOW; ms += 5 * MINUTE_MS)
      addRequests(tenant, ms + 1000, 5);
  }
  await api.waitUntilStored();
  await waitForRollups(api.questdb);
  api.now = () => NOW;
});
afterAll(async () => {
  await api.remove();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

describe('rules', () => {
  it('compare values with the history after it was read', async () => {
    await evaluateAt(NOW - 6 * MINUTE_MS);
    await api.evaluator.bands.whenIdle;
    expect(api.evaluator.bands.seriesCount).toBe(4);
    const transitions = await evaluateAt(NOW);
    expect(transitions.filter(({ rule }) => rule.startsWith('unusual'))).toEqual([]);
    for (const name of ['unusual-duration', 'unusual-rate']) {
      const { rule } = await client.rule(name);
      expect(rule.waiting).toBeUndefined();
      expect(rule.query).toMatchObject({ aggregate: 'anomaly' });
      expect(rule.values).toHaveLength(2);
      for (const { value } of rule.values) expect(Math.abs(value ?? 99)).toBeLessThan(3.5);
    }
    expect((await client.rule('unusual-duration')).rule.query).toMatchObject({
      of: 'p95',
      sensitivity: 'medium',
      side: 'above',
    });
  });

  it('fire for the slow tenant, explain the alert, and resolve', async () => {
    const [anna, bert] = TENANTS as [Tenant, Tenant];
    addRequests(anna, NOW + 2 * MINUTE_MS, 5, 8);
    addRequests(bert, NOW + 2 * MINUTE_MS, 5);
    await api.waitUntilStored();
    const fired = ofRule(await evaluateAt(NOW + 3 * MINUTE_MS), 'unusual-duration');
    expect(fired).toMatchObject([{ state: 'firing', severity: 'warning', service: 'shop' }]);
    expect(fired[0]?.value).toBeGreaterThan(5);
    expect(fired[0]?.cause).toMatch(
      /^p95 is .* ms, usually .* ms to .* ms at this time \(learned from 28 d, 67\d hourly values\)/,
    );
    addRequests(anna, NOW + 8 * MINUTE_MS, 5);
    await api.waitUntilStored();
    const resolved = ofRule(await evaluateAt(NOW + 9 * MINUTE_MS), 'unusual-duration');
    expect(resolved).toMatchObject([{ state: 'resolved', service: 'shop' }]);
  });

  it('fire if a running service gets no requests, but not if it sends nothing', async () => {
    const toMs = NOW + 15 * MINUTE_MS;
    const gauge = {
      timestamp: toMs - MINUTE_MS,
      service: 'shop',
      metricType: 'CPU_USAGE',
      value: 20,
    } as const;
    api.dependencies.add('performance_metrics', [makeGauge(gauge)]);
    await api.waitUntilStored();
    const fired = ofRule(await evaluateAt(toMs), 'unusual-rate');
    expect(fired).toMatchObject([{ state: 'firing', service: 'shop', organizationId: 'anna' }]);
    expect(fired[0]?.cause).toMatch(/^rate is 0 per minute, usually /);
  });

  it('store the bands for dashboards', async () => {
    await api.waitUntilStored();
    const rows = await api.questdb.sql(
      "SELECT service, aggregate, status, lower < expected AND expected < upper FROM metric_bands WHERE organization_id = 'anna' ORDER BY aggregate, timestamp",
    );
    expect(rows).toEqual([
      ['shop', 'p95', 'ready', true],
      ['shop', 'p95', 'ready', true],
      ['shop', 'rate', 'ready', true],
      ['shop', 'rate', 'ready', true],
    ]);
  });
});

describe('GET /bands', () => {
  const getRate = () =>
    client.get('bands', {
      from: new Date(NOW - 6 * HOUR_MS).toISOString(),
      to: new Date(NOW).toISOString(),
      step: '5m',
      aggregate: 'rate',
    });

  it('returns the normal values of each interval, and how they were learned', async () => {
    api.now = () => NOW;
    const band = await getRate();
    expect(band).toMatchObject({ status: 'ready', aggregate: 'rate', sensitivity: 'medium' });
    expect(band.values).toBeGreaterThan(660);
    expect(band.error).toMatchObject({ hours: 168 });
    expect(band.error?.share).toBeLessThan(2);
    expect(band.points).toHaveLength(72);
    for (const { at, lower, expected, upper } of band.points) {
      // All tenants together have four times as many requests as anna.
      const usual = (4 * shape(Date.parse(at) + 2.5 * MINUTE_MS)) / 60;
      expect(lower).toBeLessThan(usual);
      expect(upper).toBeGreaterThan(usual);
      expect(Math.abs(Math.log((expected ?? 0) / usual))).toBeLessThan(0.25);
    }
  });

  it('learns only from the rows of the caller', async () => {
    const all = await getRate();
    api.scope = createOrganizationScope('anna');
    const own = await getRate();
    const ratio = (own.points[0]?.expected ?? 0) / (all.points[0]?.expected ?? 1);
    expect(ratio).toBeGreaterThan(0.2);
    expect(ratio).toBeLessThan(0.3);
    api.scope = createOrganizationScope('carl');
    expect(await getRate()).toMatchObject({ status: 'learning', reason: 'no_data', points: [] });
  });

  it('has no band for a series without data', async () => {
    const band = await client.get('bands', { aggregate: 'p95', endpoint: ['/other'] });
    expect(band).toMatchObject({ status: 'learning', reason: 'no_data', points: [], values: 0 });
  });
});

describe('GET /anomalies', () => {
  it('lists the series of all services, and of rules', async () => {
    const { anomalies, ready } = await client.get('anomalies', { all: true });
    expect(ready).toBeGreaterThan(6);
    expect(anomalies.map(({ rule }) => rule)).toContain('unusual-rate');
    expect(anomalies.map(({ group }) => group.service)).toEqual(
      expect.arrayContaining(['shop', 'bank']),
    );
    expect(await client.get('anomalies')).toMatchObject({ outside: expect.any(Number) });
  });

  it("doesn't show series or rules of other tenants", async () => {
    api.scope = createOrganizationScope('anna');
    const { anomalies } = await client.get('anomalies', { all: true });
    expect(new Set(anomalies.map(({ group }) => group.service))).toEqual(new Set(['shop']));
    expect(anomalies.every(({ rule }) => rule === undefined)).toBe(true);
    expect(JSON.stringify(anomalies)).not.toContain('bank');
  });
});
