import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterAll, afterEach, beforeEach, expect, expectTypeOf, it, vi } from 'vitest';
import { BreakerRegistry } from '../../../../src/agent/breakers/breaker-registry.ts';
import { toMetricRows } from '../../../../src/agent/export/otel-metric-rows.ts';

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
const provider = new MeterProvider({ readers: [reader] });
metrics.setGlobalMeterProvider(provider);
afterAll(() => provider.shutdown());

let breakers: BreakerRegistry;
let name: string;
let nameCount = 0;
beforeEach(() => {
  vi.useFakeTimers();
  breakers = new BreakerRegistry();
  name = `gateway-${++nameCount}`;
});
afterEach(() => void vi.useRealTimers());

const getState = () => Object.fromEntries(breakers.getStates())[name];

/** Returns the values of a breaker metric, by outcome or state. */
async function readMetric(metric: string): Promise<Record<string, number>> {
  const flushed = reader.forceFlush();
  await vi.advanceTimersByTimeAsync(0);
  await flushed;
  const resource = { service: 'shop', instance: 'shop-1' };
  const last = exporter.getMetrics().at(-1);
  const rows = last ? toMetricRows(last.scopeMetrics, resource).metrics : [];
  return Object.fromEntries(
    rows
      .filter((row) => row.name === metric && row.endpoint === name)
      .map((row) => [row.operation ?? row.metricType, row.value ?? 0]),
  );
}

it('preserves `this`, the arguments, the result, and the type', async () => {
  const shop = {
    currency: 'EUR',
    pay: breakers.protect(
      async function (this: { currency: string }, amount: number) {
        return `${amount} ${this.currency}`;
      },
      { name },
    ),
  };
  expect(await shop.pay(5)).toBe('5 EUR');
  expectTypeOf(shop.pay).toEqualTypeOf<
    (this: { currency: string }, amount: number) => Promise<string>
  >();
  const either = breakers.protect(async (id: number) => id, { name, fallback: () => 'none' });
  expectTypeOf(either).returns.resolves.toEqualTypeOf<string | number>();
  const plain = breakers.protect((a: number, b: number) => a + b, { name });
  expect(await plain(1, 2)).toBe(3);
  expect(await breakers.protect(() => undefined, { name })()).toBeUndefined();
});

it('opens when too many calls fail, calls the fallback, and closes when a call succeeds', async () => {
  let isWorking = false;
  let called = 0;
  const pay = breakers.protect(
    async (amount: number) => {
      called += 1;
      if (!isWorking) throw new Error('refused');
      return `paid ${amount}`;
    },
    {
      name,
      volumeThreshold: 4,
      resetTimeoutMs: 50,
      fallback: (error: Error, amount: number) => `later ${amount}: ${error.message}`,
    },
  );
  for (let i = 0; i < 4; i++) expect(await pay(i)).toBe(`later ${i}: refused`);
  expect(getState()).toBe('open');
  expect(await pay(9)).toMatch(/^later 9: .* breaker is open/);
  expect(called).toBe(4);
  isWorking = true;
  vi.advanceTimersByTime(49);
  expect(getState()).toBe('open');
  vi.advanceTimersByTime(1);
  expect(getState()).toBe('half-open');
  expect(await pay(5)).toBe('paid 5');
  expect(getState()).toBe('closed');
  expect(await readMetric('perfscope.breaker.calls')).toEqual({
    failure: 4,
    fallback: 5,
    rejected: 1,
    success: 1,
  });
  expect(await readMetric('perfscope.breaker.transitions')).toEqual({
    open: 1,
    'half-open': 1,
    closed: 1,
  });
  expect(await readMetric('perfscope.breaker.state')).toEqual({ BREAKER_STATE: 0 });
});

it('counts a hanging call as one timeout', async () => {
  const callHanging = breakers.protect(() => new Promise(() => {}), {
    name,
    timeoutMs: 20,
    volumeThreshold: 1,
  });
  const call = expect(callHanging()).rejects.toMatchObject({ code: 'PS_BREAKER_TIMEOUT' });
  await vi.advanceTimersByTimeAsync(20);
  await call;
  await expect(callHanging()).rejects.toMatchObject({ code: 'PS_BREAKER_OPEN' });
  expect(await readMetric('perfscope.breaker.calls')).toEqual({ timeout: 1, rejected: 1 });
  expect(await readMetric('perfscope.breaker.state')).toEqual({ BREAKER_STATE: 2 });
});

it('does not open for errors that isFailure excludes', async () => {
  const find = breakers.protect(async () => Promise.reject(new RangeError('no such room')), {
    name,
    volumeThreshold: 1,
    isFailure: (error) => !(error instanceof RangeError),
    fallback: async () => 'none',
  });
  for (let i = 0; i < 5; i++) await expect(find()).rejects.toThrow('no such room');
  expect(getState()).toBe('closed');
});

it('is open while an alert forces the breaker open, and half-open afterward', async () => {
  let isWorking = true;
  const pay = breakers.protect(
    async () => {
      if (!isWorking) throw new Error('refused');
      return 'paid';
    },
    { name, volumeThreshold: 100, resetTimeoutMs: 3_600_000 },
  );
  breakers.setForced([{ name, leaseMs: 60_000 }]);
  await expect(pay()).rejects.toMatchObject({ code: 'PS_BREAKER_OPEN' });
  breakers.setForced([]);
  expect(getState()).toBe('half-open');
  isWorking = false;
  await expect(pay()).rejects.toThrow('refused');
  expect(getState()).toBe('open');
  breakers.setForced([{ name, leaseMs: 60_000 }]);
  breakers.setForced([]);
  isWorking = true;
  expect(await pay()).toBe('paid');
  expect(getState()).toBe('closed');
});

it('is half-open when its lease is not renewed', async () => {
  breakers.setForced([{ name, leaseMs: 60 }]);
  const pay = breakers.protect(async () => 'paid', { name });
  await expect(pay()).rejects.toMatchObject({ code: 'PS_BREAKER_OPEN' });
  vi.advanceTimersByTime(59);
  expect(getState()).toBe('open');
  vi.advanceTimersByTime(1);
  expect(getState()).toBe('half-open');
  expect(await pay()).toBe('paid');
  expect(getState()).toBe('closed');
});

it.each([
  { name: 'with space' },
  { timeoutMs: 0 },
  { timeoutMs: Number.NaN },
  { volumeThreshold: 0.5 },
  { errorThresholdPercentage: 101 },
  { resetTimeoutMs: -1 },
])('rejects %o', (options) => {
  expect(() => breakers.protect(async () => 1, { name, ...options })).toThrow(
    expect.objectContaining({ code: 'PS_BREAKER_INVALID' }),
  );
});
