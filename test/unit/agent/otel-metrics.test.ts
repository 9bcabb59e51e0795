import { metrics } from '@opentelemetry/api';
import { afterAll, expect, it } from 'vitest';
import { HistogramRegistry } from '../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { OtelMetrics } from '../../../src/agent/otel-metrics.ts';
import { runGuarded } from '../../../src/core/guard.ts';
import type { PerformanceMetricRow } from '../../../src/core/schema/tables/performance-metrics-table.ts';
import { DroppedRowCounter } from '../../../src/storage/spool/dropped-rows.ts';

const rows: PerformanceMetricRow[] = [];
const histograms = new HistogramRegistry(() => {});
const otelMetrics = new OtelMetrics({
  resource: { service: 'booking', instance: 'b1' },
  readers: [],
  exportIntervalMs: 30_000,
  ignoreRoutes: [],
  streamRoutes: [],
  histograms,
  dropped: new DroppedRowCounter(),
  getWriteStats: () => undefined,
  add: (table, addedRows) => {
    if (table === 'performance_metrics') {
      rows.push(...(addedRows as readonly PerformanceMetricRow[]));
    }
  },
  isOwnServer: () => false,
  onRequest: () => {},
  onOverflow: () => {},
  resolveTenant: () => ({}),
});
afterAll(() => otelMetrics.stop());

it('counts the failures of the agent by part', async () => {
  for (let i = 0; i < 3; i++) {
    runGuarded('the test', () => {
      throw new Error('broken');
    });
  }
  await otelMetrics.flush();
  const failures = rows.filter(
    ({ name, operation }) => name === 'perfscope.agent.failures' && operation === 'the test',
  );
  expect(failures.map(({ value, unit }) => [value, unit])).toEqual([[3, '{failure}']]);
});

it('exports histograms once if the process exits during an observable callback', async () => {
  let finishCallback = () => {};
  const callbackFinished = new Promise<void>((resolve) => {
    finishCallback = resolve;
  });
  const gauge = metrics.getMeter('application').createObservableGauge('slow');
  gauge.addCallback(() => callbackFinished);
  const histogram = histograms.create({
    scope: 'test',
    name: 'work.duration',
    unit: 's',
    description: '',
    boundaries: [],
  });
  for (const value of [0.1, Number.NaN, 0.1, Number.POSITIVE_INFINITY, 0.1]) {
    histogram.record(value, 'a', () => ({}));
  }
  void otelMetrics.flush();
  await new Promise(setImmediate);
  otelMetrics.flushSync();
  finishCallback();
  const recorded = rows.filter(({ name }) => name === 'work.duration');
  expect(recorded.map(({ count }) => count)).toEqual([3]);
  expect(recorded[0]?.sum).toBeCloseTo(300);
});
