import { metrics } from '@opentelemetry/api';
import { afterAll, expect, it } from 'vitest';
import { Histograms } from '../../src/instrumentation/histograms.ts';
import { Metering } from '../../src/metering.ts';
import type { PerformanceMetric } from '../../src/schema/performance-metrics.ts';
import { DroppedRows } from '../../src/write/dropped.ts';

const rows: PerformanceMetric[] = [];
let spoolBytes = 0;
const histograms = new Histograms(() => {});
const metering = new Metering({
  origin: { service: 'booking', instance: 'b1' },
  readers: [],
  exportIntervalMs: 30_000,
  ignoreRoutes: [],
  histograms,
  dropped: new DroppedRows(),
  spoolBytes: () => spoolBytes,
  add: (table, added) => {
    if (table === 'performance_metrics') rows.push(...(added as readonly PerformanceMetric[]));
  },
  isOwnServer: () => false,
  onRequest: () => {},
  onOverflow: () => {},
  tenantOf: () => ({}),
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
  metering.flushNow();
  observed();
  const counts = rows.filter(({ name }) => name === 'work.duration').map(({ count }) => count);
  expect(counts).toEqual([3]);
});
