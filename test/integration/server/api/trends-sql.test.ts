import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { Distribution } from '../../../../src/core/histogram/percentiles.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { formatSqlLiteral } from '../../../../src/storage/sql/sql-literal.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

const api = new TestApiServer();
const TO = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 20_000;
const range = { from: TO - 4 * HOUR_MS - 90_000, to: TO };
/** A name with the characters that a literal must quote. */
const ODD_NAME = `it's "odd" \\' -- /* $1 é🏨`;
let client: PerfscopeClient;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const { recorder } = api.dependencies;
  for (let i = 0; i < 300; i++) {
    const timestamp = range.from - 3 * HOUR_MS + (i / 300) * (TO - range.from + 3 * HOUR_MS);
    const tenant = { organizationId: i % 3 ? "o'hara" : 'b', service: i % 2 ? ODD_NAME : 'shop' };
    recorder.recordMetric({
      ...{ metricType: 'API_RESPONSE_TIME', name: 'http.server.request.duration' },
      ...{ ...tenant, timestamp, value: 1 + ((i * 37) % 400), error: i % 7 === 0 },
    });
    for (const name of ['shop.orders', 'shop.baskets']) {
      recorder.recordMetric({ ...tenant, timestamp, metricType: 'CUSTOM', name, value: i });
    }
    api.dependencies.add('performance_metrics', [
      {
        ...{ id: `heap ${i}`, metricType: 'HEAP_USAGE', name: 'heap', unit: 'By', value: i },
        ...{ ...tenant, timestamp, test: false },
      },
    ]);
  }
  await api.waitUntilStored();
  await waitForRollups(api.questdb);
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

type Row = Record<string, string | number | null>;

/** Runs a statement as the QuestDB console does. */
async function runSql(statement: string): Promise<Row[]> {
  const { url, authorization } = api.questdb.target;
  const response = await fetch(`${url}/exec?query=${encodeURIComponent(statement)}`, {
    headers: authorization ? { authorization } : {},
  });
  const body = (await response.json()) as {
    columns: { name: string }[];
    dataset: (string | number | null)[][];
    error?: string;
  };
  expect(body.error).toBeUndefined();
  return body.dataset.map((values) =>
    Object.fromEntries(values.map((value, i) => [body.columns[i]!.name, value])),
  );
}

/** Values of one bucket, added up over the statements. */
interface Sums {
  count: number;
  errors: number;
  total: number;
  buckets: { bound: number; count: number; errorCount: number }[];
  last?: { at: string; value: number };
}

/** Runs the statements of a kind, and returns their sums by group and start of the bucket. */
async function sumRows(statements: { description: string; sql: string }[], column: string) {
  const sums = new Map<string, Sums>();
  for (const { description, sql } of statements) {
    for (const row of await runSql(sql)) {
      const key = JSON.stringify([row[column], new Date(String(row.bucket)).getTime()]);
      const sum = sums.get(key) ?? { count: 0, errors: 0, total: 0, buckets: [] };
      sums.set(key, sum);
      const [count, errors] = [Number(row.count ?? 0), Number(row.errors ?? 0)];
      if (description.startsWith('Histogram')) {
        sum.buckets.push({ bound: Number(row.bucket_upper), count, errorCount: errors });
      } else if (description.startsWith('Values')) {
        const at = String(row.last_at);
        if (!sum.last || at > sum.last.at) sum.last = { at, value: Number(row.last) };
      } else {
        sum.count += count;
        sum.errors += errors;
        sum.total += Number(row.total ?? 0);
      }
    }
  }
  return sums;
}

const CASES = [
  ['requests', { metricType: 'API_RESPONSE_TIME' }, 'service', 'by_service'],
  ['own metrics', { metricType: 'CUSTOM', includeTest: true }, 'name', 'by_name'],
  ['a gauge', { metricType: 'HEAP_USAGE' }, 'service', 'by_service'],
  ['a service with quotes', { service: [ODD_NAME] }, 'organizationId', 'by_organization_id'],
  ['tenants', { organizationId: ["o'hara", 'b'] }, 'service', 'by_service'],
] as const;

describe.each(CASES)('the SQL of %s', (_, parameters, dimension, column) => {
  it.each([
    ['an administrator', UNRESTRICTED_SCOPE],
    ['a tenant', createOrganizationScope("o'hara")],
  ])('has the same result as /trends for %s', async (__, scope) => {
    api.scope = scope;
    const query = {
      ...{ ...range, step: '30m', timeZone: 'UTC', compare: 'previous', groupBy: [dimension] },
      aggregate: ['count', 'average', 'errorRate', 'p95', 'last'],
      ...structuredClone(parameters as object),
    } as const;
    const request = query as unknown as { from: number };
    const [{ series }, { statements }] = await Promise.all([
      client.get('trends', request),
      client.get('trendsSql', request),
    ]);
    expect(statements.length).toBeGreaterThanOrEqual(4);
    expect(statements.every(({ sql }) => !/\$\d/.test(sql.replaceAll('$1 é', '')))).toBe(true);
    const isEarlier = ({ description }: { description: string }) =>
      description.endsWith('in the earlier time range');
    const current = await sumRows(
      statements.filter((each) => !isEarlier(each)),
      column,
    );
    const points = series.flatMap(({ group, points: all }) =>
      all.map((point) => ({ ...point, name: group[dimension] ?? null })),
    );
    expect(points.length).toBeGreaterThan(5);
    expect(current.size).toBe(points.length);
    for (const point of points) {
      const sums = current.get(JSON.stringify([point.name, new Date(point.at).getTime()]))!;
      expect(sums.count).toBe(point.count ?? 0);
      if (sums.count > 0) {
        expect(sums.total / sums.count).toBeCloseTo(point.average!, 6);
        expect((100 * sums.errors) / sums.count).toBeCloseTo(point.errorRate!, 6);
      }
      if (sums.buckets.length > 1) {
        const p95 = mergeBuckets(sums.buckets).computePercentiles().p95!;
        expect(Math.abs(point.p95! - p95) / p95).toBeLessThan(0.1);
      }
      if (sums.last) expect(sums.last.value).toBe(point.last);
    }
    const compared = await sumRows(statements.filter(isEarlier), column);
    const comparedPoints = series.flatMap((each) => each.compared ?? []);
    const total = (counts: (number | undefined)[]) =>
      counts.reduce<number>((a, b) => a + (b ?? 0), 0);
    expect(compared.size).toBe(comparedPoints.length);
    expect(total([...compared.values()].map(({ count }) => count))).toBe(
      total(comparedPoints.map(({ count }) => count)),
    );
  });
});

function mergeBuckets(buckets: Sums['buckets']): Distribution {
  const merged = Map.groupBy(buckets, ({ bound }) => bound);
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  return new Distribution(
    [...merged].map(([bound, parts]) => ({
      bound,
      count: sum(parts.map(({ count }) => count)),
      errorCount: sum(parts.map(({ errorCount }) => errorCount)),
    })),
  );
}

it('works with a time zone whose offset is negative', async () => {
  const query = {
    ...range,
    step: '45m',
    timeZone: 'America/St_Johns',
    aggregate: ['count' as const],
  };
  const { series } = await client.get('trends', query);
  const { statements } = await client.get('trendsSql', query);
  const rows = (await Promise.all(statements.map(({ sql }) => runSql(sql)))).flat();
  const sum = (counts: unknown[]) => counts.reduce<number>((a, b) => a + Number(b ?? 0), 0);
  expect(statements.some(({ sql }) => sql.includes('dateadd'))).toBe(true);
  expect(sum(rows.map(({ count }) => count))).toBe(
    sum(series[0]!.points.map(({ count }) => count)),
  );
});

it('returns no statement to callers who can see no rows, and rejects hosts', async () => {
  api.scope = createOrganizationScope("o'hara", []);
  expect(await client.get('trendsSql', range)).toEqual({ statements: [] });
  api.scope = createOrganizationScope("o'hara");
  const foreign = await client.get('trendsSql', { ...range, organizationId: ['b'] });
  expect(foreign).toEqual({ statements: [] });
  const byHost = client.get('trendsSql', { ...range, groupBy: ['instance'] });
  await expect(byHost).rejects.toMatchObject({ status: 403 });
  const { statements } = await client.get('trendsSql', range);
  for (const { sql } of statements) expect(sql).toContain("WHERE organization_id = 'o''hara'");
});

it.each([ODD_NAME, "'", "''", '\\', "\\'", 'a', '--', '"', '\n\t', '$1', "');--", '🏨é'])(
  'writes a literal that QuestDB reads as the same text: %j',
  async (text) => {
    // QuestDB's JSON contains single characters without escapes, so the result is a text.
    const statement = `SELECT ${formatSqlLiteral(text)}::string AS a, 1 AS b`;
    expect(await api.questdb.sql(statement)).toEqual([[text, 1]]);
  },
);
