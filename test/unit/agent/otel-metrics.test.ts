import { metrics } from '@opentelemetry/api';
import { afterAll, expect, it } from 'vitest';
import { HistogramRegistry } from '../../../src/agent/instrumentation/histogram-registry.ts';
import { OtelMetrics } from '../../../src/agent/otel-metrics.ts';
import type { PerformanceMetricRow } from '../../../src/core/schema/tables/performance-metrics-table.ts';
import { DroppedRowCounter } from '../../../src/storage/write/dropped-rows.ts';

const rows: PerformanceMetricRow[] = [];
let spoolBytes = 0;
const histograms = new HistogramRegistry(() => {});
const metering = new OtelMetrics({
  resource: { service: 'booking', instance: 'b1' },
  readers: [],
  exportIntervalMs: 30_000,
  ignoreRoutes: [],
  histograms,
  dropped: new DroppedRowCounter(),
  getSpoolBytes: () => spoolBytes,
  add: (table, added) => {
    if (table === 'performance_metrics') rows.push(...(added as readonly PerformanceMetricRow[]));
  },
  isOwnServer: () => false,
  onRequest: () => {},
  onOverflow: () => {},
  resolveTenant: () => ({}),
});
afterAll(() => metering.stop());

it('tells the size of the spool in each interval, also that it is empty again', async () => {
  for (const bytes of [0, 12_345, 0]) {
    spoolBytes = bytes;
    await metering.flush();
  }
  const sizes = rows.filter(({ name }) => name === 'perfscope.spool.size');
  expect(sizes.map(({ value }) => value)).toEqual([0, 12_345, 0]);
  expect(sizes[0]).toMatchObject({ metricType: 'CUSTOM', unit: 'By', service: 'booking' });
});

it('keeps what was measured when the process ends while an application still observes', async () => {
  let observed = () => {};
  const slow = new Promise<void>((resolve) => {
    observed = resolve;
  });
  const gauge = metrics.getMeter('application').createObservableGauge('slow');
  gauge.addCallback(() => slow);
  const histogram = histograms.create({
    scope: 'test',
    name: 'work.duration',
    unit: 's',
    description: '',
    boundaries: [],
  });
  for (let i = 0; i < 3; i++) histogram.record(0.1, 'a', () => ({}));
  void metering.flush();
  await new Promise(setImmediate);
  metering.flushSync();
  observed();
  const counts = rows.filter(({ name }) => name === 'work.duration').map(({ count }) => count);
  expect(counts).toEqual([3]);
});
