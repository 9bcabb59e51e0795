import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

/** A metric as the SDK passes it to an exporter, as JSON. */
interface ExportedMetric {
  readonly descriptor: { readonly name: string; readonly unit: string };
  /** 0 is delta, and 1 is cumulative. */
  readonly aggregationTemporality: number;
  readonly dataPoints: readonly {
    readonly attributes: Readonly<Record<string, string | number>>;
    readonly value: number | { readonly count: number; readonly sum: number };
  }[];
}

/** Number of rows with a value, number of values, and their sum in the stored unit. */
type Totals = readonly [
  name: string,
  endpoint: string,
  operation: string,
  count: number,
  sum: number,
];

const server = new PerfscopeServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

/** Runs a service whose SDK sends OTLP. Returns what its metric exporter received. */
async function runService(
  service: string,
  signals: 'metrics' | 'traces' | 'both',
  temporality: string,
): Promise<ExportedMetric[]> {
  const app = new InstrumentedApp('test/apps/otlp-sdk.mjs', {
    args: [signals],
    flags: [],
    env: {
      ...{ PATH: process.env.PATH, OTEL_SERVICE_NAME: service },
      OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: temporality,
    },
  });
  expect([await app.exited, app.stderr]).toEqual([0, '']);
  return JSON.parse(app.stdout) as ExportedMetric[];
}

/** Statements are stored without their values. */
const STATEMENT = 'SELECT * FROM bookings WHERE id = ?';
const ENDPOINTS = ['http.route', 'db.query.text', 'messaging.destination.name'];
const OPERATIONS = ['http.request.method', 'db.operation.name'];

/** Metrics whose rows are checked separately. */
const OTHER_METRICS = ['temperature', 'carts', 'system.network.io'];

/** Returns the increase of the host's counter since the first export. */
function getNetworkIncrease(metrics: readonly ExportedMetric[]): number {
  const points = metrics.filter(({ descriptor: { name } }) => name === 'system.network.io');
  const values = points.map(({ dataPoints }) => Number(dataPoints[0]?.value));
  if (points[0]?.aggregationTemporality === 1) return values.at(-1)! - values[0]!;
  return values.slice(1).reduce((sum, value) => sum + value, 0);
}

/** Adds up the increases of all series. Cumulative series contain the sum in their last point. */
function toTotals(metrics: readonly ExportedMetric[], isCumulative: boolean): Totals[] {
  const totals = new Map<string, [count: number, sum: number]>();
  const last = new Map<string, unknown>();
  for (const { descriptor, dataPoints } of isCumulative ? metrics.toReversed() : metrics) {
    const { name, unit } = descriptor;
    if (OTHER_METRICS.includes(name)) continue;
    for (const { attributes, value } of dataPoints) {
      const series = JSON.stringify([name, attributes]);
      if (isCumulative && last.has(series)) continue;
      last.set(series, value);
      const find = (keys: readonly string[]) =>
        String(keys.map((key) => attributes[key]).find((each) => each !== undefined) ?? '').replace(
          '$1',
          '?',
        );
      const key = JSON.stringify([name, find(ENDPOINTS), find(OPERATIONS)]);
      const [count, sum] = totals.get(key) ?? [0, 0];
      const factor = unit === 's' ? 1000 : 1;
      const added = typeof value === 'number' ? { count: 0, sum: value } : value;
      totals.set(key, [count + added.count, sum + added.sum * factor]);
    }
  }
  return [...totals]
    .map(([key, values]): Totals => [...(JSON.parse(key) as [string, string, string]), ...values])
    .map(
      ([name, endpoint, operation, count, sum]): Totals => [
        ...([name, endpoint, operation] as const),
        ...([count, Math.round(sum)] as const),
      ],
    )
    .sort((a, b) => (String(a) < String(b) ? -1 : 1));
}

const expectTotals = (service: string, totals: readonly Totals[]) =>
  expectRows(
    async () => {
      const rows = await server.sql(
        `SELECT name, endpoint, operation, sum(count), round(sum(sum), 0) FROM performance_metrics
         WHERE service = '${service}' AND name NOT IN ('${OTHER_METRICS.join("', '")}') AND name NOT LIKE '%.sample'`,
      );
      return rows
        .map(([name, endpoint, operation, count, sum]) => [
          ...[name, endpoint ?? '', operation ?? '', count ?? 0, sum],
        ])
        .sort((a, b) => (String(a) < String(b) ? -1 : 1));
    },
    totals as unknown as unknown[][],
  );

describe('a service with the OpenTelemetry SDK', () => {
  it.each(['delta', 'cumulative', 'lowmemory'])(
    'has rows equal to what its SDK exported, with the temporality %s',
    async (temporality) => {
      const service = `sdk-${temporality}`;
      const exported = await runService(service, 'metrics', temporality);
      const totals = toTotals(exported, temporality === 'cumulative');
      const requests = totals.filter(([name]) => name === 'http.server.request.duration');
      expect(requests.reduce((sum, [, , , count]) => sum + count, 0)).toBe(120);
      await expectTotals(service, totals);
      const increase = getNetworkIncrease(exported);
      expect(increase).toBeGreaterThan(0);
      await expectRows(
        () =>
          server.sql(
            `SELECT sum(value) FROM performance_metrics WHERE service = '${service}' AND name = 'system.network.io'`,
          ),
        [[increase]],
      );
      const gauges = exported.filter(({ descriptor: { name } }) => name === 'temperature');
      await expectRows(
        () =>
          server.sql(
            `SELECT value FROM performance_metrics WHERE service = '${service}' AND name = 'temperature' ORDER BY timestamp`,
          ),
        gauges.flatMap(({ dataPoints }) => dataPoints.map(({ value }) => [value])),
      );
    },
  );

  it.each(['traces', 'both'] as const)('has each request once if it sends %s', async (signals) => {
    const service = `sdk-${signals}`;
    await runService(service, signals, 'cumulative');
    const countByName = () =>
      server.sql(
        `SELECT name, sum(count) FROM performance_metrics
         WHERE service = '${service}' AND name LIKE '%.duration' ORDER BY name`,
      );
    await expectRows(countByName, [
      ['db.client.operation.duration', 120],
      ['http.server.request.duration', 120],
      ['messaging.process.duration', 120],
    ]);
    const { endpoints } = (await server.get(
      `/api/performance/endpoints?groupBy=endpoint&sort=endpoint&last=1h&service=${service}`,
    )) as { endpoints: unknown[] };
    expect(endpoints).toMatchObject(
      ['/bookings', '/bookings/:id', '/rooms/:id'].map((endpoint) => ({
        ...{ group: { endpoint }, count: 40, errorCount: 4 },
      })),
    );
    await expectRows(
      () => server.sql(`SELECT DISTINCT message FROM error_logs WHERE service = '${service}'`),
      [['the booking failed']],
    );
  });

  it('appears in the API like a service with the agent', async () => {
    const get = <T>(path: string) =>
      server.get(
        `/api/performance/${path}last=1h&service=sdk-delta`,
      ) as Promise<unknown> as Promise<T>;
    const { endpoints } = await get<{ endpoints: Record<string, unknown>[] }>(
      'endpoints?groupBy=endpoint&sort=endpoint&',
    );
    expect(endpoints).toMatchObject(
      ['/bookings', '/bookings/:id', '/rooms/:id'].map((endpoint) => ({
        ...{ group: { endpoint }, count: 40, errorCount: 4, errorRate: 10, min: 10, max: 70 },
        ...{ count2xx: 36, count5xx: 4 },
      })),
    );
    const { statements } = await get<{ statements: unknown[] }>('database?groupBy=endpoint&');
    expect(statements).toMatchObject([{ group: { endpoint: STATEMENT }, count: 120, max: 35 }]);
    const { queues } = await get<{ queues: unknown[] }>('queues?');
    expect(queues).toMatchObject([{ queue: 'emails', completed: 120, failed: 0 }]);
    expect(await get('dashboard?')).toMatchObject({
      api: { count: 120, errorRate: 10, min: 10, max: 70 },
      database: { count: 120, slowestOperations: [{ operation: 'SELECT', count: 120 }] },
    });
    const hosts = await waitFor(async () => {
      const health = await get<{ hosts: unknown[] }>('health?');
      return health.hosts.length > 0 && health.hosts;
    });
    // 10 % of the requests failed.
    expect(hosts).toMatchObject([
      { service: 'sdk-delta', instance: 'sdk-delta-1', status: 'degraded' },
    ]);
  });
});
