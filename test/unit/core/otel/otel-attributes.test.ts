import { describe, expect, it } from 'vitest';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import type {
  OtelAttributes,
  OtelAttributeValue,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
} from '../../../../src/core/otel/metric-data.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';

const NOW = Date.UTC(2026, 10, 28);
const SHOP = { 'service.name': 'shop', 'service.instance.id': 'shop-1' };

type Source = readonly [resource: OtelAttributes, metrics: readonly OtelMetric[]];

function convert(...sources: readonly Source[]) {
  const converter = new MetricConverter({
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: 86_400_000,
    thresholds: { responseTimeWarning: 2000, responseTimeCritical: 5000, errorRate: 5 },
  });
  const transaction = new CumulativeSeries({ sinceMs: 0 }).begin(NOW);
  const requests = sources.map(
    ([resource, metrics]): OtelResourceMetrics => ({
      resource,
      scopes: [{ scope: { name: 'test' }, metrics }],
    }),
  );
  return converter.convert(requests, { transaction, nowMs: NOW });
}

function gauge(
  name: string,
  points: readonly Pick<OtelNumberPoint, 'attributes' | 'value'>[],
  unit = '',
): OtelMetric {
  const times = { startTimeMs: NOW - 60_000, timeMs: NOW };
  return { name, unit, kind: 'gauge', points: points.map((point) => ({ ...times, ...point })) };
}

function histogram(
  name: string,
  attributes: OtelAttributes,
  bounds: readonly number[] = [1],
  bucketCounts: readonly number[] = [2, 0],
): OtelMetric {
  const count = bucketCounts.reduce((sum, each) => sum + each, 0);
  const point = { attributes, startTimeMs: NOW - 60_000, timeMs: NOW, count, sum: 1 };
  const points = [{ ...point, bounds, bucketCounts }];
  return { name, unit: 's', kind: 'histogram', temporality: 'delta', points };
}

describe('resources', () => {
  it('distinguishes the tables of a database and the containers of a pod', () => {
    const metric = gauge('size', [{ attributes: {}, value: 1 }]);
    const table = { 'host.name': 'db-1', 'postgresql.database.name': 'shop' };
    const container = { 'k8s.pod.name': 'web-7' };
    const { metrics } = convert(
      [{ ...table, 'postgresql.table.name': 'orders' }, [metric]],
      [{ ...table, 'postgresql.table.name': 'rooms' }, [metric]],
      [{ ...container, 'k8s.container.name': 'app' }, [metric]],
      [{ ...container, 'k8s.container.name': 'proxy' }, [metric]],
    );
    expect(new Set(metrics.map(({ id }) => id)).size).toBe(4);
    expect(metrics.map(({ tags }) => JSON.parse(tags ?? '{}') as unknown)).toEqual([
      { 'postgresql.database.name': 'shop', 'postgresql.table.name': 'orders' },
      { 'postgresql.database.name': 'shop', 'postgresql.table.name': 'rooms' },
      { 'k8s.container.name': 'app' },
      { 'k8s.container.name': 'proxy' },
    ]);
  });

  it('keeps the series of a process whose description changes', () => {
    const metric = gauge('size', [{ attributes: {}, value: 1 }]);
    const sdk = { ...SHOP, 'telemetry.sdk.language': 'go' };
    const { metrics } = convert(
      [sdk, [metric]],
      [{ ...sdk, 'k8s.deployment.name': 'shop', 'cloud.region': 'eu' }, [metric]],
    );
    expect(metrics[0]?.id).toBe(metrics[1]?.id);
    expect(metrics.map(({ tags }) => tags)).toEqual([undefined, undefined]);
  });

  it('writes health rows for services and hosts, but not for each process of a host', () => {
    const memory = gauge('process.memory.usage', [{ attributes: {}, value: 1 }]);
    const load = gauge('system.cpu.load_average.1m', [{ attributes: {}, value: 0.5 }]);
    const { health } = convert(
      [{ 'host.name': 'web-1', 'process.pid': 1, 'process.executable.name': 'init' }, [memory]],
      [{ 'host.name': 'web-1' }, [load]],
      [SHOP, [memory]],
    );
    expect(health.map(({ service, load: value }) => [service, value])).toEqual([
      ['host-metrics', 0.5],
      ['shop', undefined],
    ]);
  });
});

describe('usage of hosts and processes', () => {
  it.each([
    [
      'current names of CPU attributes',
      gauge('system.cpu.utilization', [
        { attributes: { 'cpu.mode': 'user', 'cpu.logical_number': 0 }, value: 0.25 },
        { attributes: { 'cpu.mode': 'idle', 'cpu.logical_number': 0 }, value: 0.75 },
      ]),
      { cpuUsage: 25 },
    ],
    [
      'the JVM',
      gauge('jvm.system.cpu.utilization', [{ attributes: {}, value: 0.5 }], '1'),
      { cpuUsage: 50 },
    ],
    [
      'a process in the JVM',
      gauge('process.runtime.jvm.cpu.utilization', [{ attributes: {}, value: 0.5 }], '1'),
      { processCpuUsage: 50 },
    ],
    [
      'memory of CPython',
      gauge('process.runtime.cpython.memory', [
        { attributes: { type: 'rss' }, value: 100 },
        { attributes: { type: 'vms' }, value: 900 },
      ]),
      { processMemory: 100 },
    ],
    [
      'CPU of CPython',
      gauge('process.runtime.cpython.cpu.utilization', [{ attributes: {}, value: 0.1 }], '1'),
      { processCpuUsage: 10 },
    ],
    [
      'memory of .NET',
      gauge('dotnet.process.memory.working_set', [{ attributes: {}, value: 7 }]),
      { processMemory: 7 },
    ],
  ])('reads %s', (_, metric, expected) => {
    expect(convert([SHOP, [metric]]).health[0]).toMatchObject(expected);
  });
});

describe('failures', () => {
  it.each([
    ['http.server.duration', { 'http.status_code': 503 }, 2],
    ['http.server.duration', { 'http.status_code': 404 }, 0],
    ['rpc.server.duration', { 'rpc.grpc.status_code': 13 }, 2],
    ['rpc.server.duration', { 'rpc.grpc.status_code': 5 }, 0],
    ['rpc.server.duration', { 'rpc.connect_rpc.error_code': 'internal' }, 2],
    ['rpc.client.duration', { 'rpc.grpc.status_code': 5 }, 2],
    ['traces.span.metrics.duration', { 'status.code': 'STATUS_CODE_ERROR' }, 2],
    ['traces.span.metrics.duration', { 'status.code': 'STATUS_CODE_UNSET' }, 0],
    ['db.client.operation.duration', { 'otel.status_code': 'ERROR' }, 2],
  ])('counts the failures of %s with %j', (name, attributes, errorCount) => {
    expect(convert([SHOP, [histogram(name, attributes)]]).metrics[0]).toMatchObject({
      count: 2,
      errorCount,
    });
  });
});

describe('values of attributes', () => {
  it('stores no secrets, and keeps addresses and IDs', () => {
    const attributes = {
      'server.address': '10.244.1.123',
      order: '1234567890',
      contact: 'jane.doe@example.com',
      target: 'postgres://app:hunter2@db.internal/shop',
      list: ['ghp_abcdefghijklmnopqrstuvwxyz0123456789'],
      'url.full': 'https://shop.example.com/?token=hunter2',
    };
    const { metrics } = convert([SHOP, [gauge('a', [{ attributes, value: 1 }])]]);
    const tags = metrics[0]?.tags ?? '';
    expect(tags).not.toMatch(/jane|hunter2|ghp_|url\.full/);
    expect(JSON.parse(tags)).toMatchObject({
      'server.address': '10.244.1.123',
      order: '1234567890',
      contact: '[email]',
    });
  });

  it('survives hostile names and values', () => {
    const deep = JSON.parse(`${'['.repeat(500)}1${']'.repeat(500)}`) as OtelAttributeValue;
    const attributes = JSON.parse(
      '{"__proto__":"a","constructor":"b","hasOwnProperty":"c"}',
    ) as OtelAttributes;
    const { metrics, rejected } = convert([
      { ...SHOP, __proto__: null } as unknown as OtelAttributes,
      [
        gauge('__proto__', [{ attributes, value: 1 }]),
        gauge('constructor', [{ attributes: { a: Number.NaN, deep }, value: 1 }]),
        gauge('long', [{ attributes: { text: 'x'.repeat(65_536) }, value: 1 }]),
        gauge('route', [{ attributes: { 'http.route': '/x'.repeat(32_768) }, value: 1 }]),
      ],
    ]);
    expect([...rejected]).toEqual([]);
    expect(metrics).toHaveLength(4);
    expect(metrics[0]?.tags).toContain('"__proto__":"a"');
    for (const { tags = '', endpoint = '' } of metrics) {
      expect(tags.length).toBeLessThanOrEqual(4096);
      expect(endpoint.length).toBeLessThanOrEqual(255);
    }
  });
});

it.each([
  ['http.request.method', 'GET', 'GET'],
  ['http.method', 'QUERY', 'QUERY'],
  ['http.method', 'patch', 'PATCH'],
  ['http.request.method', 'PROPFIND', '_OTHER'],
  ['http.method', 'token=secret', '_OTHER'],
  ['http.request.method', 7, '_OTHER'],
])('stores %s=%s as the method %s', (name, value, operation) => {
  const attributes = { [name]: value, 'http.request.method_original': 'token=secret' };
  const { metrics } = convert([SHOP, [histogram('http.server.request.duration', attributes)]]);
  expect(metrics).toMatchObject([{ operation }]);
  expect(metrics[0]?.tags).toBeUndefined();
});
