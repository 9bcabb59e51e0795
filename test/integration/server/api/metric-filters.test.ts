import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client.ts';
import { DAY_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  createRequestSampleRow,
  REQUEST_SAMPLE_METRIC_NAME,
} from '../../../../src/core/request-sample-row.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { floorTo } from '../../../../src/storage/queries/time-range.ts';
import { TestApiServer } from '../../../support/api-server.ts';

const api = new TestApiServer();
/** The rows are in two partitions, one for each day. */
const FROM = floorTo(Date.now() - 10 * MINUTE_MS, DAY_MS) - 2 * MINUTE_MS;
const TO = FROM + 10 * MINUTE_MS;
const SAMPLES = { from: FROM, to: TO, name: [REQUEST_SAMPLE_METRIC_NAME] };
let client: PerfscopeClient;

/** Several durations are equal. Others differ by less than 1e-9 or by one in 1e15, or are negative or huge. */
function toDurationMs(i: number): number {
  if (i % 20 === 3) return 1e15 + (i % 3);
  if (i % 20 === 7) return -1e12;
  return (i % 10) * 100 + (i % 4) * 4e-11;
}

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const resource = { service: 'shop', instance: 'shop-1', environment: 'test' };
  const rows = Array.from({ length: 120 }, (_, i) =>
    createRequestSampleRow(
      {
        timestampMs: FROM + Math.floor(i / 3) * 5000,
        durationMs: toDurationMs(i),
        method: 'GET',
        scheme: 'https',
        route: '/rooms',
        status: i % 5 === 0 ? 500 : 200,
        errorType: i % 5 === 0 ? '500' : undefined,
        traceId: undefined,
        organizationId: i % 2 ? 'anna' : 'bert',
        otherTags: { quoted: '"error.type":' },
      },
      resource,
      `sample-${String(i).padStart(3, '0')}`,
    ),
  );
  api.dependencies.add('performance_metrics', rows);
  for (const error of [true, false]) {
    api.dependencies.recorder.recordMetric({
      ...{ metricType: 'CUSTOM', name: 'measured', value: 1, timestamp: FROM, error },
      endpoint: String(error),
    });
  }
  await api.waitUntilStored();
  await api.questdb.sql(`INSERT INTO performance_metrics (timestamp, id, name, metric_type, test)
    VALUES ('${new Date(FROM).toISOString()}', 'no-value', 'measured', 'CUSTOM', false)`);
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

async function selectIds(condition: string, order: string): Promise<unknown[]> {
  const rows = await api.questdb.sql(`SELECT id FROM performance_metrics
    WHERE name = '${REQUEST_SAMPLE_METRIC_NAME}' AND ${condition} ORDER BY ${order}`);
  return rows.map(([id]) => id);
}

const NEWEST = 'timestamp DESC, id DESC';
/** Rounded, because QuestDB compares numbers with a tolerance. */
const LARGEST = `CASE WHEN value < 1e9 THEN round(value, 3) ELSE value END DESC, ${NEWEST}`;

it.each([
  ['values in a range', { minValue: 200, maxValue: 500.5 }, 'value > 200.5 AND value <= 500.5'],
  ['failures', { failed: true }, `tags LIKE '%"500"%'`],
  ['successes', { failed: false }, `NOT tags LIKE '%"500"%'`],
  ['slow failures', { minValue: 450, failed: true }, `value > 450 AND tags LIKE '%"500"%'`],
] as const)('returns only %s', async (_case, filter, condition) => {
  const { metrics } = await client.get('metrics', { ...SAMPLES, ...filter });
  expect(metrics.map(({ id }) => id)).toEqual(await selectIds(condition, `${NEWEST} LIMIT 100`));
  expect(metrics.length).toBeGreaterThan(10);
  expect(metrics.length).toBeLessThan(120);
});

it('finds failures in the count of a measurement', async () => {
  const select = async (failed: boolean) => {
    const query = { from: FROM, to: TO, name: ['measured'], failed };
    return (await client.get('metrics', query)).metrics.map(({ endpoint }) => endpoint);
  };
  expect(await select(true)).toEqual(['true']);
  expect((await select(false)).sort()).toEqual(['false', undefined]);
});

describe.each([
  ['at', NEWEST],
  ['value', LARGEST],
] as const)('sorted by %s', (sort, order) => {
  it.each([1, 7, 120])('returns every row once, in pages of %d', async (limit) => {
    const seen: string[] = [];
    for await (const { metrics } of client.pages('metrics', { ...SAMPLES, sort, limit })) {
      seen.push(...metrics.map(({ id }) => id));
    }
    expect(seen).toHaveLength(120);
    expect(seen).toEqual(await selectIds('1 = 1', order));
  });

  it("contains only the caller's rows", async () => {
    api.scope = createOrganizationScope('anna');
    const seen: string[] = [];
    for await (const page of client.pages('metrics', {
      ...SAMPLES,
      sort,
      failed: true,
      limit: 4,
    })) {
      seen.push(...page.metrics.map(({ id }) => id));
    }
    const condition = `organization_id = 'anna' AND tags LIKE '%"500"%'`;
    expect(seen).toEqual(await selectIds(condition, order));
  });
});

it('omits rows without a value if sorted by value', async () => {
  const query = { from: FROM, to: TO, name: ['measured'] };
  expect((await client.get('metrics', query)).metrics).toHaveLength(3);
  expect((await client.get('metrics', { ...query, sort: 'value' })).metrics).toHaveLength(2);
});

it('rejects a cursor of another order or with changed keys', async () => {
  const { nextCursor = '' } = await client.get('metrics', { ...SAMPLES, sort: 'value', limit: 1 });
  const send = async (sort: string, cursor: string) =>
    (
      await fetch(
        `${api.url}/api/performance/metrics?name=${SAMPLES.name}&sort=${sort}&limit=1&cursor=${cursor}`,
      )
    ).status;
  expect(await send('value', nextCursor)).toBe(200);
  expect(await send('at', nextCursor)).toBe(400);
  const content = JSON.parse(Buffer.from(nextCursor, 'base64url').toString()) as unknown[];
  const [value, micros, id] = content[3] as unknown[];
  const encode = (keys: unknown[]) =>
    Buffer.from(JSON.stringify(content.with(3, keys))).toString('base64url');
  for (const keys of [
    [micros, id],
    [String(value), micros, id],
    [null, micros, id],
    [value, -1, id],
  ]) {
    expect(await send('value', encode(keys))).toBe(400);
  }
  for (const other of [-5, 1e300, -1e300]) {
    expect(await send('value', encode([other, micros, id]))).toBe(200);
  }
});
