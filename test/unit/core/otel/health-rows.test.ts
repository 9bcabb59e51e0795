import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import type { OtelMetric } from '../../../../src/core/otel/metric-data.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import type { SystemHealthRow } from '../../../../src/core/schema/tables/system-health-table.ts';
import { createGauge, createHistogram } from '../../../support/send-otlp.ts';

const NOW = Date.UTC(2026, 10, 28);
const EXPORTS = 3;
const INTERVAL_MS = 10_000;

/** A server with the health rows that the database would contain. */
class Server {
  readonly #series = new CumulativeSeries({ sinceMs: 0 });
  readonly #rows = new Map<number, SystemHealthRow>();
  readonly #converter = new MetricConverter({
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: 86_400_000,
    thresholds: { responseTimeWarning: 500, responseTimeCritical: 2000, errorRate: 5 },
  });

  receive(metrics: readonly OtelMetric[]): void {
    const transaction = this.#series.begin(NOW);
    const resource = { 'service.name': 'shop', 'service.instance.id': 'shop-1' };
    const scopes = [{ scope: { name: 'test' }, metrics }];
    const { health } = this.#converter.convert([{ resource, scopes }], { transaction, nowMs: NOW });
    transaction.commit();
    for (const row of health) this.#rows.set(row.timestamp, row);
  }

  /** The rows in the order of their times, without the times. Parts have different times. */
  get rows(): object[] {
    return [...this.#rows.values()]
      .toSorted((a, b) => a.timestamp - b.timestamp)
      .map(({ id: _, timestamp: __, createdAt: ___, ...values }) => values);
  }
}

/** Requests of one route. */
function createRequests(route: string, timeMs: number, status: number, count: number, ms: number) {
  const attributes = {
    'http.request.method': 'GET',
    'http.route': route,
    'http.response.status_code': status,
  };
  const startTimeMs = timeMs - INTERVAL_MS;
  const values = { count, sum: (count * ms) / 1000, bounds: [], bucketCounts: [count] };
  return createHistogram('http.server.request.duration', [
    { attributes, startTimeMs, timeMs, ...values },
  ]);
}

/** The parts of an export, each in another request. */
function createParts(index: number): OtelMetric[][] {
  const timeMs = NOW - (EXPORTS - index) * INTERVAL_MS;
  const connections = (state: string, value: number) =>
    createGauge('db.client.connection.count', [
      { attributes: { 'db.client.connection.state': state }, value, timeMs: timeMs + 2 },
    ]);
  return [
    [createRequests('/a', timeMs, 200, 90, 100 + index), connections('used', 3)],
    [createRequests('/b', timeMs + 1, 500, 10, 1000)],
    [connections('idle', 4), createGauge('process.memory.usage', [{ value: 7, timeMs }])],
  ];
}

const EXPECTED = Array.from({ length: EXPORTS }, (_, index) => ({
  // 10 of 100 requests failed.
  ...{ errorRate: 10, status: 'degraded', dbConnections: 7, processMemory: 7 },
  avgResponseTime: (90 * (100 + index) + 10 * 1000) / 100,
}));

it('health rows contain all parts of an export, in any order and with repeated parts', () => {
  const parts = Array.from({ length: EXPORTS }, (_, index) => createParts(index)).flat();
  const order = fc.shuffledSubarray([...parts.keys()], { minLength: parts.length });
  const repeats = fc.array(fc.nat(parts.length - 1));
  fc.assert(
    fc.property(order, repeats, (indexes, repeated) => {
      const server = new Server();
      for (const index of [...indexes, ...repeated]) server.receive(parts[index]!);
      expect(server.rows).toHaveLength(EXPORTS);
      for (const [index, row] of server.rows.entries()) {
        const expected = EXPECTED[index]!;
        const { avgResponseTime } = expected;
        expect(row).toMatchObject({
          ...expected,
          avgResponseTime: expect.closeTo(avgResponseTime),
        });
      }
    }),
  );
});

it('a part of an export that was forgotten does not replace the row of the whole export', () => {
  const server = new Server();
  const first = NOW - 7_200_000;
  const memory = (timeMs: number) => [createGauge('process.memory.usage', [{ value: 7, timeMs }])];
  const requests = (timeMs: number) => [createRequests('/a', timeMs, 200, 10, 100)];
  const times = Array.from({ length: 500 }, (_, i) => first + i * INTERVAL_MS);
  for (const timeMs of times) {
    server.receive(memory(timeMs));
    server.receive(requests(timeMs));
  }
  for (const timeMs of times) server.receive(memory(timeMs));
  expect(server.rows).toHaveLength(times.length);
  for (const row of server.rows) expect(row).toMatchObject({ avgResponseTime: 100 });
});
