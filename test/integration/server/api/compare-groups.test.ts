import { DateTime } from 'luxon';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { TestApiServer } from '../../../support/api-server.ts';

const api = new TestApiServer();
const TO = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 2 * MINUTE_MS;
const range = { from: TO - 10 * MINUTE_MS, to: TO };
/** The time zone of the server. */
const ZONE = 'Europe/Vienna';
const shift = (ms: number, days: number) =>
  DateTime.fromMillis(ms, { zone: ZONE }).minus({ days }).toMillis();
const EARLIER = {
  previous: { from: TO - 20 * MINUTE_MS, to: range.from },
  yesterday: { from: shift(range.from, 1), to: shift(TO, 1) },
  lastWeek: { from: shift(range.from, 7), to: shift(TO, 7) },
} as const;
const COMPARISONS = Object.keys(EARLIER) as (keyof typeof EARLIER)[];
const STATS = ['count', 'rate', 'errorRate', 'average', 'p50', 'p95', 'p99'] as const;
const PARTS = [
  ...(['databaseTime', 'databaseCalls', 'outgoingTime', 'outgoingCalls', 'queueTime'] as const),
  ...(['queueCalls', 'connectionWaitTime', 'eventLoopWaitTime', 'ownTime'] as const),
];
const METRIC_TYPES = {
  endpoints: 'API_RESPONSE_TIME',
  outgoing: 'OUTGOING_REQUEST_TIME',
  database: 'DATABASE_QUERY_TIME',
} as const;
const NAMES = Object.keys(METRIC_TYPES) as (keyof typeof METRIC_TYPES)[];
let client: PerfscopeClient;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const { recorder } = api.dependencies;
  for (const [i, { from }] of [range, ...Object.values(EARLIER)].entries()) {
    for (let j = 0; j < 120; j++) {
      const tenant = j % 3 === 0 ? 'bert' : 'anna';
      for (const metricType of Object.values(METRIC_TYPES)) {
        recorder.recordMetric({
          metricType,
          name: metricType,
          value: 1 + ((j * 37) % 500) + 10 * i,
          error: j % (5 + i) === 0,
          operation: j % 2 ? 'GET' : 'POST',
          // Each range has an endpoint that the others don't have.
          endpoint: j % 11 === 0 ? `/only-${i}` : `/${tenant}-${j % 4}`,
          organizationId: tenant,
          timestamp: from + j * 5000,
        });
      }
      api.dependencies.add('performance_metrics', [
        {
          ...{ id: `parts ${i} ${j}`, metricType: 'API_RESPONSE_TIME', name: 'http', unit: 'ms' },
          ...{ count: 2, errorCount: 0, sum: 100 + i, value: 50, min: 50, max: 50 + i },
          ...{ databaseTime: 20, databaseCalls: 4 + i, outgoingTime: 10, outgoingCalls: 2 },
          ...{ queueTime: 10, queueCalls: 2, connectionWaitTime: 5, eventLoopWaitTime: 5 },
          ...{ ownTime: 50 + i, timestamp: from + j * 5000, test: false },
          ...{ organizationId: tenant, endpoint: `/parts-${tenant}`, operation: 'GET' },
        },
      ]);
    }
  }
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

interface GroupRow {
  group: object;
  previous?: Record<string, number | undefined>;
}
type ListName = keyof typeof METRIC_TYPES;

/** Returns all groups, which the endpoint sends in pages. */
async function listGroups(name: ListName, query: object): Promise<GroupRow[]> {
  const rows: GroupRow[] = [];
  for await (const page of client.pages(name, query)) {
    const list = { endpoints: [], hosts: [], statements: [], ...page };
    rows.push(...([...list.endpoints, ...list.hosts, ...list.statements] as GroupRow[]));
  }
  return rows;
}

describe.each(NAMES)('%s', (name) => {
  it.each(COMPARISONS)('returns the values of each group with compare=%s', async (compare) => {
    for (const scope of [UNRESTRICTED_SCOPE, createOrganizationScope('anna')]) {
      api.scope = scope;
      for (const groupBy of [['endpoint', 'operation'], ['organizationId']]) {
        const groups = await listGroups(name, { ...range, groupBy, compare, limit: 3 });
        const earlier = await listGroups(name, { ...EARLIER[compare], groupBy, limit: 1000 });
        const fields = name === 'endpoints' ? [...STATS, ...PARTS] : STATS;
        const expected = new Map(
          earlier.map((row) => [
            JSON.stringify(row.group),
            Object.fromEntries(
              Object.entries(row).filter(([key]) => (fields as readonly string[]).includes(key)),
            ),
          ]),
        );
        for (const { group, previous } of groups) {
          expect(previous).toEqual(expected.get(JSON.stringify(group)));
        }
        const plain = await listGroups(name, { ...range, groupBy, limit: 1000 });
        expect(groups.map(({ previous: _, ...row }) => row)).toEqual(plain);
        expect(plain.some((row) => 'previous' in row)).toBe(false);
        const missing = groups.filter(({ previous }) => previous === undefined);
        expect(missing.length > 0).toBe(groupBy.includes('endpoint'));
      }
    }
  });

  it('counts as SQL does', async () => {
    const groups = await listGroups(name, {
      ...range,
      groupBy: ['organizationId'],
      compare: 'previous',
    });
    const { from, to } = EARLIER.previous;
    const rows = await api.questdb.sql(
      `SELECT organization_id, sum(count), 100.0 * sum(error_count) / sum(count), sum(sum) / sum(count)
        FROM performance_metrics WHERE metric_type = '${METRIC_TYPES[name]}'
        AND timestamp >= ${from * 1000} AND timestamp < ${to * 1000}`,
    );
    expect(groups).toHaveLength(2);
    for (const [organizationId, count, errorRate, average] of rows) {
      const { previous } = groups.find((each) =>
        Object.values(each.group).includes(organizationId),
      )!;
      expect(previous?.count).toBe(Number(count));
      expect(previous?.errorRate).toBeCloseTo(Number(errorRate), 9);
      expect(previous?.average).toBeCloseTo(Number(average), 9);
    }
  });

  it('adds columns to CSV', async () => {
    const [plain] = (await client.csv(name, range)).split('\r\n');
    expect(plain).not.toContain('previous');
    const text = await client.csv(name, {
      ...range,
      compare: 'previous',
      groupBy: ['organizationId'],
    });
    const [header = '', ...lines] = text.trim().split('\r\n');
    const at = header.split(',').indexOf('previous.count');
    const groups = await listGroups(name, {
      ...range,
      groupBy: ['organizationId'],
      compare: 'previous',
    });
    const counts = lines.map((line) => Number(line.split(',')[at]));
    expect(counts).toEqual(groups.map(({ previous }) => previous?.count));
  });
});
