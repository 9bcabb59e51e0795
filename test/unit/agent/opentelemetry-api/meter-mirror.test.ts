import type { MeterProvider as ApiMeterProvider, Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApplicationMeterProvider } from '../../../../src/agent/opentelemetry-api/application-meters.ts';
import { MeterMirror } from '../../../../src/agent/opentelemetry-api/meter-mirror.ts';

/** An SDK that keeps exported metrics. */
class MemorySdk {
  readonly exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  readonly provider: MeterProvider;

  constructor(hasReader = true) {
    const { exporter } = this;
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e6 });
    this.provider = new MeterProvider({ readers: hasReader ? [reader] : [] });
  }

  /** Returns `[name, attributes, value]` of each point since the last call. */
  async collect(): Promise<unknown[][]> {
    this.exporter.reset();
    await this.provider.forceFlush();
    return this.exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
      .flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => [
          descriptor.name,
          attributes,
          typeof value === 'object' ? value.sum : value,
        ]),
      );
  }
}

let application: MemorySdk;
let perfscope: MemorySdk;
let registered: ApiMeterProvider | undefined;
let mirror: MeterMirror;

function start(hasReader = true): void {
  application = new MemorySdk(hasReader);
  perfscope = new MemorySdk();
  registered = application.provider;
  mirror = new MeterMirror({
    provider: new ApplicationMeterProvider(perfscope.provider, () => {}),
    isRegistered: (provider) => provider === registered,
  });
  mirror.mirror(application.provider);
}
beforeEach(() => start());
afterEach(() => vi.useRealTimers());

it('records each value in both providers', async () => {
  const meter = application.provider.getMeter('app', '1.0');
  const attributes = { a: 1 };
  meter.createCounter('counter').add(1, attributes);
  meter.createUpDownCounter('upDown').add(-2, attributes);
  meter.createHistogram('histogram').record(3, attributes);
  meter.createGauge('gauge').record(4, attributes);
  const expected = [
    ['counter', attributes, 1],
    ['upDown', attributes, -2],
    ['histogram', attributes, 3],
    ['gauge', attributes, 4],
  ];
  expect(await application.collect()).toEqual(expected);
  expect(await perfscope.collect()).toEqual(expected);
});

it('keeps the identity, the class, and the enumerable properties of all objects', () => {
  const { provider } = application;
  const plain = new MemorySdk().provider;
  const meter = provider.getMeter('app');
  const plainMeter = plain.getMeter('app');
  expect(provider.getMeter('app')).toBe(meter);
  expect(Object.keys(provider)).toEqual(Object.keys(plain));
  expect(Object.keys(meter)).toEqual(Object.keys(plainMeter));
  expect(meter.createCounter('a')).toBeInstanceOf(plainMeter.createCounter('a').constructor);
  expect(Object.keys(meter.createCounter('a'))).toEqual(Object.keys(plainMeter.createCounter('a')));
  expect([meter.createCounter.name, meter.createCounter.length]).toEqual(['createCounter', 2]);
});

it('throws the errors of the application SDK', async () => {
  const counter = application.provider.getMeter('app').createCounter('orders');
  expect(() => counter.add(1, null as unknown as Attributes)).toThrow(TypeError);
  counter.add(2);
  expect(await perfscope.collect()).toEqual([['orders', {}, 2]]);
});

it('calls each callback once for each collection of the application SDK', async () => {
  const meter = application.provider.getMeter('app');
  let requests = 7;
  const takeRequests = vi.fn((result: { observe(value: number): void }) => {
    result.observe(requests);
    requests = 0;
  });
  const gauge = meter.createObservableGauge('requests.since.last.call');
  gauge.addCallback(takeRequests);
  await perfscope.collect();
  expect(takeRequests).not.toHaveBeenCalled();
  expect(await application.collect()).toEqual([['requests.since.last.call', {}, 7]]);
  expect(await perfscope.collect()).toEqual([['requests.since.last.call', {}, 7]]);
  expect(takeRequests).toHaveBeenCalledTimes(1);
  gauge.removeCallback(takeRequests);
  await application.collect();
  expect(takeRequests).toHaveBeenCalledTimes(1);
  expect(await perfscope.collect()).toEqual([]);
});

it('passes the values of batch callbacks to both providers', async () => {
  const meter = application.provider.getMeter('app');
  const used = meter.createObservableGauge('used');
  const free = meter.createObservableGauge('free');
  const observe = async (result: {
    observe(metric: typeof used, value: number, attributes?: Attributes): void;
  }) => {
    await null;
    result.observe(used, 1, { pool: 'a' });
    result.observe(free, 2);
  };
  meter.addBatchObservableCallback(observe, [used, free]);
  const expected = [
    ['used', { pool: 'a' }, 1],
    ['free', {}, 2],
  ];
  expect(await application.collect()).toEqual(expected);
  expect(await perfscope.collect()).toEqual(expected);
  meter.removeBatchObservableCallback(observe, [used, free]);
  expect(await application.collect()).toEqual([]);
  expect(await perfscope.collect()).toEqual([]);
});

it('reports a callback error to the application SDK only', async () => {
  const gauge = application.provider.getMeter('app').createObservableGauge('rooms');
  let fails = false;
  gauge.addCallback((result) => {
    result.observe(5);
    if (fails) throw new Error('no connection');
  });
  expect(await application.collect()).toEqual([['rooms', {}, 5]]);
  fails = true;
  expect(await application.collect()).toEqual([]);
  expect(await perfscope.collect()).toEqual([['rooms', {}, 5]]);
});

it('calls the callbacks of a provider without a reader', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  start(false);
  const gauge = application.provider.getMeter('app').createObservableGauge('rooms');
  gauge.addCallback((result) => result.observe(5));
  expect(await perfscope.collect()).toEqual([]);
  vi.advanceTimersByTime(2 * 60_000);
  expect(await perfscope.collect()).toEqual([['rooms', {}, 5]]);
});

it('stops exporting values that the application SDK no longer collects', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const gauge = application.provider.getMeter('app').createObservableGauge('rooms');
  gauge.addCallback((result) => result.observe(5));
  await application.collect();
  vi.advanceTimersByTime(16 * 60_000);
  expect(await perfscope.collect()).toEqual([]);
});

it('does not record the meters of a provider that is not registered', async () => {
  registered = undefined;
  application.provider.getMeter('app').createCounter('orders').add(1);
  expect(await perfscope.collect()).toEqual([]);
  expect(await application.collect()).toEqual([['orders', {}, 1]]);
});

it('leaves the shared objects of a provider after its shutdown unchanged', async () => {
  await application.provider.shutdown();
  const meter = application.provider.getMeter('late');
  meter.createCounter('late').add(1);
  expect(Reflect.ownKeys(meter)).toEqual([]);
  expect(await perfscope.collect()).toEqual([]);
});

it('records no values of an instrument that a provider returns for several names', async () => {
  const shared = { add: () => {}, state: 1 };
  const meter = { createCounter: () => shared, state: 1 };
  const provider = { getMeter: () => meter } as unknown as ApiMeterProvider;
  registered = provider;
  mirror.mirror(provider);
  const first = provider.getMeter('app').createCounter('first');
  first.add(1);
  provider.getMeter('app').createCounter('second').add(1);
  first.add(1);
  expect(await perfscope.collect()).toEqual([['first', {}, 1]]);
});
