import { describe, expect, it } from 'vitest';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import type { OtelAttributes, OtelMetric } from '../../../../src/core/otel/metric-data.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';

const NOW = Date.UTC(2026, 10, 28);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SDK = { 'service.name': 'shop', 'service.instance.id': 'a', 'telemetry.sdk.name': 'x' };
const RECEIVERS = 'github.com/open-telemetry/opentelemetry-collector-contrib/receiver';
const HOST_RECEIVER = `${RECEIVERS}/hostmetricsreceiver/internal/scraper/networkscraper`;
const POSTGRES_RECEIVER = 'otelcol/postgresqlreceiver';

interface Sent {
  readonly atMs: number;
  readonly value: number;
  readonly startMs?: number;
  readonly name?: string;
  readonly kind?: 'sum' | 'histogram' | 'summary';
  readonly temporality?: 'cumulative' | 'delta';
  readonly attributes?: OtelAttributes;
  readonly resource?: OtelAttributes;
  readonly scope?: string;
}

const converter = new MetricConverter({
  tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
  retentionMs: 30 * 24 * HOUR,
  thresholds: { responseTimeWarning: 2000, responseTimeCritical: 5000, errorRate: 5 },
});

/** Returns the stored value, or the reason why the point has no row. Times are relative to `NOW`. */
function send(series: CumulativeSeries, sent: Sent, states: Uint8Array[] = []): unknown {
  const { atMs, value, startMs = 0, name = 'system.network.io', kind = 'sum' } = sent;
  const { temporality = 'cumulative', attributes = {}, resource = SDK, scope = 'host' } = sent;
  const times = { attributes, startTimeMs: NOW + startMs, timeMs: NOW + atMs };
  const distribution = { count: value, sum: value, bounds: [], bucketCounts: [], quantiles: [] };
  const metric = {
    ...{ name, unit: '', kind, temporality, isMonotonic: true },
    points: [{ ...times, ...(kind === 'sum' ? { value } : distribution) }],
  } as unknown as OtelMetric;
  const nowMs = NOW + atMs;
  const transaction = series.begin(nowMs);
  const resources = [{ resource, scopes: [{ scope: { name: scope }, metrics: [metric] }] }];
  const { metrics, ignored } = converter.convert(resources, { transaction, nowMs });
  const state = transaction.encode();
  if (state) states.push(state);
  transaction.commit();
  const row = metrics.find((each) => each.name === name);
  return row ? (row.count ?? row.value) : [...ignored.keys()][0];
}

function sendAll(...points: readonly Sent[]): unknown[] {
  const series = new CumulativeSeries({ sinceMs: NOW - 100 * HOUR });
  return points.map((point) => send(series, point));
}

describe('counters that started before their sender', () => {
  it.each(['system.cpu.time', 'container.network.io', 'k8s.pod.network.io'])(
    'stores %s of an SDK from its second point, also after a restart of the process',
    (name) => {
      const restarted = { name, startMs: 2 * MINUTE };
      expect(
        sendAll(
          { name, atMs: 1000, value: 9e9 },
          { name, atMs: MINUTE, value: 9e9 + 5 },
          { ...restarted, atMs: 2 * MINUTE, value: 9e9 + 8, resource: { ...SDK } },
          {
            ...restarted,
            atMs: 3 * MINUTE,
            value: 9e9 + 9,
            resource: { ...SDK, 'service.instance.id': 'b' },
          },
          // The process was restarted on another host.
          { name, atMs: 4 * MINUTE, startMs: 4 * MINUTE, value: 7e9 },
          { name, atMs: 5 * MINUTE, startMs: 4 * MINUTE, value: 7e9 + 2 },
        ),
      ).toEqual(['baseline', 5, 3, 'baseline', 'baseline', 2]);
    },
  );

  it('keeps the first point across a restart of the server, also if it is sent again', () => {
    for (const temporality of ['cumulative', 'delta'] as const) {
      const states: Uint8Array[] = [];
      const first: Sent = { temporality, atMs: 1000, value: 9e9 };
      expect(send(new CumulativeSeries({ sinceMs: 0 }), first, states)).toBe('baseline');
      const restored = new CumulativeSeries({ sinceMs: 0 });
      for (const state of states) restored.states.merge(state);
      expect(send(restored, first)).toMatch(/^(?:baseline|duplicate)$/);
      const value = temporality === 'delta' ? 5 : 9e9 + 5;
      expect(send(restored, { temporality, startMs: 1000, atMs: MINUTE, value })).toBe(5);
    }
  });

  it('ignores the first delta of each series of an SDK', () => {
    const delta = { temporality: 'delta', scope: '@opentelemetry/host-metrics' } as const;
    const other = { attributes: { device: 'eth1' } };
    expect(
      sendAll(
        { ...delta, startMs: 1000, atMs: 1000, value: 9e9 },
        { ...delta, ...other, startMs: 1000, atMs: 1000, value: 8e9 },
        { ...delta, startMs: 1000, atMs: MINUTE, value: 5 },
        { ...delta, ...other, startMs: 1000, atMs: MINUTE, value: 6 },
        // A process with the same instance was started.
        { ...delta, startMs: HOUR, atMs: HOUR, value: 9e9 },
      ),
    ).toEqual(['baseline', 'baseline', 5, 6, 'baseline']);
  });

  it('stores the first point of the host metrics receiver only if the host was started recently', () => {
    const boot = { scope: HOST_RECEIVER, resource: { 'host.name': 'web-1' } };
    expect(
      sendAll(
        { ...boot, startMs: -HOUR, atMs: 0, value: 9e9 },
        { ...boot, startMs: -HOUR, atMs: MINUTE, value: 9e9 + 5 },
        { ...boot, startMs: 2 * MINUTE, atMs: 3 * MINUTE, value: 1e10 },
      ),
    ).toEqual(['baseline', 5, 1e10]);
    const pod = { scope: `${RECEIVERS}/kubeletstatsreceiver`, resource: { 'k8s.pod.name': 'a' } };
    const name = 'k8s.pod.network.io';
    expect(sendAll({ ...pod, name, startMs: -MINUTE, atMs: 0, value: 7 })).toEqual([7]);
  });

  it('stores the first point of another receiver only if its metric is known', () => {
    const commits: Omit<Sent, 'atMs' | 'value'> = {
      ...{ scope: POSTGRES_RECEIVER, name: 'postgresql.commits', startMs: 0 },
      resource: { 'service.name': 'postgres', 'service.instance.id': 'db-1' },
    };
    const newSeries = { attributes: { database: 'created later' } };
    expect(
      sendAll(
        { ...commits, atMs: 1000, value: 9e9 },
        { ...commits, ...newSeries, atMs: MINUTE, value: 7 },
        { ...commits, atMs: MINUTE, value: 9e9 + 5 },
        { ...commits, ...newSeries, atMs: 2 * MINUTE, value: 9 },
        // The Collector was started again.
        { ...commits, startMs: HOUR, atMs: HOUR + 1000, value: 9e9 + 6 },
        // The database was started again.
        { ...commits, startMs: HOUR, atMs: HOUR + MINUTE, value: 4 },
      ),
    ).toEqual(['baseline', 7, 5, 2, 1, 4]);
  });

  it.each(['histogram', 'summary'] as const)('applies the same to a %s of a receiver', (kind) => {
    const scraped = { kind, name: 'http_seconds', scope: `${RECEIVERS}/prometheusreceiver` };
    expect(
      sendAll({ ...scraped, atMs: 0, value: 1e6 }, { ...scraped, atMs: MINUTE, value: 1e6 + 2 }),
    ).toEqual(['baseline', 2]);
  });

  it.each<Partial<Sent>>([
    { name: 'process.cpu.time' },
    { name: 'http.requests', kind: 'histogram' },
    { scope: 'perfscope.agent' },
    { name: 'http.requests', temporality: 'delta', scope: 'otelcol/statsdreceiver' },
  ])('stores other counters from their start: %j', (sent) => {
    expect(sendAll({ atMs: 1000, value: 5, ...sent })).toEqual([5]);
  });
});
