import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import type {
  OtelAttributes,
  OtelMetric,
  OtelTemporality,
} from '../../../../src/core/otel/metric-data.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import { SpanConverter } from '../../../../src/core/otel/rows/spans-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import { SpanRowMemory } from '../../../../src/core/otel/series/span-row-memory.ts';
import type { OtelSpan } from '../../../../src/core/otel/span-data.ts';
import type { ErrorLogRow } from '../../../../src/core/schema/tables/error-logs-table.ts';
import type { MetricBucketRow } from '../../../../src/core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';

const NOW = Date.UTC(2026, 10, 28);
const START = NOW - 300_000;
const tenantAttributes = DEFAULT_TENANT_ATTRIBUTES;
const { organization: ORGANIZATION, property: PROPERTY, user: USER } = tenantAttributes;

/** A request of a sender whose key has the organization. */
interface SentRequest {
  readonly sender: string | undefined;
  readonly resource: OtelAttributes;
  readonly scope: string;
  readonly metrics: readonly OtelMetric[];
  readonly spans: readonly OtelSpan[];
}

interface StoredRows {
  readonly metrics: readonly PerformanceMetricRow[];
  readonly buckets: readonly MetricBucketRow[];
  readonly errors: readonly ErrorLogRow[];
  readonly health: number;
  readonly counts: readonly unknown[];
}

/** Converts requests one after the other, like a server. */
function createServer() {
  const common = { tenantAttributes, retentionMs: 86_400_000, memory: new SpanRowMemory() };
  const thresholds = { responseTimeWarning: 1, responseTimeCritical: 2, errorRate: 3 };
  const metricConverter = new MetricConverter({ ...common, thresholds });
  const spanConverter = new SpanConverter(common);
  const series = new CumulativeSeries({ sinceMs: 0 });
  return ({ sender, resource, scope, metrics, spans }: SentRequest): StoredRows => {
    const transaction = series.begin(NOW);
    const context = { transaction, senderOrganizationId: sender, nowMs: NOW };
    const spanRows = spanConverter.convert(
      [{ resource, scopes: [{ scope: { name: scope }, spans }] }],
      context,
    );
    const metricRows = metricConverter.convert(
      [{ resource, scopes: [{ scope: { name: scope }, metrics }] }],
      context,
    );
    transaction.commit();
    return {
      metrics: [...spanRows.metrics, ...metricRows.metrics],
      buckets: [...spanRows.buckets, ...metricRows.buckets],
      errors: spanRows.errors,
      health: metricRows.health.length,
      counts: [spanRows, metricRows].flatMap(({ rejected, ignored }) => [...rejected, ...ignored]),
    };
  };
}

const NAMES = ['alpha', 'beta', 'a\nb', "'; DROP TABLE alerts; --", '"', 'a\0', 'x'.repeat(600)];
const name = fc.constantFrom(...NAMES);
const tenant = fc.dictionary(fc.constantFrom(ORGANIZATION, PROPERTY, USER), name, {
  noNullPrototype: true,
});
const resource = fc
  .record({ tenant, service: fc.constantFrom('shop', 'shop\nbeta'), instance: name })
  .map(({ tenant: ids, service, instance }) => ({
    ...ids,
    'service.name': service,
    'service.instance.id': instance,
    'host.name': 'web-1',
  }));
const HTTP = { 'http.request.method': 'GET', 'http.route': '/rooms' };

type Kind = 'sum' | 'histogram' | 'exponentialHistogram' | 'summary' | 'gauge';

interface MetricOptions {
  readonly kind: Kind;
  readonly name: string;
  readonly temporality: OtelTemporality;
  readonly attributes: OtelAttributes;
  readonly minute: number;
  readonly count: number;
}

function createMetric(options: MetricOptions): OtelMetric {
  const { kind, name, temporality, attributes, minute, count } = options;
  const times = { startTimeMs: START, timeMs: START + minute * 60_000 };
  const point = { ...times, attributes: { ...HTTP, ...attributes }, count, sum: count };
  const range = { offset: 0, bucketCounts: [count] };
  const header = { name, unit: 's', temporality };
  if (kind === 'sum') {
    return { ...header, kind, isMonotonic: true, points: [{ ...point, value: count }] };
  }
  if (kind === 'gauge') return { ...header, kind, points: [{ ...point, value: count }] };
  if (kind === 'summary') return { ...header, kind, points: [{ ...point, quantiles: [] }] };
  if (kind === 'histogram') {
    return { ...header, kind, points: [{ ...point, bounds: [1], bucketCounts: [count, 0] }] };
  }
  const values = { scale: 0, zeroCount: 0, zeroThreshold: 0, positive: range };
  const negative = { offset: 0, bucketCounts: [] };
  return { ...header, kind, points: [{ ...point, ...values, negative }] };
}

function createSpan(id: number, attributes: OtelAttributes = {}, isFailed = false): OtelSpan {
  return {
    traceId: id.toString(16).padStart(32, '0'),
    spanId: id.toString(16).padStart(16, '0'),
    name: 'GET /rooms',
    kind: 'server',
    startTimeMs: NOW - 250,
    endTimeMs: NOW,
    attributes: { ...HTTP, ...attributes },
    status: isFailed ? 'error' : 'unset',
    events: [],
  };
}

/** Senders choose from few resources and series, so that they often send the same one. */
const requests = fc
  .record({
    resources: fc.array(resource, { minLength: 1, maxLength: 2 }),
    tenants: fc.array(tenant, { minLength: 1, maxLength: 2 }),
    kind: fc.constantFrom<Kind>('sum', 'histogram', 'exponentialHistogram', 'summary', 'gauge'),
    temporality: fc.constantFrom<OtelTemporality>('cumulative', 'delta'),
    scope: fc.constantFrom('test', 'beta\n'),
  })
  .chain(({ resources, tenants, kind, temporality, scope }) => {
    const metric = fc
      .record({
        name: fc.constantFrom('http.server.request.duration', 'http.server.duration'),
        attributes: fc.constantFrom(...tenants),
        minute: fc.integer({ min: 1, max: 5 }),
        count: fc.integer({ min: 1, max: 9 }),
      })
      .map((options) => createMetric({ ...options, kind, temporality }));
    const span = fc
      .record({ id: fc.integer({ min: 1, max: 3 }), attributes: fc.constantFrom(...tenants) })
      .chain(({ id, attributes }) =>
        fc.boolean().map((isFailed) => createSpan(id, attributes, isFailed)),
      );
    const request: fc.Arbitrary<SentRequest> = fc.record({
      sender: fc.constantFrom('alpha', 'beta'),
      resource: fc.constantFrom(...resources),
      scope: fc.constant(scope),
      metrics: fc.array(metric, { maxLength: 3 }),
      spans: fc.array(span, { maxLength: 3 }),
    });
    return fc.array(request, { minLength: 3, maxLength: 8 });
  });

describe('a sender with a key of an organization', () => {
  it("gets the same rows and counts as without another organization's requests", () => {
    fc.assert(
      fc.property(requests, (sent) => {
        const store = createServer();
        const together = sent.map((each) => store(each));
        for (const sender of ['alpha', 'beta']) {
          const storeAlone = createServer();
          const isOwn = (_: unknown, i: number) => sent[i]!.sender === sender;
          const alone = sent.filter(isOwn).map((each) => storeAlone(each));
          expect(together.filter(isOwn)).toEqual(alone);
        }
      }),
    );
  });

  it("writes only rows of this organization, and replaces no other organization's rows", () => {
    let rows = 0;
    fc.assert(
      fc.property(requests, (sent) => {
        const store = createServer();
        const senders = new Map<string, string | undefined>();
        for (const each of sent) {
          const { sender } = each;
          const { metrics, buckets, errors, health } = store(each);
          // The rows of hosts have no tenant.
          expect(health).toBe(0);
          const keys = [
            ...metrics.map(({ timestamp, id }) => `metric ${timestamp} ${id}`),
            ...buckets.map((row) => `bucket ${row.timestamp} ${row.point} ${row.bucketUpper}`),
            ...errors.map(({ timestamp, id }) => `error ${timestamp} ${id}`),
          ];
          for (const key of keys) expect(senders.get(key) ?? sender).toBe(sender);
          for (const key of keys) senders.set(key, sender);
          rows += keys.length;
          for (const { organizationId, count } of [...metrics, ...buckets, ...errors]) {
            // A blank row has no count.
            if (count !== 0) expect(organizationId).toBe(sender);
          }
        }
      }),
    );
    expect(rows).toBeGreaterThan(100);
  });

  it.each([
    ['processes', 12_000, 1],
    ['spans', 6000, 10],
  ])('with many %s removes no rows of others from the memory', (_, processes, spans) => {
    const memory = new SpanRowMemory();
    const toFact = (organization: string, process: string) =>
      ['metric', organization, 'shop', process].join('\n');
    const add = (organization: string, process: string, rows: number) => {
      for (let i = 0; i < rows; i++) {
        memory.add({
          ...{ kind: 'spanRow', fact: toFact(organization, process), seconds: NOW / 1000 },
          ...{ timestamp: NOW, id: `${process} ${i}`, bucketUppers: [] },
        });
      }
    };
    const count = (organization: string, process: string) =>
      [...memory.get(toFact(organization, process))].length;
    add('beta', 'beta', 5);
    for (let i = 0; i < processes; i++) add('alpha', `alpha-${i}`, spans);
    expect(count('beta', 'beta')).toBe(5);
    // The newest rows of the sender itself are kept.
    expect(count('alpha', 'alpha-0')).toBe(0);
    expect(count('alpha', `alpha-${processes - 1}`)).toBe(spans);
  });
});

describe('IDs in attributes', () => {
  const ORGANIZATIONS = [
    'anna@hotel.example',
    'bert@hotel.example',
    'sk_live_abcdefghijk1234567890',
    'sk_live_bbcdefghijk1234567890',
    'token=alpha',
    'token=beta',
    `${'x'.repeat(511)}a`,
    `${'x'.repeat(512)}a`,
    `${'x'.repeat(512)}b`,
    'alpha',
    'alpha\0',
    'alpha\n',
    'alpha\u200b',
    ' alpha',
    'Alpha',
    'O\'Neill "Inn", a=b',
    '__proto__',
  ];
  const isStored = (id: string) => id.length <= 512 && !/\p{C}/u.test(id);
  const expected = ORGANIZATIONS.map((id) => (isStored(id) ? id : undefined));
  const gauge = (attributes: OtelAttributes): OtelMetric => {
    const points = [{ attributes, startTimeMs: 0, timeMs: NOW, value: 1 }];
    return { name: 'orders', unit: '', kind: 'gauge', points };
  };
  const store = (resource: OtelAttributes, attributes: OtelAttributes, sender?: string) =>
    createServer()({
      ...{ sender, resource: { 'service.name': 'shop', ...resource }, scope: 'test' },
      metrics: [gauge(attributes)],
      spans: [createSpan(1, attributes)],
    }).metrics;

  it.each(['resource', 'point'])(
    'of different tenants stay different in a %s, or are omitted',
    (place) => {
      const stored = ORGANIZATIONS.map((id) => {
        const ids = { [ORGANIZATION]: id, [PROPERTY]: id };
        const rows = place === 'resource' ? store(ids, {}) : store({}, ids);
        const texts = rows.flatMap((row) => [row.organizationId, row.propertyId]);
        expect(new Set(texts).size).toBe(1);
        expect(rows.every(({ tags = '' }) => !tags.includes('perfscope.'))).toBe(true);
        return texts[0];
      });
      expect(stored).toEqual(expected);
    },
  );

  it("are not replaced by another tenant's ID if they are invalid", () => {
    const ids = { [ORGANIZATION]: 'alpha', [PROPERTY]: 'north' };
    const rows = store(ids, { [ORGANIZATION]: 'beta\0', [PROPERTY]: 'x'.repeat(513) });
    expect(rows.length).toBeGreaterThan(1);
    for (const row of rows) {
      expect([row.organizationId, row.propertyId]).toEqual([undefined, undefined]);
    }
  });

  it('of a user are stored only in samples, and never shortened', () => {
    const users = ['anna@hotel.example', 'x'.repeat(513), 'beta\0'].map((id) => {
      const rows = store({ [USER]: 'nobody' }, { [USER]: id }, 'alpha');
      expect(JSON.stringify(rows.map(({ userId: _, ...rest }) => rest))).not.toContain(id);
      return rows.map(({ userId }) => userId).filter((user) => user !== undefined);
    });
    expect(users).toEqual([['anna@hotel.example'], [], []]);
  });

  it('of spans distinguish them only within a resource, because senders choose them', () => {
    const converter = new SpanConverter({
      ...{ tenantAttributes, retentionMs: 86_400_000, memory: new SpanRowMemory() },
    });
    const series = new CumulativeSeries({ sinceMs: 0 });
    const resources = ['alpha', 'beta', 'alpha'].map((id) => ({
      resource: { 'service.name': 'shop', [ORGANIZATION]: id },
      scopes: [{ scope: { name: 'test' }, spans: [createSpan(1)] }],
    }));
    const transaction = series.begin(NOW);
    const { metrics, ignored } = converter.convert(resources, { transaction, nowMs: NOW });
    const counted = metrics.filter(({ metricType }) => metricType === 'API_RESPONSE_TIME');
    expect(new Set(counted.map(({ organizationId }) => organizationId))).toEqual(
      new Set(['alpha', 'beta']),
    );
    expect([...ignored]).toEqual([['duplicate', 1]]);
  });
});
