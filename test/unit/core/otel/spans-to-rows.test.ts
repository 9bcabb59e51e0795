import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import type {
  OtelAttributes,
  OtelExemplar,
  OtelMetric,
  OtelTemporality,
} from '../../../../src/core/otel/metric-data.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import type { MetricRowSink } from '../../../../src/core/otel/rows/point-rows.ts';
import { RequestSampleMemory } from '../../../../src/core/otel/rows/request-sample-memory.ts';
import { SpanConverter } from '../../../../src/core/otel/rows/spans-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import type { SeriesTransaction } from '../../../../src/core/otel/series/cumulative-to-delta.ts';
import { SpanRowMemory } from '../../../../src/core/otel/series/span-row-memory.ts';
import type { OtelSpan } from '../../../../src/core/otel/span-data.ts';
import { REQUEST_SAMPLE_METRIC_NAME } from '../../../../src/core/request-sample-row.ts';

const NOW = Date.UTC(2026, 10, 28);
const RESOURCE = { 'service.name': 'shop', 'service.instance.id': 'shop-1' };
const HTTP = { 'http.request.method': 'GET', 'http.route': '/rooms/{id}', 'url.scheme': 'http' };

let nextId = 1;

function createSpan(span: Partial<OtelSpan> = {}): OtelSpan {
  const id = (nextId++).toString(16);
  return {
    traceId: id.padStart(32, '0'),
    spanId: id.padStart(16, '0'),
    name: 'GET /rooms/{id}',
    kind: 'server',
    startTimeMs: NOW - 250,
    endTimeMs: NOW,
    attributes: HTTP,
    status: 'unset',
    events: [],
    ...span,
  };
}

/** Converts spans and metrics of one process, like a server. */
function createConverters(sinceMs = 0) {
  const options = {
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: 30 * 86_400_000,
    samples: new RequestSampleMemory(),
  };
  const spanConverter = new SpanConverter(options);
  const thresholds = { responseTimeWarning: 1, responseTimeCritical: 2, errorRate: 3 };
  const metricConverter = new MetricConverter({ ...options, thresholds });
  let series = new CumulativeSeries({ sinceMs });
  let nowMs = NOW;
  /** States in the spool since the last snapshot. */
  let records: Uint8Array[] = [];
  const commit = (transaction: SeriesTransaction) => {
    const state = transaction.encode();
    if (state) records.push(state);
    transaction.commit();
  };
  return {
    wait: (ms: number) => {
      nowMs += ms;
    },
    /** Continues with the states of the spool, or of a snapshot, like a server that was killed. */
    restart: (usesSnapshot: boolean) => {
      if (usesSnapshot) records = [...series.states.encodeAll()];
      series = new CumulativeSeries({ sinceMs });
      // The order of segments and snapshots doesn't matter.
      for (const record of records.toReversed()) series.states.merge(record);
      series.states.sort();
    },
    countSpanRows: () => series.states.spanRows.size,
    convertSpans: (spans: readonly OtelSpan[], senderOrganizationId?: string) => {
      const transaction = series.begin(nowMs);
      const scopes = [{ scope: { name: 'test' }, spans }];
      const context = { transaction, senderOrganizationId, nowMs };
      const result = spanConverter.convert([{ resource: RESOURCE, scopes }], context);
      commit(transaction);
      return result;
    },
    convertRequests: (
      count: number,
      temporality: OtelTemporality = 'delta',
      atMs = NOW,
      startTimeMs = NOW - 60_000,
      exemplars: readonly OtelExemplar[] = [],
    ) => {
      const transaction = series.begin(nowMs);
      const point = {
        ...{ attributes: HTTP, startTimeMs, timeMs: atMs, count, sum: count / 4 },
        ...{ bounds: [], bucketCounts: [count], exemplars },
      };
      const metric: OtelMetric = {
        name: 'http.server.request.duration',
        unit: 's',
        kind: 'histogram',
        temporality,
        points: [point],
      };
      const scopes = [{ scope: { name: 'test' }, metrics: [metric] }];
      const context = { transaction, nowMs };
      const result = metricConverter.convert([{ resource: RESOURCE, scopes }], context);
      commit(transaction);
      return result;
    },
  };
}

describe('kinds of spans', () => {
  const exception = {
    name: 'exception',
    timeMs: NOW,
    attributes: {
      'exception.type': 'RangeError',
      'exception.message': 'no room for ann@example.com',
    },
  };
  it.each<[string, Partial<OtelSpan>, object]>([
    [
      'requests',
      { attributes: { ...HTTP, 'http.response.status_code': 200, 'url.path': '/rooms/12345' } },
      {
        metricType: 'API_RESPONSE_TIME',
        name: 'http.server.request.duration',
        endpoint: '/rooms/{id}',
        operation: 'GET',
        count: 1,
        sum: 250,
        errorCount: 0,
        count2xx: 1,
        tags: '{"http.response.status_code":200,"url.scheme":"http"}',
      },
    ],
    [
      'failed requests in older conventions',
      {
        status: 'error',
        attributes: { 'http.method': 'GET', 'http.route': '/', 'http.status_code': 500 },
      },
      { errorCount: 1, count5xx: 1, endpoint: '/' },
    ],
    [
      'calls of gRPC',
      {
        attributes: {
          'rpc.system': 'grpc',
          'rpc.service': 'shop.Orders',
          'rpc.method': 'Create',
          'rpc.grpc.status_code': 0,
        },
      },
      { name: 'rpc.server.call.duration', endpoint: 'shop.Orders/Create', errorCount: 0 },
    ],
    [
      'server spans of other protocols',
      { name: 'handle order', attributes: {} },
      { metricType: 'API_RESPONSE_TIME', endpoint: 'handle order' },
    ],
    [
      'server spans with a raw path as their name',
      { name: '/orders/12345', attributes: {} },
      { metricType: 'API_RESPONSE_TIME', endpoint: undefined },
    ],
    [
      'statements',
      {
        kind: 'client',
        attributes: { 'db.system': 'mysql', 'db.statement': 'DELETE FROM a WHERE b = "secret"' },
      },
      {
        metricType: 'DATABASE_QUERY_TIME',
        name: 'db.client.operation.duration',
        endpoint: 'DELETE FROM a WHERE b = ?',
        operation: 'DELETE',
      },
    ],
    [
      'outgoing calls',
      {
        kind: 'client',
        attributes: {
          'http.request.method': 'POST',
          'server.address': 'api',
          'server.port': 8080,
          'url.full': 'http://x',
        },
      },
      {
        metricType: 'OUTGOING_REQUEST_TIME',
        name: 'http.client.request.duration',
        endpoint: 'api:8080',
        operation: 'POST',
      },
    ],
    [
      'sent messages',
      {
        kind: 'producer',
        attributes: { 'messaging.system': 'kafka', 'messaging.destination.name': 'orders' },
      },
      { metricType: 'CUSTOM', name: 'messaging.client.operation.duration', endpoint: 'orders' },
    ],
    [
      'processed messages',
      {
        kind: 'consumer',
        status: 'error',
        events: [exception],
        attributes: {
          'messaging.system': 'rabbitmq',
          'messaging.destination.name': 'mails',
          'messaging.operation.type': 'process',
        },
      },
      {
        metricType: 'QUEUE_PROCESSING_TIME',
        name: 'messaging.process.duration',
        endpoint: 'mails',
        errorCount: 1,
      },
    ],
  ])('maps %s', (_name, span, expected) => {
    const { metrics, rejected, ignored } = createConverters().convertSpans([createSpan(span)]);
    expect(metrics[0]).toMatchObject(expected);
    expect([...rejected, ...ignored]).toEqual([]);
    expect(JSON.stringify(metrics)).not.toMatch(/secret|12345|http:\/\/x/);
  });

  it('ignores internal spans, and duplicates', () => {
    const span = createSpan();
    const { metrics, ignored } = createConverters().convertSpans([
      ...[span, span, createSpan({ kind: 'internal' })],
    ]);
    expect(metrics[0]?.count).toBe(1);
    expect(Object.fromEntries(ignored)).toEqual({ duplicate: 1, internal: 1 });
  });

  it.each<[string, Partial<OtelSpan>]>([
    ['invalid_span_id', { traceId: '0'.repeat(32) }],
    ['invalid_timestamp', { endTimeMs: NOW - 300 }],
    ['invalid_timestamp', { startTimeMs: 0 }],
    ['too_old', { startTimeMs: 1e12, endTimeMs: 1e12 }],
    ['future_timestamp', { endTimeMs: Date.UTC(2100, 0) }],
  ])('rejects %s', (reason, span) => {
    const { metrics, rejected } = createConverters().convertSpans([createSpan(span)]);
    expect(metrics).toEqual([]);
    expect([...rejected]).toEqual([[reason, 1]]);
  });

  it('stores one sample of a request that is sent as a span and as an exemplar', () => {
    const converters = createConverters();
    const attributes = { ...HTTP, 'user.id': 'u1' };
    const [first, second] = [createSpan({ attributes }), createSpan({ attributes })];
    const rows = new Map<string, unknown>();
    const store = ({ metrics }: MetricRowSink) => {
      for (const { name, timestamp, id, duration, userId } of metrics) {
        if (name !== REQUEST_SAMPLE_METRIC_NAME) continue;
        rows.set(`${timestamp} ${id}`, { duration, userId });
      }
    };
    const convertExemplar = ({ traceId, spanId }: OtelSpan) =>
      store(
        converters.convertRequests(1, 'delta', NOW, NOW - 60_000, [
          { timeMs: NOW - 3, value: 0.251, traceId, spanId },
        ]),
      );
    store(converters.convertSpans([first]));
    convertExemplar(first);
    convertExemplar(second);
    expect([...rows.values()]).toEqual([
      { duration: 250, userId: 'u1' },
      { duration: 251, userId: undefined },
    ]);
    store(converters.convertSpans([second]));
    // A repeated request doesn't replace the span.
    convertExemplar(second);
    expect([...rows.values()]).toEqual([
      { duration: 250, userId: 'u1' },
      { duration: 250, userId: 'u1' },
    ]);
  });

  it('stores samples with trace and user, and errors without personal data', () => {
    const span = createSpan({
      status: 'error',
      events: [exception],
      attributes: { ...HTTP, 'http.response.status_code': 500, 'user.id': 'u1' } as OtelAttributes,
    });
    const { metrics, errors } = createConverters().convertSpans([span, createSpan()], 'org');
    const samples = metrics.filter(({ name }) => name === REQUEST_SAMPLE_METRIC_NAME);
    expect(samples).toHaveLength(2);
    const sample = samples.find(({ userId }) => userId === 'u1');
    expect(sample).toMatchObject({ count: 0, duration: 250, organizationId: 'org' });
    expect(sample?.tags).toContain(span.traceId);
    expect(errors).toMatchObject([
      {
        kind: 'request',
        errorType: 'RangeError',
        message: 'no room for [email]',
        endpoint: '/rooms/{id}',
        organizationId: 'org',
        count: 1,
      },
    ]);
  });
});

/** Adds up the rows as the database does: a row replaces an earlier row with the same keys. */
class Store {
  readonly #counts = new Map<string, number>();

  add(rows: readonly { timestamp: number; id?: string | undefined; count?: number | undefined }[]) {
    for (const { timestamp, id, count = 0 } of rows) this.#counts.set(`${timestamp} ${id}`, count);
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}

it('counts each span once, with any batches and repeated requests', () => {
  const anySpans = fc.array(fc.record({ ms: fc.nat(60_000), batch: fc.nat(5) }), { minLength: 1 });
  fc.assert(
    fc.property(anySpans, fc.array(fc.nat(5)), (described, repeated) => {
      const { convertSpans } = createConverters();
      const store = new Store();
      const batches = Map.groupBy(described, ({ batch }) => batch);
      const requests = [...batches.values()].map((spans) =>
        spans.map(({ ms }) => createSpan({ startTimeMs: NOW - ms - 1, endTimeMs: NOW - ms })),
      );
      for (const spans of requests) store.add(convertSpans(spans).metrics);
      for (const index of repeated) store.add(convertSpans(requests[index] ?? []).metrics);
      expect(store.total).toBe(described.length);
    }),
  );
});

it("has only the metric's count if a process sends both, in any order, and with restarts of the server", () => {
  const step = fc.constantFrom('spans', 'metric', 'restart', 'restart with a snapshot');
  fc.assert(
    fc.property(fc.array(step, { minLength: 1 }), (steps) => {
      const { convertSpans, convertRequests, restart, countSpanRows } = createConverters();
      const store = new Store();
      const buckets = new Store();
      const add = ({ metrics, buckets: bucketRows }: MetricRowSink) => {
        store.add(metrics);
        buckets.add(
          bucketRows.map(({ point, bucketUpper, ...row }) => ({
            ...row,
            id: `${point} ${bucketUpper}`,
          })),
        );
      };
      let expected = 0;
      for (const each of steps) {
        if (each === 'spans') {
          add(convertSpans([createSpan(), createSpan({ startTimeMs: NOW - 9 })]));
          expected += 2;
        } else if (each === 'metric') add(convertRequests(7));
        else restart(each !== 'restart');
      }
      // All points of the metric have the same interval, so they are one row.
      if (steps.includes('metric')) expected = 7;
      expect([store.total, buckets.total]).toEqual([expected, expected]);
      if (steps.includes('metric')) expect(countSpanRows()).toBe(0);
    }),
  );
});

it('has only the count of the metric after the process was idle for days', () => {
  const { convertSpans, convertRequests, wait } = createConverters();
  const store = new Store();
  const minute = 60_000;
  const addSpans = () => store.add(convertSpans([createSpan()]).metrics);
  addSpans();
  store.add(convertRequests(7).metrics);
  wait(3 * 86_400_000);
  // Any request removes expired facts.
  convertSpans([]);
  addSpans();
  wait(minute);
  const now = NOW + 3 * 86_400_000 + minute;
  store.add(convertRequests(2, 'delta', now, NOW - minute).metrics);
  expect(store.total).toBe(7 + 2);
});

it('remembers the rows of a process without metrics only for ten minutes', () => {
  const { convertSpans, wait, countSpanRows } = createConverters();
  for (let minute = 0; minute < 60; minute++) {
    convertSpans([createSpan()]);
    expect(countSpanRows()).toBe(minute <= 10 ? minute + 1 : 0);
    wait(60_000);
  }
});

it('limits the remembered rows of all processes', () => {
  const memory = new SpanRowMemory();
  for (let i = 0; i < 120_000; i++) {
    const fact = `fact ${i % 300}`;
    memory.add({
      kind: 'spanRow',
      fact,
      seconds: 1,
      timestamp: 1,
      id: String(i),
      bucketUppers: [1],
    });
  }
  expect(memory.size).toBeGreaterThan(40_000);
  expect(memory.size).toBeLessThanOrEqual(50_000);
  expect(memory.all).toHaveLength(memory.size);
});

it("keeps spans from before the metric's first interval", () => {
  const { convertSpans, convertRequests } = createConverters(NOW);
  const store = new Store();
  const start = NOW - 30 * 60_000;
  const baseline = { startTimeMs: start - 250, endTimeMs: start };
  store.add(convertSpans([createSpan(baseline), createSpan(baseline)]).metrics);
  // The metric started long before, so its first value is only the base of later deltas.
  const cumulative = (count: number, atMs: number) =>
    convertRequests(count, 'cumulative', atMs, NOW - 86_400_000);
  expect(Object.fromEntries(cumulative(1000, start + 1).ignored)).toEqual({ baseline: 1 });
  store.add(convertSpans([createSpan()]).metrics);
  store.add(cumulative(1003, NOW + 1).metrics);
  expect(store.total).toBe(2 + 3);
});

it('counts a request once if its SDK starts the metric a moment after the end of the span', () => {
  const { convertSpans, convertRequests } = createConverters(NOW);
  const store = new Store();
  store.add(convertSpans([createSpan({ startTimeMs: NOW - 250, endTimeMs: NOW })]).metrics);
  store.add(convertRequests(1, 'delta', NOW + 5000, NOW + 0.3).metrics);
  expect(store.total).toBe(1);
});

it('keeps no text of an exception as a type', () => {
  const attributes = { 'exception.type': 'user ann@example.com', 'exception.message': 'failed' };
  const { metrics, errors } = createConverters().convertSpans([
    createSpan({ status: 'error', events: [{ name: 'exception', timeMs: NOW, attributes }] }),
  ]);
  expect(errors[0]?.errorType).toBe('_OTHER');
  expect(JSON.stringify(metrics)).not.toContain('ann@');
});

it('stores methods that the semantic conventions do not list as one method, without their text', () => {
  const spans = ['token=secret', 'PROPFIND'].map((method) =>
    createSpan({
      attributes: {
        ...HTTP,
        'http.request.method': method,
        'http.request.method_original': method,
        'http.response.status_code': 500,
      },
    }),
  );
  const { metrics, errors } = createConverters().convertSpans(spans);
  expect(metrics.filter(({ name }) => name === 'http.server.request.duration')).toMatchObject([
    { operation: '_OTHER', count: 2 },
  ]);
  expect(JSON.stringify([metrics, errors])).not.toMatch(/secret|PROPFIND/);
});
