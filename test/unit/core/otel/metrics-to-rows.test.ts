import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import type {
  OtelAttributes,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
} from '../../../../src/core/otel/metric-data.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';

const NOW = Date.UTC(2026, 10, 28);
const DAY = 86_400_000;

function createConverter() {
  const converter = new MetricConverter({
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: 30 * DAY,
    thresholds: { responseTimeWarning: 2000, responseTimeCritical: 5000, errorRate: 5 },
  });
  const series = new CumulativeSeries({ sinceMs: 0 });
  return {
    series,
    convert: (
      metrics: readonly OtelMetric[],
      {
        resource = { 'service.name': 'shop', 'service.instance.id': 'shop-1' } as OtelAttributes,
        senderOrganizationId = undefined as string | undefined,
        scope = 'test',
      } = {},
    ) => {
      const transaction = series.begin(NOW);
      const request: OtelResourceMetrics = {
        resource,
        scopes: [{ scope: { name: scope }, metrics }],
      };
      const result = converter.convert([request], {
        transaction,
        senderOrganizationId,
        nowMs: NOW,
      });
      transaction.commit();
      return result;
    },
  };
}

function createPoint(point: Partial<OtelNumberPoint> = {}): OtelNumberPoint {
  return { attributes: {}, startTimeMs: NOW - 60_000, timeMs: NOW, value: 1, ...point };
}

function gauge(name: string, points: readonly Partial<OtelNumberPoint>[], unit = ''): OtelMetric {
  return { name, unit, kind: 'gauge', points: points.map(createPoint) };
}

function histogram(
  name: string,
  unit: string,
  attributes: OtelAttributes,
  options: { bounds?: number[]; bucketCounts?: number[]; sum?: number } = {},
): OtelMetric {
  const { bounds = [0.1, 1], bucketCounts = [3, 1, 0], sum = 0.8 } = options;
  const count = bucketCounts.reduce((total, each) => total + each, 0);
  const point = { attributes, startTimeMs: NOW - 60_000, timeMs: NOW, count, sum };
  return {
    name,
    unit,
    kind: 'histogram',
    temporality: 'delta',
    points: [{ ...point, bounds, bucketCounts }],
  };
}

describe('semantic conventions', () => {
  it.each([
    [
      'requests',
      histogram('http.server.request.duration', 's', {
        'http.request.method': 'GET',
        'http.route': '/rooms/{id}',
        'http.response.status_code': 200,
        'url.scheme': 'http',
      }),
      {
        metricType: 'API_RESPONSE_TIME',
        name: 'http.server.request.duration',
        endpoint: '/rooms/{id}',
        operation: 'GET',
        unit: 'ms',
        count: 4,
        sum: 800,
        value: 200,
        count2xx: 4,
        errorCount: 0,
      },
    ],
    [
      'requests in older conventions',
      histogram(
        'http.server.duration',
        'ms',
        {
          'http.method': 'POST',
          'http.route': '/rooms',
          'http.status_code': 503,
          'http.target': '/rooms?token=secret',
          'net.host.name': 'localhost',
        },
        { bounds: [100, 1000], sum: 800 },
      ),
      {
        metricType: 'API_RESPONSE_TIME',
        name: 'http.server.request.duration',
        endpoint: '/rooms',
        operation: 'POST',
        sum: 800,
        errorCount: 4,
        count5xx: 4,
        tags: '{"http.response.status_code":503,"server.address":"localhost"}',
      },
    ],
    [
      'calls of gRPC',
      histogram('rpc.server.duration', 'ms', {
        'rpc.system': 'grpc',
        'rpc.service': 'shop.Orders',
        'rpc.method': 'Create',
        'rpc.grpc.status_code': 13,
      }),
      {
        metricType: 'API_RESPONSE_TIME',
        name: 'rpc.server.call.duration',
        endpoint: 'shop.Orders/Create',
        operation: 'grpc',
        errorCount: 4,
      },
    ],
    [
      'statements',
      histogram('db.client.operation.duration', 's', {
        'db.system.name': 'postgresql',
        'db.query.text': "SELECT * FROM guests WHERE email = 'ann@example.com'",
      }),
      {
        metricType: 'DATABASE_QUERY_TIME',
        endpoint: 'SELECT * FROM guests WHERE email = ?',
        operation: 'SELECT',
        tags: '{"db.system.name":"postgresql"}',
      },
    ],
    [
      'commands of Redis',
      histogram('db.client.operation.duration', 's', {
        'db.system': 'redis',
        'db.operation': 'GET',
        'db.statement': 'GET session:ann@example.com',
        'error.type': 'timeout',
      }),
      {
        metricType: 'DATABASE_QUERY_TIME',
        endpoint: undefined,
        operation: 'GET',
        errorCount: 4,
        tags: '{"db.system.name":"redis","error.type":"timeout"}',
      },
    ],
    [
      'commands of Redis without an operation',
      histogram('db.client.operation.duration', 's', {
        'db.system': 'redis',
        'db.statement': 'HSET session:ann@example.com name Ann',
      }),
      { endpoint: undefined, operation: 'HSET', tags: '{"db.system.name":"redis"}' },
    ],
    [
      'pipelines of Redis',
      histogram('db.client.operation.duration', 's', {
        'db.system': 'redis',
        'db.statement': 'GET ?\nGET ?',
      }),
      { endpoint: undefined, operation: 'PIPELINE', tags: '{"db.system.name":"redis"}' },
    ],
    [
      'keys instead of commands',
      histogram('db.client.operation.duration', 's', {
        'db.system': 'redis',
        'db.statement': 'session:ann@example.com',
      }),
      { endpoint: undefined, operation: undefined, tags: '{"db.system.name":"redis"}' },
    ],
    [
      'jobs',
      histogram('messaging.process.duration', 's', {
        'messaging.system': 'kafka',
        'messaging.destination.name': 'orders',
        'messaging.operation.name': 'process',
      }),
      {
        metricType: 'QUEUE_PROCESSING_TIME',
        name: 'messaging.process.duration',
        endpoint: 'orders',
        operation: 'process',
      },
    ],
    [
      'outgoing calls',
      histogram('http.client.duration', 'ms', {
        'http.method': 'GET',
        'net.peer.name': 'api.example.com',
        'http.url': 'https://api.example.com/?key=secret',
      }),
      {
        metricType: 'OUTGOING_REQUEST_TIME',
        name: 'http.client.request.duration',
        endpoint: 'api.example.com',
        operation: 'GET',
        errorType: undefined,
        errorCount: 0,
        tags: undefined,
      },
    ],
    [
      'outgoing calls with a port and a template',
      histogram('http.client.request.duration', 's', {
        'http.request.method': 'GET',
        'http.response.status_code': 503,
        'server.address': 'api.example.com',
        'server.port': 8443,
        'url.template': '/rooms/{id}',
      }),
      {
        endpoint: 'api.example.com:8443',
        operation: 'GET /rooms/{id}',
        errorType: '503',
        errorCount: 4,
        count5xx: 4,
        tags: '{"http.response.status_code":503}',
      },
    ],
    [
      'outgoing calls with a 4xx status, which are not failures of the host',
      histogram('http.client.request.duration', 's', {
        'http.request.method': 'GET',
        'http.response.status_code': 404,
        'server.address': '::1',
        'server.port': 443,
        'error.type': '404',
      }),
      { endpoint: '::1', errorType: undefined, errorCount: 0, count4xx: 4 },
    ],
    [
      'outgoing calls that failed',
      histogram('http.client.request.duration', 's', {
        'server.address': 'api',
        'error.type': 'ECONNREFUSED',
      }),
      { endpoint: 'api', operation: undefined, errorType: 'refused', errorCount: 4 },
    ],
    [
      'errors of statements',
      histogram('db.client.operation.duration', 's', {
        'db.system.name': 'postgresql',
        'error.type': '23505',
      }),
      { errorType: '23505', errorCount: 4 },
    ],
    [
      'pauses of Go',
      histogram('process.runtime.go.gc.pause_ns', 'ns', {}, { bounds: [1e6, 1e7], sum: 4e6 }),
      { metricType: 'GC_DURATION', unit: 'ms', sum: 4 },
    ],
  ])('maps %s', (_name, metric, expected) => {
    const { metrics, rejected, ignored } = createConverter().convert([metric]);
    expect(metrics).toHaveLength(1);
    expect(metrics[0]).toMatchObject(expected);
    expect([...rejected, ...ignored]).toEqual([]);
  });

  it('counts requests without other status classes as 0', () => {
    const attributes = { 'http.response.status_code': 404 };
    const { metrics } = createConverter().convert([
      histogram('http.server.request.duration', 's', attributes),
    ]);
    expect(metrics).toMatchObject([{ count2xx: 0, count3xx: 0, count4xx: 4, count5xx: 0 }]);
  });

  it('counts a metric once that is sent under an old and the current name', () => {
    const route = { 'http.route': '/' };
    const { metrics, ignored } = createConverter().convert([
      histogram('http.server.duration', 'ms', route),
      histogram('http.server.request.duration', 's', route),
    ]);
    expect(metrics.map(({ name }) => name)).toEqual(['http.server.request.duration']);
    expect([...ignored]).toEqual([['renamed', 1]]);
  });
});

describe('hosts', () => {
  it('computes the usage of the host, the process, and the heap from their parts', () => {
    const cpu = (state: string, logical: number, value: number) => ({
      attributes: { 'system.cpu.state': state, 'system.cpu.logical_number': logical },
      value,
    });
    const { metrics, health } = createConverter().convert([
      gauge('system.cpu.utilization', [
        ...[cpu('user', 0, 0.5), cpu('idle', 0, 0.5), cpu('user', 1, 0.1), cpu('idle', 1, 0.9)],
      ]),
      gauge('system.memory.utilization', [
        { attributes: { 'system.memory.state': 'used' }, value: 0.75 },
        { attributes: { 'system.memory.state': 'free' }, value: 0.25 },
      ]),
      gauge('process.cpu.utilization', [
        { attributes: { 'process.cpu.state': 'user' }, value: 0.2 },
        { attributes: { 'process.cpu.state': 'system' }, value: 0.1 },
      ]),
      gauge('process.memory.usage', [{ value: 5e7 }]),
      gauge('v8js.memory.heap.used', [
        { attributes: { 'v8js.heap.space.name': 'new_space' }, value: 10 },
        { attributes: { 'v8js.heap.space.name': 'old_space' }, value: 30 },
      ]),
      gauge('nodejs.eventloop.delay.p99', [{ value: 0.02 }], 's'),
      gauge('nodejs.eventloop.utilization', [{ value: 0.4 }], '1'),
    ]);
    const typed = metrics.filter(({ metricType }) => metricType !== 'CUSTOM');
    const values = typed.map(({ metricType, value }) => [metricType, value]);
    expect(Object.fromEntries(values)).toEqual({
      CPU_USAGE: expect.closeTo(30) as number,
      MEMORY_USAGE: 75,
      HEAP_USAGE: 40,
      EVENT_LOOP_DELAY: 20,
    });
    expect(values).toHaveLength(4);
    expect(health).toHaveLength(1);
    expect(health[0]).toMatchObject({
      service: 'shop',
      instance: 'shop-1',
      status: 'healthy',
      cpuUsage: expect.closeTo(30) as number,
      memoryUsage: 75,
      processCpuUsage: expect.closeTo(30) as number,
      processMemory: 5e7,
      eventLoopDelayP99: 20,
      eventLoopUtilization: 40,
    });
  });

  it('computes the usage from CPU times, memory sizes, and file systems of a Collector', () => {
    const { convert } = createConverter();
    const time = (state: string, value: number, timeMs: number) =>
      createPoint({ attributes: { state, cpu: 'cpu0' }, startTimeMs: NOW - DAY, timeMs, value });
    const cpu = (points: OtelNumberPoint[]): OtelMetric => ({
      name: 'system.cpu.time',
      unit: 's',
      kind: 'sum',
      isMonotonic: true,
      temporality: 'cumulative',
      points,
    });
    const resource = { 'host.name': 'web-1' };
    convert([cpu([time('user', 1000, NOW - 60_000), time('idle', 9000, NOW - 60_000)])], {
      resource,
    });
    const { metrics, health } = convert(
      [
        cpu([time('user', 1015, NOW), time('idle', 9045, NOW)]),
        gauge('system.memory.usage', [
          { attributes: { state: 'used' }, value: 20 },
          { attributes: { state: 'free' }, value: 20 },
          { attributes: { state: 'cached' }, value: 40 },
          { attributes: { state: 'inactive' }, value: 40 },
        ]),
        gauge('system.filesystem.usage', [
          { attributes: { state: 'used', mountpoint: '/' }, value: 90 },
          { attributes: { state: 'free', mountpoint: '/' }, value: 10 },
        ]),
      ],
      { resource },
    );
    expect(health[0]).toMatchObject({
      service: 'host-metrics',
      instance: 'web-1',
      host: 'web-1',
      cpuUsage: 25,
      memoryUsage: 25,
      diskUsage: 90,
    });
    const disk = metrics.find(({ metricType }) => metricType === 'DISK_USAGE');
    expect(disk).toMatchObject({ value: 90, tags: '{"system.filesystem.mountpoint":"/"}' });
  });

  it('computes the usage from CPU times with the current attributes, as Go measures them', () => {
    const times = (
      name: string,
      modes: Readonly<Record<string, number>>,
      timeMs = NOW,
    ): OtelMetric => ({
      ...{ name, unit: 's', kind: 'sum', isMonotonic: true, temporality: 'delta' },
      points: Object.entries(modes).map(([mode, value]) =>
        createPoint({ attributes: { 'cpu.mode': mode }, timeMs, value }),
      ),
    });
    const { convert } = createConverter();
    convert([times('system.cpu.time', { user: 1e6, system: 1e6, idle: 1e7 }, NOW - 60_000)]);
    const { health, metrics } = convert([
      times('process.cpu.time', { user: 8, system: 2 }),
      times('system.cpu.time', { user: 15, system: 10, idle: 75 }),
    ]);
    expect(health[0]).toMatchObject({ processCpuUsage: 10, cpuUsage: 25 });
    const usage = metrics.filter(({ metricType }) => metricType === 'CPU_USAGE');
    expect(usage).toMatchObject([{ name: 'system.cpu.utilization', value: 25 }]);
    // Short intervals of an idle process have less than one tick of the clock.
    const idle = convert([
      times('process.cpu.time', { user: 0, system: 0 }, NOW + 1000),
      times('system.cpu.time', { user: 15, system: 10, idle: 75 }, NOW + 1000),
    ]);
    expect(idle.health[0]).toMatchObject({ processCpuUsage: 0, cpuUsage: 25 });
  });

  it.each([
    // The library measures the second value right after the first one.
    ['process.cpu.utilization', 0.2, 20],
    ['another metric', 0.2, 100],
  ])('stores the share of all CPUs of a Python process that sends %s', (name, value, expected) => {
    const idle = (cpu: number) => ({ attributes: { state: 'idle', cpu }, value: 0.5 });
    const runtime = 'process.runtime.cpython.cpu.utilization';
    const { health } = createConverter().convert([
      gauge('system.cpu.utilization', [idle(1), idle(2)]),
      gauge(name, [{ attributes: {}, value }]),
      gauge(runtime, [{ attributes: {}, value: 16 }]),
    ]);
    expect(health[0]).toMatchObject({ processCpuUsage: expected });
    const { health: single } = createConverter().convert([
      gauge('system.cpu.utilization', [idle(1), idle(2)]),
      gauge(runtime, [{ attributes: {}, value: 0.5 }]),
    ]);
    expect(single[0]).toMatchObject({ processCpuUsage: 25, cpuUsage: 50 });
  });

  it('merges the parts of an export that arrive in several requests', () => {
    const { convert } = createConverter();
    const first = convert([gauge('process.memory.usage', [{ value: 7, timeMs: NOW - 5 }])]);
    const second = convert([gauge('nodejs.eventloop.utilization', [{ value: 0.5 }], '1')]);
    const [row] = second.health;
    expect(row).toMatchObject({ processMemory: 7, eventLoopUtilization: 50 });
    expect(row?.timestamp).toBe(first.health[0]?.timestamp);
  });
});

describe('tenants', () => {
  const metric = gauge('rooms', [
    { attributes: { 'perfscope.organization.id': 'point-org', 'perfscope.property.id': 'p1' } },
    { attributes: {} },
  ]);
  const resource = { 'service.name': 'shop', 'perfscope.organization.id': 'resource-org' };

  it('takes the tenant from the point, or else from the resource', () => {
    const { metrics } = createConverter().convert([metric], { resource });
    expect(metrics.map(({ organizationId }) => organizationId)).toEqual([
      'point-org',
      'resource-org',
    ]);
    expect(metrics[0]).toMatchObject({ propertyId: 'p1', tags: undefined });
  });

  it('stores everything for the organization of the key, but nothing about hosts', () => {
    const converter = createConverter();
    converter.convert([metric], { resource });
    const { metrics, health } = converter.convert([metric], {
      resource,
      senderOrganizationId: 'key-org',
    });
    expect(metrics.map(({ organizationId }) => organizationId)).toEqual(['key-org', 'key-org']);
    expect(health).toEqual([]);
  });
});

describe('invalid points', () => {
  it.each([
    ['invalid_timestamp', gauge('a', [{ timeMs: 0 }])],
    ['future_timestamp', gauge('a', [{ timeMs: Date.UTC(2100, 0) }])],
    ['too_old', gauge('a', [{ timeMs: Date.UTC(2018, 11) }])],
    ['not_finite', gauge('a', [{ value: Number.NaN }])],
    ['not_finite', gauge('a', [{ value: Number.POSITIVE_INFINITY }])],
    ['invalid_buckets', histogram('a', '', {}, { bounds: [2, 1] })],
    ['invalid_buckets', histogram('a', '', {}, { bounds: [1] })],
    ['negative_count', histogram('a', '', {}, { bucketCounts: [3, -1, 0] })],
    ['empty_name', gauge('', [{}])],
    ['name_too_long', gauge('a'.repeat(513), [{}])],
    [
      'unspecified_temporality',
      { ...histogram('a', '', {}), temporality: 'unspecified' } as OtelMetric,
    ],
  ])('rejects %s, and keeps the other points', (reason, metric) => {
    const { metrics, rejected } = createConverter().convert([metric, gauge('b', [{}])]);
    expect([...rejected]).toEqual([[reason, 1]]);
    expect(metrics.map(({ name }) => name)).toEqual(['b']);
  });
});

const anyValue = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.array(fc.string()));

it('gives the same rows for the same request', () => {
  const anyAttributes = fc.dictionary(fc.string(), anyValue, { maxKeys: 5 });
  fc.assert(
    fc.property(
      fc.array(fc.record({ attributes: anyAttributes, value: fc.double() })),
      (points) => {
        const metric = gauge('a', points as OtelNumberPoint[]);
        const first = createConverter().convert([metric]);
        const copies = points.map(({ attributes, value }) => ({
          attributes: Object.fromEntries(Object.entries(attributes).toReversed()),
          value,
        }));
        const second = createConverter().convert([gauge('a', copies as OtelNumberPoint[])]);
        expect(second.metrics.map(({ id, value }) => [id, value])).toEqual(
          first.metrics.map(({ id, value }) => [id, value]),
        );
      },
    ),
  );
});

it('keeps the count of each histogram', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: -4, max: 12 }),
      fc.integer({ min: -50, max: 50 }),
      fc.constantFrom('s', 'ms', 'By'),
      (bucketCounts, scale, offset, unit) => {
        const count = bucketCounts.reduce((sum, each) => sum + each, 0);
        const { buckets, metrics } = createConverter().convert([
          {
            name: 'http.server.request.duration',
            unit,
            kind: 'exponentialHistogram',
            temporality: 'delta',
            points: [
              {
                ...{ attributes: {}, startTimeMs: NOW - 1, timeMs: NOW, count, sum: 1, scale },
                ...{ zeroCount: 0, positive: { offset, bucketCounts } },
                negative: { offset: 0, bucketCounts: [] },
              },
            ],
          },
        ]);
        expect(buckets.reduce((sum, each) => sum + (each.count ?? 0), 0)).toBe(count);
        expect(metrics[0]?.count ?? 0).toBe(count);
      },
    ),
  );
});

it('stores exemplars of requests with their trace', () => {
  const metric = histogram('http.server.request.duration', 's', {
    'http.request.method': 'GET',
    'http.route': '/rooms',
  }) as OtelMetric & { kind: 'histogram' };
  const traceId = 'a'.repeat(32);
  const exemplars = [
    { timeMs: NOW - 5, value: 0.9, traceId, spanId: 'b'.repeat(16) },
    { timeMs: NOW - 5, value: 0.5 },
  ];
  const points = metric.points.map((point) => ({ ...point, exemplars }));
  const { metrics } = createConverter().convert([{ ...metric, points }]);
  const samples = metrics.filter(({ name }) => name === 'http.server.request.sample');
  expect(samples).toMatchObject([
    { duration: 900, endpoint: '/rooms', operation: 'GET', count: 0, timestamp: NOW - 5 },
  ]);
  expect(samples[0]?.tags).toContain(traceId);
});

it('takes the route of Python libraries from the target, which is a template', () => {
  const metric = histogram('http.server.duration', 'ms', {
    'http.method': 'GET',
    'http.target': '/rooms/<int:id>',
  });
  const scope = 'opentelemetry.instrumentation.flask';
  const { metrics } = createConverter().convert([metric], { scope });
  expect(metrics[0]).toMatchObject({ endpoint: '/rooms/<int:id>', operation: 'GET' });
  expect(metrics[0]?.tags ?? '').not.toContain('target');
  expect(createConverter().convert([metric]).metrics[0]?.endpoint).toBeUndefined();
});
