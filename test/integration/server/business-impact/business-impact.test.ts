import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { DAY_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { makeGauge, makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { createNoise } from '../../../support/forecast-series.ts';

const STEP_MS = 10 * MINUTE_MS;
const NOW = Math.floor(Date.now() / STEP_MS) * STEP_MS;
const DAYS = 12;
const QUERY = {
  from: new Date(NOW - DAYS * DAY_MS).toISOString(),
  to: new Date(NOW).toISOString(),
};
const api = new TestApiServer();
let client: PerfscopeClient;

function addRequests(
  organizationId: string,
  timestamp: number,
  { operation = 'GET', endpoint = '/rooms', count = 0, ms = 100, errors = 0 },
): void {
  if (count <= 0) return;
  const { row, buckets } = makeHistogram(
    {
      ...{ timestamp, metricType: 'API_RESPONSE_TIME', service: 'booking', endpoint, operation },
      ...{ organizationId, propertyId: 'north', count2xx: count - errors },
    },
    { count, ms, errors },
  );
  api.dependencies.add('performance_metrics', [row]);
  api.dependencies.add('metric_buckets', buckets);
}

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  for (const organizationId of ['anna', 'bert']) {
    const noise = createNoise(organizationId.length + organizationId.charCodeAt(0));
    for (let step = 0; step < (DAYS * DAY_MS) / STEP_MS; step++) {
      const timestamp = NOW - (step + 1) * STEP_MS + MINUTE_MS;
      // Four hours are slow, at other hours on each day.
      const isSlow = (step + 7 * 6 * Math.floor(step / 144)) % 144 < 24;
      const ms = (isSlow ? 900 : 200) * Math.exp(0.05 * noise());
      const searches = Math.round(60 * Math.exp(0.1 * noise()));
      // With slow searches, anna has 40 % fewer bookings. bert has always the same.
      const conversion = organizationId === 'anna' && isSlow ? 0.12 : 0.2;
      const bookings = Math.round(searches * conversion + 1.5 * noise());
      addRequests(organizationId, timestamp, { count: searches, ms });
      // Failed bookings don't count.
      const booking = { operation: 'POST', endpoint: '/bookings', count: bookings + 3, errors: 3 };
      addRequests(organizationId, timestamp, booking);
      if (organizationId === 'anna') {
        const gauge = { timestamp, service: 'booking', organizationId, propertyId: 'north' };
        api.dependencies.add('performance_metrics', [
          makeGauge({ ...gauge, metricType: 'CUSTOM', name: 'paid', value: bookings }),
          makeGauge({ ...gauge, metricType: 'ACTIVE_USERS', value: searches / 3 }),
        ]);
      }
    }
  }
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

it('chooses the sources from the data, and compares fast and slow intervals of each organization', async () => {
  const { selection, results, choices, note } = await client.get('businessImpact', QUERY);
  expect(selection).toEqual({
    service: 'booking',
    outcome: 'POST /bookings',
    exposure: 'GET /rooms',
    latency: 'GET /rooms',
  });
  expect(choices).toEqual([
    { service: 'booking', endpoints: ['GET /rooms', 'POST /bookings'], metrics: ['paid'] },
  ]);
  expect(note).toBe("This doesn't show that slowness was the cause.");
  const [all, ...tenants] = results;
  expect(all!.organizationId).toBeUndefined();
  expect(all!.intervals).toBe(DAYS * 144);
  expect(tenants.map(({ organizationId }) => organizationId).sort()).toEqual(['anna', 'bert']);
  const anna = tenants.find(({ organizationId }) => organizationId === 'anna')!;
  expect(anna.status).toBe('fewer');
  expect(anna.slow!.ratio).toBeGreaterThan(0.55);
  expect(anna.slow!.ratio).toBeLessThan(0.68);
  expect(anna.slow!.upper).toBeLessThan(0.75);
  expect(anna.trend).toMatchObject({ direction: 'fewer' });
  expect(anna.bands.at(-1)!.from).toBeGreaterThan(700);
  expect(anna.sentences[0]).toMatch(
    /^In intervals with a p95 of .* there were [34]\d(\.\d)? % fewer POST \/bookings per GET \/rooms/,
  );
  const bert = tenants.find(({ organizationId }) => organizationId === 'bert')!;
  // The status isn't compared: by chance, a small difference is significant at some times of the day.
  expect(bert.slow!.ratio).toBeGreaterThan(0.95);
  expect(bert.slow!.ratio).toBeLessThan(1.05);
  // Only successful bookings count.
  const bookings = all!.outcome / all!.exposure;
  expect(bookings).toBeGreaterThan(0.15);
  expect(bookings).toBeLessThan(0.22);
});

it('accepts a metric, active users, and the mean', async () => {
  const { results, selection } = await client.get('businessImpact', {
    ...QUERY,
    service: ['booking'],
    outcome: 'metric:paid',
    exposure: 'activeUsers',
    latency: '/rooms',
    statistic: 'average',
    organizationId: ['anna'],
  });
  expect(selection).toMatchObject({ outcome: 'metric:paid', exposure: 'activeUsers' });
  expect(results).toHaveLength(1);
  expect(results[0]!.status).toBe('fewer');
  expect(results[0]!.sentences[0]).toContain('paid per active user');
});

it('rejects sources that it does not know, and ranges that are too long', async () => {
  const error = await client
    .get('businessImpact', { ...QUERY, outcome: 'bookings' })
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'PS_REQUEST_INVALID' });
  expect(String(error)).toContain('POST /bookings, metric:NAME, requests, or activeUsers');
  await expect(client.get('businessImpact', { last: '90d' })).rejects.toMatchObject({
    code: 'PS_REQUEST_INVALID',
  });
});

it('uses only the rows of a tenant', async () => {
  const everyone = await client.get('businessImpact', QUERY);
  api.role = 'ORG_ADMIN';
  api.scope = createOrganizationScope('bert');
  const { results, choices } = await client.get('businessImpact', QUERY);
  expect(results).toHaveLength(1);
  const bert = everyone.results.find(({ organizationId }) => organizationId === 'bert')!;
  expect(results[0]).toEqual({ ...bert, organizationId: undefined });
  expect(JSON.stringify([results, choices])).not.toMatch(/anna|paid/);
  const other = await client.get('businessImpact', { ...QUERY, organizationId: ['anna'] });
  expect(other.results).toEqual([]);
});

it('reports what is missing', async () => {
  const { results } = await client.get('businessImpact', { last: '1h' });
  expect(results[0]!.status).toBe('waiting');
  expect(results[0]!.sentences[0]).toMatch(/^There is too little data: 100 intervals/);
});
