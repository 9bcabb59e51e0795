import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterAll, beforeEach, expect, it } from 'vitest';
import {
  createPrometheusReader,
  formatPrometheusMetrics,
} from '../../../src/agent/export/prometheus-exporter.ts';
import { HistogramRegistry } from '../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { OtelMetrics } from '../../../src/agent/otel-metrics.ts';
import { createWriteMetrics } from '../../../src/agent/write-metrics.ts';
import type { PerformanceMetricRow } from '../../../src/core/schema/tables/performance-metrics-table.ts';
import { VERSION } from '../../../src/core/version.ts';
import { DroppedRowCounter } from '../../../src/storage/spool/dropped-rows.ts';
import type { WriteStats } from '../../../src/storage/write/write-stats.ts';

const STATS: WriteStats = {
  recordedRows: 100,
  bufferedRows: 0,
  storedRows: 70,
  waitingRows: 20,
  waitingBytes: 12_345,
  lagMs: 1500,
  failedRequests: 3,
  deadLetterRows: 4,
  freeDiskBytes: 5e9,
  droppedRows: {},
};
const rows: PerformanceMetricRow[] = [];
let stats: WriteStats | undefined;
const dropped = new DroppedRowCounter();
const otelMetrics = new OtelMetrics({
  resource: { service: 'booking', instance: 'b1' },
  readers: [],
  exportIntervalMs: 30_000,
  ignoreRoutes: [],
  streamRoutes: [],
  histograms: new HistogramRegistry(() => {}),
  dropped,
  getWriteStats: () => stats,
  add: (table, added) => {
    if (table === 'performance_metrics') rows.push(...(added as readonly PerformanceMetricRow[]));
  },
  isOwnServer: () => false,
  onRequest: () => {},
  onOverflow: () => {},
  resolveTenant: () => ({}),
});
beforeEach(() => {
  rows.length = 0;
});
afterAll(() => otelMetrics.stop());

/** Ends an interval, and returns the values of the write pipeline by name. */
async function exportValues(): Promise<Record<string, number | undefined>> {
  rows.length = 0;
  await otelMetrics.flush();
  const own = rows.filter(({ name }) => /^perfscope\.(rows|spool|write)\./.test(name ?? ''));
  return Object.fromEntries(own.map(({ name, value }) => [name, value]));
}

it('exports the size of the spool and the agent version, even before the writer exists', async () => {
  stats = undefined;
  expect(await exportValues()).toEqual({ 'perfscope.spool.size': 0 });
  const [size] = rows.filter(({ name }) => name === 'perfscope.spool.size');
  expect(size).toMatchObject({ metricType: 'CUSTOM', unit: 'By', service: 'booking' });
  expect(JSON.parse(String(size?.tags))).toEqual({
    'telemetry.distro.name': 'perfscope',
    'telemetry.distro.version': VERSION,
  });
});

it('exports increases of counters and the current values of gauges as rows', async () => {
  stats = STATS;
  const gauges = {
    'perfscope.spool.rows': 20,
    'perfscope.spool.size': 12_345,
    'perfscope.spool.lag': 1500,
    'perfscope.spool.dead_letters': 4,
    'perfscope.spool.disk.free': 5e9,
  };
  expect(await exportValues()).toEqual({
    'perfscope.rows.recorded': 100,
    'perfscope.rows.stored': 70,
    'perfscope.write.retries': 3,
    ...gauges,
  });
  const [lag] = rows.filter(({ name }) => name === 'perfscope.spool.lag');
  expect(lag?.unit).toBe('ms');
  stats = { ...STATS, recordedRows: 101, storedRows: 90, failedRequests: 3 };
  dropped.add('expired', 2);
  expect(await exportValues()).toEqual({
    'perfscope.rows.recorded': 1,
    'perfscope.rows.stored': 20,
    'perfscope.write.retries': 0,
    'perfscope.rows.dropped': 2,
    ...gauges,
  });
  expect(rows.find(({ name }) => name === 'perfscope.rows.dropped')?.operation).toBe('expired');
});

it('exports no lag of an empty spool, and no unknown free space', async () => {
  stats = { ...STATS, waitingRows: 0, waitingBytes: 0, lagMs: undefined, freeDiskBytes: undefined };
  const values = await exportValues();
  expect(values).toMatchObject({ 'perfscope.spool.rows': 0, 'perfscope.spool.lag': 0 });
  expect(values).not.toHaveProperty('perfscope.spool.disk.free');
});

it('is available to Prometheus, with totals', async () => {
  const reader = createPrometheusReader(new HistogramRegistry(() => {}).createCumulativeProducer());
  const provider = new MeterProvider({ readers: [reader] });
  createWriteMetrics(provider, { dropped, getWriteStats: () => STATS });
  const text = await formatPrometheusMetrics(reader);
  const values = Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.startsWith('perfscope_'))
      .map((line) => [line.split(/[{ ]/)[0], Number(line.split(' ').at(-1))]),
  );
  expect(values).toMatchInlineSnapshot(`
    {
      "perfscope_rows_dropped_total": 2,
      "perfscope_rows_recorded_total": 100,
      "perfscope_rows_stored_total": 70,
      "perfscope_spool_dead_letters": 4,
      "perfscope_spool_disk_free": 5000000000,
      "perfscope_spool_lag": 1.5,
      "perfscope_spool_rows": 20,
      "perfscope_spool_size": 12345,
      "perfscope_write_retries_total": 3,
    }
  `);
  await provider.shutdown();
});

it('exports the dropped rows when the process exits', () => {
  dropped.add('expired', 3);
  dropped.add('spool_full', 4);
  rows.length = 0;
  otelMetrics.flushSync();
  const own = rows.filter(({ name }) => name === 'perfscope.rows.dropped');
  expect(own.map(({ operation, value }) => [operation, value])).toEqual([
    ['expired', 3],
    ['spool_full', 4],
  ]);
});
