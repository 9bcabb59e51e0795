import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createPrometheusReader,
  formatPrometheusMetrics,
  type PrometheusReader,
} from '../../../../src/agent/export/prometheus-exporter.ts';
import { HistogramRegistry } from '../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { ApplicationMeterProvider } from '../../../../src/agent/opentelemetry-api/application-meters.ts';
import { getGuardFailures } from '../../../../src/core/guard.ts';
import { parsePrometheusText } from '../../../support/parse-prometheus-text.ts';

// biome-ignore lint/suspicious/noExplicitAny: applications pass values of any type.
type Any = any;

let prometheus: PrometheusReader;
let exporter: InMemoryMetricExporter;
let sdk: MeterProvider;
let overflows = 0;
let provider: ApplicationMeterProvider;

function start(): void {
  const histograms = new HistogramRegistry(() => {});
  prometheus = createPrometheusReader(histograms.createCumulativeProducer());
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter });
  sdk = new MeterProvider({ readers: [prometheus, reader] });
  overflows = 0;
  provider = new ApplicationMeterProvider(sdk, () => {
    overflows += 1;
  });
}
beforeEach(start);
afterEach(() => sdk.shutdown());

/** Returns `[attributes, value]` of each point of an instrument. */
async function collect(name: string): Promise<unknown[][]> {
  exporter.reset();
  await sdk.forceFlush();
  const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
  return metrics
    .flatMap((scope) => scope.metrics)
    .filter(({ descriptor }) => descriptor.name === name)
    .flatMap(({ dataPoints }) =>
      dataPoints.map(({ attributes, value }) => [
        attributes,
        typeof value === 'object' ? [value.count, value.sum] : value,
      ]),
    );
}

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
const throwing = {
  get broken() {
    throw new Error('broken getter');
  },
  ok: 'kept',
};
const throwingProxy = new Proxy(
  {},
  {
    ownKeys: () => {
      throw new Error('broken proxy');
    },
  },
);

describe('attributes', () => {
  it.each([
    ['null', null, {}],
    ['a text', 'text', {}],
    ['a BigInt', { id: 12n }, { id: '12' }],
    ['a cyclic object', { cyclic, ok: 1 }, { ok: 1 }],
    ['functions and symbols', { a: () => {}, b: Symbol('b'), [Symbol('c')]: 1, ok: 1 }, { ok: 1 }],
    ['undefined and null', { a: undefined, b: null, ok: 1 }, { ok: 1 }],
    ['a getter that throws', throwing, { ok: 'kept' }],
    ['a proxy that throws', throwingProxy, {}],
    ['numbers that are not finite', { a: Number.NaN, b: -Infinity }, { a: 'NaN', b: '-Infinity' }],
    ['an object', { a: { b: 1n } }, { a: '{"b":"1"}' }],
    ['a date', { a: new Date(0) }, { a: '1970-01-01T00:00:00.000Z' }],
    ['an invalid date', { a: new Date(Number.NaN), ok: 1 }, { ok: 1 }],
    ['an array', { a: [1, 2n, [3], null] }, { a: [1, '2', '[3]', null] }],
    ['a huge text', { a: 'x'.repeat(1e6), ok: 1 }, { ok: 1, 'perfscope.tags.dropped': true }],
    ['a huge name', { ['x'.repeat(1e6)]: 1, ok: 1 }, { ok: 1, 'perfscope.tags.dropped': true }],
  ])('accepts %s', async (_case, attributes, expected) => {
    const meter = provider.getMeter('test');
    meter.createCounter('orders').add(1, attributes as Any);
    const gauge = meter.createObservableGauge('rooms');
    gauge.addCallback((result) => result.observe(2, attributes as Any));
    expect(await collect('orders')).toEqual([[expected, 1]]);
    expect(await collect('rooms')).toEqual([[expected, 2]]);
    parsePrometheusText(`${await formatPrometheusMetrics(prometheus)}\n`);
  });

  it('uses the same series for the same attributes in any order', async () => {
    const counter = provider.getMeter('test').createCounter('orders');
    const attributes: Record<string, unknown> = { a: 1, b: '2' };
    counter.add(1, attributes as Any);
    attributes.a = 5;
    counter.add(1, { b: '2', a: 1 });
    expect(await collect('orders')).toEqual([[{ a: 1, b: '2' }, 2]]);
  });

  it('bounds 10,000 attributes', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => [`name${i}`, i]);
    provider.getMeter('test').createCounter('orders').add(1, Object.fromEntries(names));
    const [[attributes] = []] = await collect('orders');
    expect(Object.keys(attributes as object)).toHaveLength(128);
  });
});

it.each([
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a value whose sum overflows', Number.MAX_VALUE],
  ['a text', '1'],
  ['a BigInt', 1n],
  ['undefined', undefined],
  ['an object', {}],
])('ignores %s, and continues the series', async (_case, value) => {
  const meter = provider.getMeter('test');
  const instruments = [
    meter.createCounter('counter').add,
    meter.createHistogram('histogram').record,
    meter.createUpDownCounter('upDown').add,
    meter.createGauge('gauge').record,
  ];
  const observable = meter.createObservableCounter('observable');
  observable.addCallback((result) => {
    result.observe(3);
    result.observe(value as Any);
  });
  for (const record of instruments) {
    record(1);
    record(value as Any);
    record(value as Any);
    record(2);
  }
  expect(await collect('counter')).toEqual([[{}, 3]]);
  expect(await collect('histogram')).toEqual([[{}, [2, 3]]]);
  expect(await collect('upDown')).toEqual([[{}, 3]]);
  expect(await collect('gauge')).toEqual([[{}, 2]]);
  expect(await collect('observable')).toEqual([[{}, 3]]);
});

it('ignores negative values where OpenTelemetry does', async () => {
  const meter = provider.getMeter('test');
  meter.createCounter('counter').add(-1);
  meter.createHistogram('histogram').record(-1);
  meter.createUpDownCounter('upDown').add(-1);
  expect(await collect('counter')).toEqual([]);
  expect(await collect('histogram')).toEqual([]);
  expect(await collect('upDown')).toEqual([[{}, -1]]);
});

it('limits the series of an instrument that is created for each value', async () => {
  for (let i = 0; i < 3000; i++) {
    provider.getMeter('test').createCounter('orders').add(1, { i });
  }
  const points = await collect('orders');
  expect(points).toHaveLength(1901);
  expect(points.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(3000);
  expect(overflows).toBe(1100);
});

it('calls the other callbacks if a callback throws, rejects, or is invalid', async () => {
  const meter = provider.getMeter('test');
  const gauge = meter.createObservableGauge('rooms');
  const observe = (result: Any) => result.observe(7, { kind: 'removed' });
  gauge.addCallback(() => {
    throw new Error('broken');
  });
  gauge.addCallback(async () => {
    throw new Error('broken');
  });
  gauge.addCallback(undefined as Any);
  gauge.addCallback(observe);
  gauge.removeCallback(observe);
  const second = meter.createObservableGauge('second');
  let batchCalls = 0;
  const observeBatch = (result: Any) => {
    batchCalls += 1;
    result.observe(gauge, 5);
    result.observe(second, 6);
    result.observe(null, 1);
    result.observe({}, 1);
  };
  meter.addBatchObservableCallback(observeBatch, [gauge, second]);
  meter.addBatchObservableCallback(null as Any, null as Any);
  const errors = getGuardFailures().size;
  expect(await collect('rooms')).toEqual([[{}, 5]]);
  expect(await collect('second')).toEqual([[{}, 6]]);
  meter.removeBatchObservableCallback(observeBatch, [gauge, second]);
  await collect('second');
  expect(batchCalls).toBe(2);
  expect(getGuardFailures().size).toBe(errors);
});

it('records nothing for the instruments that the agent records itself', async () => {
  const meter = provider.getMeter('@opentelemetry/instrumentation-http');
  meter.createHistogram('http.server.request.duration', { unit: 's' }).record(1);
  const queries = meter.createHistogram('db.client.operation.duration', { unit: 's' });
  queries.record(1, { 'db.system.name': 'postgresql' });
  queries.record(2, { 'db.system.name': 'mysql' });
  expect(await collect('http.server.request.duration')).toEqual([]);
  expect(await collect('db.client.operation.duration')).toEqual([
    [{ 'db.system.name': 'mysql' }, [1, 2]],
  ]);
});

/** Names that are equal or similar after their conversion to Prometheus names. */
const name = fc.oneof(
  fc.constantFrom(
    ...[
      'x',
      'x.count',
      'x_count',
      'x.sum',
      'x_bucket',
      'x.total',
      'X',
      'target.info',
      '',
      '9x',
      '日本',
    ],
  ),
  fc.string({ unit: 'binary' }),
  fc.anything(),
);
const attributes = fc.oneof(
  fc.dictionary(
    fc.oneof(
      fc.constantFrom(
        'a.b',
        'a-b',
        'a_b',
        'le',
        'quantile',
        '__name__',
        'otel.scope.name',
        '',
        '1',
      ),
      fc.string({ unit: 'binary' }),
    ),
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('a', 'b\n"\\', '\r\u2028', '\ud800'),
      fc.anything(),
    ),
    { maxKeys: 4 },
  ),
  fc.anything(),
);
const value = fc.oneof(fc.double(), fc.integer(), fc.bigInt(), fc.anything());
const options = fc.oneof(
  fc.record({
    unit: fc.constantFrom('', 's', 'By\n'),
    description: fc.string(),
    valueType: fc.nat(2),
  }),
  fc.record({ advice: fc.record({ explicitBucketBoundaries: fc.array(fc.double()) }) }),
  fc.anything(),
);
const kind = fc.constantFrom(
  ...(['createCounter', 'createUpDownCounter', 'createHistogram', 'createGauge'] as const),
  ...(['createObservableCounter', 'createObservableGauge'] as const),
);

it('never throws, and always exposes a valid text to Prometheus', async () => {
  const record = fc.tuple(fc.constantFrom('a', 'b', 'perfscope.http'), kind, name, options);
  const records = fc.array(fc.tuple(record, fc.array(fc.tuple(value, attributes))), {
    maxLength: 8,
  });
  const before = [...getGuardFailures()];
  await fc.assert(
    fc.asyncProperty(records, async (all) => {
      await sdk.shutdown();
      start();
      for (const [[scope, create, instrumentName, instrumentOptions], values] of all) {
        const meter = provider.getMeter(scope);
        const instrument = meter[create](instrumentName as Any, instrumentOptions as Any) as Any;
        const callback = (result: Any) => {
          for (const args of values) result.observe(...args);
        };
        if (instrument.addCallback) instrument.addCallback(callback);
        else for (const args of values) (instrument.add ?? instrument.record)(...args);
      }
      parsePrometheusText(`${await formatPrometheusMetrics(prometheus)}\n`);
    }),
    { numRuns: 200 },
  );
  expect([...getGuardFailures()]).toEqual(before);
});

describe('limits of meters and instruments', () => {
  const COUNT = 5000;
  const LIMIT = 1900;

  it('combines the counters and histograms over the limit, with exact totals', async () => {
    const meter = provider.getMeter('app');
    for (let i = 0; i < COUNT; i++) meter.createCounter(`counter.${i}`).add(1);
    for (let i = 0; i < COUNT; i++)
      meter.createHistogram(`histogram.${i}`, { unit: 's' }).record(2);
    for (let i = 0; i < COUNT; i++) meter.createGauge(`gauge.${i}`).record(3);
    meter.createCounter('counter.0').add(1);
    expect(await collect('counter.0')).toEqual([[{}, 2]]);
    expect(await collect('other.counter')).toEqual([[{}, COUNT - LIMIT]]);
    expect(await collect('other.histogram')).toEqual([[{}, [COUNT, 2 * COUNT]]]);
    const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    expect(metrics.flatMap((scope) => scope.metrics)).toHaveLength(LIMIT + 2);
    expect(overflows).toBe(3 * COUNT - LIMIT);
  });

  it('combines the meters over the limit', async () => {
    for (let i = 0; i < COUNT; i++) provider.getMeter(`library-${i}`).createCounter('calls').add(1);
    const points = await collect('calls');
    expect(points.length).toBeLessThanOrEqual(LIMIT + 1);
    const other = await collect('other.counter');
    const sum = [...points, ...other].reduce((total, [, value]) => total + Number(value), 0);
    expect(sum).toBe(COUNT);
  });
});
