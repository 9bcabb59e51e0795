import type { MeterProvider as ApiMeterProvider } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { expect, it } from 'vitest';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import type { OtelMetric } from '../../../../src/core/otel/metric-data.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import { OtlpCounters } from '../../../../src/server/otlp/otlp-counters.ts';
import { SeriesLimitReporter } from '../../../../src/server/otlp/series-limit-reporter.ts';

const START_MS = Date.UTC(2026, 10, 28);
const HOUR_MS = 3_600_000;

class Reader extends MetricReader {
  async read(): Promise<Record<string, number>> {
    const { resourceMetrics } = await this.collect();
    const points = resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
      metrics.map((metric) => [metric.descriptor.name, metric.dataPoints.at(-1)?.value]),
    );
    return Object.fromEntries(points) as Record<string, number>;
  }
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

/** The OTLP endpoint with small limits. */
class Endpoint {
  readonly warnings: string[] = [];
  readonly series = new CumulativeSeries({ sinceMs: START_MS, maxSeries: 20, maxFacts: 10 });
  readonly reader = new Reader();
  nowMs = START_MS;
  readonly #converter = new MetricConverter({
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: 30 * 24 * HOUR_MS,
    thresholds: { responseTimeWarning: 2000, responseTimeCritical: 5000, errorRate: 5 },
  });
  readonly counters = new OtlpCounters(
    new MeterProvider({ readers: [this.reader] }) as unknown as ApiMeterProvider,
    () => this.series.size,
  );
  readonly #reporter = new SeriesLimitReporter({
    states: this.series.states,
    log: { info: () => {}, error: () => {}, warn: (text) => void this.warnings.push(text) },
    countForgotten: (kind, count) => this.counters.countForgotten(kind, count),
    now: () => this.nowMs,
  });

  /** Stores a counter with one series per customer. Returns the stored values. */
  send(
    organization: string,
    customers: readonly string[],
    value: number,
    { service = 'shop', instance = '1' } = {},
  ): number[] {
    const transaction = this.series.begin(this.nowMs);
    const points = customers.map((customer) => ({
      ...{ attributes: { customer }, startTimeMs: START_MS - 1000, timeMs: this.nowMs, value },
    }));
    const metric = { unit: '', kind: 'sum', temporality: 'cumulative', isMonotonic: true } as const;
    const resource = { 'service.name': service, 'service.instance.id': instance };
    const metrics = [{ ...metric, name: 'visits', points }];
    const { metrics: rows } = this.#converter.convert(
      [{ resource, scopes: [{ scope: { name: '' }, metrics }] }],
      { transaction, senderOrganizationId: organization, nowMs: this.nowMs },
    );
    transaction.commit();
    this.#reporter.update();
    return rows.map((row) => row.value!);
  }

  /** Stores a histogram of requests. */
  sendRequests(organization: string, instance: string): void {
    const transaction = this.series.begin(this.nowMs);
    const point = { attributes: {}, startTimeMs: this.nowMs - 1000, timeMs: this.nowMs, count: 1 };
    const metric = {
      ...{ name: 'http.server.request.duration', unit: 's', kind: 'histogram' },
      ...{
        temporality: 'delta',
        points: [{ ...point, sum: 1, bounds: [2], bucketCounts: [1, 0] }],
      },
    } as const satisfies OtelMetric;
    const resource = { 'service.name': 'lambda', 'service.instance.id': instance };
    this.#converter.convert([{ resource, scopes: [{ scope: { name: '' }, metrics: [metric] }] }], {
      transaction,
      senderOrganizationId: organization,
      nowMs: this.nowMs,
    });
    transaction.commit();
    this.#reporter.update();
  }
}

const many = (prefix: string) => Array.from({ length: 9 }, (_, i) => `${prefix}${i}`);

it('a key with too many series affects no other key, and is reported once per hour', async () => {
  const endpoint = new Endpoint();
  expect(endpoint.send('acme', ['a', 'b'], 5)).toEqual([5, 5]);
  expect(endpoint.warnings).toEqual([]);
  for (let i = 0; i < 30; i++) {
    endpoint.nowMs += 1000;
    endpoint.send('other', many(`${i}-`), 5, { service: 'cart\nfoo@example.com' });
  }
  endpoint.nowMs = START_MS + 60_000;
  expect(endpoint.send('acme', ['a', 'b', 'c'], 8)).toEqual([3, 3, 8]);
  const [warning] = endpoint.warnings;
  expect(warning).toContain('of the organization "other"');
  expect(warning).toContain('the service "cart\\n');
  expect(warning).toContain('the metric "visits"');
  expect(warning).not.toContain('foo@example.com');
  expect(warning).not.toContain('\n');
  expect(endpoint.warnings).toHaveLength(1);

  endpoint.nowMs = START_MS + HOUR_MS + 60_000;
  endpoint.send('other', many('later'), 5);
  expect(endpoint.warnings).toHaveLength(2);
  expect(await endpoint.reader.read()).toEqual({
    'perfscope.otlp.series.kept': 20,
    'perfscope.otlp.series.forgotten': 30 * 9 + 9 + 3 - 20,
  });
});

it('a key with too many processes is reported', async () => {
  const endpoint = new Endpoint();
  endpoint.sendRequests('acme', '1');
  for (let i = 0; i < 30; i++) endpoint.sendRequests('other', `call-${i}`);
  expect(endpoint.warnings).toHaveLength(1);
  expect(endpoint.warnings[0]).toContain('the service "lambda" of the organization "other"');
  const facts = endpoint.series.states;
  const name = 'http.server.request.duration';
  expect(facts.getFactSeconds(`metric\nacme\nlambda\n1\n${name}\n`)).toBeDefined();
  expect(facts.getFactSeconds(`metric\nother\nlambda\ncall-0\n${name}\n`)).toBeUndefined();
  expect(await endpoint.reader.read()).toMatchObject({
    'perfscope.otlp.facts.forgotten': 62 - 10,
  });
});

it('counts shortened texts', async () => {
  const endpoint = new Endpoint();
  const outcome = { stored: 0, rejected: new Map(), ignored: new Map(), shortenedTexts: 3 };
  endpoint.counters.countItems('traces', outcome);
  expect(await endpoint.reader.read()).toMatchObject({ 'perfscope.otlp.texts.shortened': 3 });
});
