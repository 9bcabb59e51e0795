import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

const api = new TestApiServer();
const TO = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;
const FROM = TO - 6 * HOUR_MS;
let client: PerfscopeClient;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const { recorder } = api.dependencies;
  for (let i = 0; i < 360; i++) {
    for (const [organizationId, endpoint] of [
      ['anna', '/rooms'],
      ['anna', '/guests'],
      ['bert', '/rooms'],
    ] as const) {
      recorder.recordMetric({
        metricType: 'API_RESPONSE_TIME',
        name: 'http.server.request.duration',
        value: 1.09 ** (i % 180),
        ...{ organizationId, endpoint, operation: 'GET', service: 'shop' },
        error: i % 7 === 0,
        test: i === 100,
        timestamp: FROM + i * MINUTE_MS + 1000,
      });
    }
  }
  await api.waitUntilStored();
  await waitForRollups(api.questdb);
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

/** Returns [time, sum of counts, sum of failures] from SQL, ordered by time. */
async function selectSums(step: string, condition: string, fromMs = FROM, toMs = TO) {
  const rows =
    await api.questdb.sql(`SELECT timestamp_floor('${step}', timestamp)::long / 1000 AS at,
    sum(count), sum(error_count) FROM metric_buckets WHERE metric_type = 'API_RESPONSE_TIME'
    AND timestamp >= '${new Date(fromMs).toISOString()}' AND timestamp < '${new Date(toMs).toISOString()}'
    AND ${condition} GROUP BY at ORDER BY at`);
  return rows.map((row) => row.map(Number));
}

type Response = Awaited<ReturnType<typeof getDistribution>>;
const getDistribution = (query: Parameters<typeof client.get<'distribution'>>[1]) =>
  client.get('distribution', { from: FROM, to: TO, timeZone: 'UTC', ...query });

function sumByTime({ times, cells }: Response, isIncluded = (_upper: number) => true) {
  const sums = new Map<number, [number, number]>();
  for (const [time, upper, count, errorCount] of cells) {
    if (!isIncluded(upper)) continue;
    const at = Date.parse(times[time]!);
    const [counts, errors] = sums.get(at) ?? [0, 0];
    sums.set(at, [counts + count, errors + errorCount]);
  }
  return [...sums].map(([at, [counts, errors]]) => [at, counts, errors]);
}

it('returns the counts and failures of each time and value', async () => {
  const response = await getDistribution({});
  expect(response).toMatchObject({
    from: new Date(FROM).toISOString(),
    to: new Date(TO).toISOString(),
    ...{ metricType: 'API_RESPONSE_TIME', step: '5m', timeZone: 'UTC' },
  });
  const { times, uppers, upperRatio, cells } = response;
  expect(times).toHaveLength(72);
  expect(times[0]).toBe(response.from);
  expect(uppers.length).toBeGreaterThan(30);
  expect(uppers.length).toBeLessThanOrEqual(60);
  expect(new Set(cells.map(([time, upper]) => `${time} ${upper}`)).size).toBe(cells.length);
  expect(sumByTime(response)).toEqual(await selectSums('5m', 'NOT test'));
  for (const [index, bound] of uppers.entries()) {
    const lower = bound / upperRatio;
    // The middle of a stored bucket is never at a bound.
    const condition = `NOT test AND bucket_upper / 1.04 > ${lower} AND bucket_upper / 1.04 <= ${bound}`;
    expect(sumByTime(response, (each) => each === index)).toEqual(
      await selectSums('5m', condition),
    );
  }
});

it('accepts a step, filters, and test measurements', async () => {
  const filtered = await getDistribution({
    ...{ step: '1h', organizationId: ['anna'], endpoint: ['/guests'], includeTest: true },
  });
  expect(filtered.times).toHaveLength(6);
  expect(sumByTime(filtered)).toEqual(
    await selectSums('1h', "organization_id = 'anna' AND endpoint = '/guests'"),
  );
  expect((await getDistribution({ name: ['other'] })).cells).toEqual([]);
  const short = { from: FROM + 90_000, to: FROM + 600_000 };
  const rows = await getDistribution({ ...short, step: '30s' });
  expect(rows.times).toHaveLength(17);
  expect(sumByTime(rows)).toEqual(await selectSums('30s', 'NOT test', short.from, short.to));
});

it('starts buckets at local times, and includes times without values', async () => {
  const { times, cells } = await getDistribution({
    ...{ from: FROM - 10 * HOUR_MS, step: '3h', timeZone: 'Asia/Kathmandu' },
  });
  expect(times.map((time) => (Date.parse(time) + 5.75 * HOUR_MS) % (3 * HOUR_MS))).toEqual(
    times.map(() => 0),
  );
  expect(cells[0]![0]).toBeGreaterThan(1);
  expect(cells.reduce((sum, [, , count]) => sum + count, 0)).toBe(3 * 359);
});

it('returns a longer step, with a note, if there are too many time buckets', async () => {
  const { step, times, notes } = await getDistribution({ step: '10s' });
  expect([step, times.length]).toEqual(['2m', 180]);
  expect(notes).toEqual([
    'A response contains up to 300 time buckets, so the step is 2m instead of 10s.',
  ]);
  expect((await fetch(`${api.url}/api/performance/distribution?step=25h`)).status).toBe(400);
});

it("counts only the caller's rows", async () => {
  api.scope = createOrganizationScope('bert');
  const own = await getDistribution({});
  expect(sumByTime(own)).toEqual(await selectSums('5m', "NOT test AND organization_id = 'bert'"));
  expect((await getDistribution({ organizationId: ['anna'] })).cells).toEqual([]);
  api.scope = createOrganizationScope('nobody');
  expect(await getDistribution({})).toMatchObject({ uppers: [], cells: [] });
});
