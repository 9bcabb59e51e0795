import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { makeGauge, makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { createNoise } from '../../../support/forecast-series.ts';

const NOW = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS + 10 * MINUTE_MS;
const HOURS = 28 * 24;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-forecasts-'));
const rulesFile = join(folder, 'rules.yaml');
writeFileSync(
  rulesFile,
  `rules:
  - name: disk-full-soon
    for: 0s
  - name: budget-gone-soon
    forecast: errorBudget
    thresholds: { warning: 5d }
    annotations: { summary: "{{ $labels.subject }} will be used up in {{ $value | humanizeDuration }}" }
`,
);
const api = new TestApiServer();
let client: PerfscopeClient;

/** Adds one health row per hour. The last hour before NOW is hour 0. */
function addHost(host: string, hours: number, toDisk: (hour: number) => number): void {
  api.dependencies.add(
    'system_health',
    Array.from({ length: hours }, (_, hour) => ({
      timestamp: NOW - hour * HOUR_MS - 30 * MINUTE_MS,
      id: `${host}-${hour}`,
      service: 'shop',
      instance: `i-${host}`,
      host,
      diskUsage: toDisk(hour),
      memoryUsage: 50,
    })),
  );
}

beforeAll(async () => {
  await api.start({ rulesFile });
  client = new PerfscopeClient({ url: api.url });
  const noise = createNoise(3);
  // 88 % now, and 0.2 % per hour: full in about 60 hours.
  addHost('web-1', HOURS, (hour) => 88 - 0.2 * hour + 0.2 * noise());
  addHost('web-2', HOURS, () => 40 + 0.2 * noise());
  addHost('web-3', 5, (hour) => 95 - 5 * hour);
  // Used connections grow from 4 to 14 in two days. The maximum is 20.
  const steps = 2 * 24 * 6;
  api.dependencies.add(
    'performance_metrics',
    Array.from({ length: steps }, (_, step) => {
      const timestamp = NOW - step * 10 * MINUTE_MS - 5 * MINUTE_MS;
      const pool = { timestamp, service: 'shop', endpoint: 'db:5432/shop' };
      return [
        makeGauge({
          ...pool,
          value: 14 - (10 * step) / steps,
          metricType: 'DATABASE_CONNECTIONS',
          name: 'db.client.connection.count',
          operation: 'used',
        }),
        makeGauge({ ...pool, value: 20, metricType: 'CUSTOM', name: 'db.client.connection.max' }),
      ];
    }).flat(),
  );
  // 12 hours by minute. Above 200 requests per minute, the service is four times slower.
  for (let minute = 0; minute < 12 * 60; minute++) {
    const count = 50 + ((minute * 7) % 201);
    const { row, buckets } = makeHistogram(
      {
        timestamp: NOW - minute * MINUTE_MS - 150_000,
        metricType: 'API_RESPONSE_TIME',
        service: 'shop',
        endpoint: '/search',
      },
      { count, ms: count > 200 ? 400 : 100 },
    );
    api.dependencies.add('performance_metrics', [row]);
    api.dependencies.add('metric_buckets', buckets);
  }
  // 10 % of the error budget of anna is left, and 0.1 % of it is used per hour.
  for (const organizationId of ['anna', 'bert']) {
    api.dependencies.add(
      'objectives',
      Array.from({ length: HOURS }, (_, hour) => ({
        timestamp: NOW - hour * HOUR_MS - 20 * MINUTE_MS,
        objective: 'fast-requests',
        kind: 'latency',
        status: 'ok',
        organizationId,
        labels: JSON.stringify({ host: 'web-1', organization: organizationId }),
        budgetRemaining: organizationId === 'anna' ? 10 + 0.1 * hour : 80,
      })),
    );
  }
  await api.waitUntilStored();
  api.now = () => NOW;
  await api.evaluator.forecasts.refresh(NOW);
});
afterAll(async () => {
  await api.remove();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

it('lists the subjects that reach their limit first', async () => {
  const { forecasts, updatedAt, problem } = await client.get('forecasts');
  expect(problem).toBeUndefined();
  expect(updatedAt).toBe(new Date(NOW).toISOString());
  const find = (subject: string) => forecasts.find((each) => each.subject === subject)!;
  const disk = find('Disk of host web-1');
  expect(disk).toMatchObject({ kind: 'disk', status: 'limit', limit: 100, reliable: true });
  expect(disk.timeToLimit! / HOUR_MS).toBeGreaterThan(55);
  expect(disk.timeToLimit! / HOUR_MS).toBeLessThan(65);
  expect(Date.parse(disk.earliestAt!)).toBeLessThan(Date.parse(disk.limitAt!));
  expect(disk.errors.at(-1)!.error).toBeLessThan(disk.errors.at(-1)!.naive);
  expect(find('Disk of host web-2').status).toMatch(/^(notPredictable|clear)$/);
  expect(find('Disk of host web-3')).toMatchObject({
    status: 'waiting',
    missing: 43 * HOUR_MS,
    reliable: false,
  });
  expect(find('Memory of host web-1')).toMatchObject({
    status: 'notPredictable',
    reason: 'the value has not changed',
  });
  const pool = find('Connection pool db:5432/shop of shop');
  expect(pool).toMatchObject({ limit: 20, labels: { service: 'shop', pool: 'db:5432/shop' } });
  // 6 more connections at 5 per day take 29 hours, which is longer than the horizon of about 12 hours.
  expect(pool.status).toBe('clear');
  expect(pool.horizon! / HOUR_MS).toBeCloseTo(12, 0);
  const rate = find('Requests of shop');
  expect(rate.limitReason).toMatch(/^above 2\d\d requests per minute, requests took 400 ms/);
  expect(rate.limit).toBeGreaterThan(100);
  expect(rate.limit).toBeLessThan(250);
  expect(find('Error budget of fast-requests (anna)')).toMatchObject({
    status: 'limit',
    value: 90,
  });
  const times = forecasts.map(({ timeToLimit = Number.MAX_VALUE }) => timeToLimit);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

it('returns the values and the forecast of one subject, and filters', async () => {
  const { forecasts } = await client.get('forecasts', { kind: ['disk'], host: ['web-1'] });
  expect(forecasts.map(({ subject }) => subject)).toEqual(['Disk of host web-1']);
  const { history, points, forecast } = await client.forecast(forecasts[0]!.id);
  expect(forecast).toEqual(forecasts[0]);
  expect(history).toHaveLength(HOURS);
  expect(points).toHaveLength(7 * 24);
  const [first] = points;
  expect(first!.at).toBe(new Date(Date.parse(history.at(-1)!.at) + HOUR_MS).toISOString());
  for (const { value, lower, upper } of points) {
    expect(lower).toBeLessThan(value);
    expect(upper).toBeGreaterThan(value);
  }
  await expect(client.forecast('0000')).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
});

it('raises an alert with the interval and the errors as its cause', async () => {
  const transitions = await api.evaluator.runOnce(NOW);
  const disk = transitions.filter(({ rule }) => rule === 'disk-full-soon');
  expect(disk).toHaveLength(1);
  expect(disk[0]).toMatchObject({ state: 'firing', severity: 'warning' });
  expect(disk[0]!.cause).toMatch(
    /^between 2 d .*and 2 d .*\(80 % interval\); now 8[78].* % of 100 %, 4\.[6-9].* % more per day; in \d+ tests over 7 d, the error was .* % \(repeating the last value: 3\d.* %\)$/,
  );
  const { alerts } = await client.get('alerts');
  const alert = alerts.find(({ rule }) => rule === 'disk-full-soon')!;
  expect(alert.annotations.summary).toMatch(/^Disk of host web-1 will be full in 2 d \d+ h$/);
  const { rule } = await client.rule('disk-full-soon');
  expect(rule.query).toEqual({ kind: 'forecast', metric: 'disk' });
  expect(rule.waiting!.text).toMatch(/^waiting for enough values for a forecast: 2 of 3 groups/);
  const { forecasts } = await client.get('forecasts', { kind: ['disk'] });
  expect(forecasts[0]!.alert).toMatchObject({ rule: 'disk-full-soon', severity: 'warning' });
});

it('writes one row per subject and hour', async () => {
  await api.waitUntilStored();
  const rows = await api.questdb.sql(
    "SELECT status, value > 80, limit_at > timestamp FROM forecasts WHERE subject = 'Disk of host web-1'",
  );
  expect(rows).toEqual([['limit', true, true]]);
});

it('shows a tenant only its own error budgets', async () => {
  const all = await client.get('forecasts');
  api.role = 'ORG_ADMIN';
  api.scope = createOrganizationScope('anna');
  const { forecasts } = await client.get('forecasts');
  expect(forecasts.map(({ subject }) => subject)).toEqual(['Error budget of fast-requests (anna)']);
  // Names of hosts are only for administrators.
  expect(JSON.stringify(forecasts)).not.toContain('web-1');
  for (const { id, subject } of all.forecasts) {
    if (subject === forecasts[0]!.subject) continue;
    await expect(client.forecast(id)).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
  }
  const alerts = await client.get('alerts');
  expect(alerts.alerts.map(({ rule }) => rule)).toEqual(['budget-gone-soon']);
  const { rules } = await client.get('rules');
  const names = rules.map(({ name }) => name);
  expect(names).toContain('budget-gone-soon');
  expect(names).not.toContain('disk-full-soon');
});

it('reads only new intervals at the next refresh', async () => {
  const { forecasts } = api.evaluator;
  const before = forecasts.list('disk').length;
  addHost('web-4', 1, () => 10);
  await api.waitUntilStored();
  await forecasts.refresh(NOW + MINUTE_MS);
  expect(forecasts.list('disk')).toHaveLength(before);
  // The row is in an interval that is read again.
  await forecasts.refresh(NOW + HOUR_MS);
  expect(forecasts.list('disk')).toHaveLength(before + 1);
  expect(forecasts.list('disk')[0]!.forecast.history!.values.length).toBeGreaterThanOrEqual(
    HOURS - 1,
  );
  await forecasts.refresh(NOW + 2 * DAY_MS);
  // Hosts without values for a day are gone.
  expect(forecasts.list('disk')).toEqual([]);
});
