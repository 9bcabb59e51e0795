import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SdkResourceMetrics } from '../../../../src/agent/export/sdk-metric-types.ts';
import { PerfscopeMetricReader } from '../../../../src/agent/opentelemetry-sdk/metric-reader.ts';
import { QuestDBMetricExporter } from '../../../../src/agent/opentelemetry-sdk/questdb-metric-exporter.ts';

const { selectAggregation, selectAggregationTemporality } = QuestDBMetricExporter.prototype;
const exporter = {
  selectAggregation,
  selectAggregationTemporality,
  export: vi.fn((_metrics: SdkResourceMetrics, done: (result: { code: 0 }) => void) =>
    done({ code: 0 }),
  ),
  forceFlush: vi.fn(async () => {}),
  shutdown: vi.fn(async () => {}),
};
let reader: PerfscopeMetricReader;
let provider: MeterProvider;

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  reader = new PerfscopeMetricReader(exporter as unknown as QuestDBMetricExporter, 1000);
  provider = new MeterProvider({ readers: [reader] });
});
afterEach(async () => {
  await provider.shutdown().catch(() => {});
  vi.useRealTimers();
});

/** Returns name and value of the points in each export. */
function listExports(): unknown[][] {
  return exporter.export.mock.calls.map(([{ scopeMetrics }]) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ value }) => [descriptor.name, (value as { sum?: number }).sum ?? value]),
      ),
    ),
  );
}

it('exports each interval', async () => {
  const orders = provider.getMeter('app').createCounter('orders');
  orders.add(1);
  await vi.advanceTimersByTimeAsync(1000);
  orders.add(2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(listExports()).toEqual([[['orders', 1]], [['orders', 2]]]);
});

it('exports the last interval synchronously when the process ends', async () => {
  const meter = provider.getMeter('app');
  meter.createHistogram('price').record(80);
  meter.createGauge('temperature').record(21);
  reader.exportSync();
  reader.exportSync();
  expect(listExports()).toEqual([[['price', 80]], []]);
});

it('exports nothing more after the shutdown', async () => {
  provider.getMeter('app').createUpDownCounter('guests').add(1);
  await provider.shutdown();
  reader.exportSync();
  expect(listExports()).toEqual([[['guests', 1]]]);
  expect(exporter.shutdown).toHaveBeenCalledOnce();
});

it('does nothing without a meter provider', () => {
  new PerfscopeMetricReader(exporter as unknown as QuestDBMetricExporter, 1000).exportSync();
  expect(exporter.export).not.toHaveBeenCalled();
});
