// Exports the metrics of the benchmark's services in real time, in a separate process.
import { setTimeout as delay } from 'node:timers/promises';
import { DroppedRowCounter } from '../../src/storage/spool/dropped-rows.ts';
import { RowWriter } from '../../src/storage/write/row-writer.ts';
import { CYCLE_MS, getCycleIndex, getPhaseMs, makeCycles, toCycleRows } from './export-cycles.ts';
import type { LiveOptions, LiveReport } from './live-services.ts';
import { makeSeries, SERVICE_COUNT } from './metric-series.ts';

/** Long enough to record delays of several minutes instead of failing. */
const FLUSH_TIMEOUT_MS = 600_000;
const options = JSON.parse(process.argv[2]!) as LiveOptions;
const { target, spoolDir, instances, fromMs, flushIntervalMs, requestSeries } = options;
const cycles = makeCycles(makeSeries(requestSeries));
const writer = new RowWriter({
  dropped: new DroppedRowCounter(),
  spoolDir,
  spoolMaxBytes: 2 ** 30,
  retentionDays: 30,
  bufferSize: 100,
  flushIntervalMs,
  target: () => target,
  ensureTables: async () => {},
  log: { info: () => {}, warn: console.error, error: console.error },
});
const report: LiveReport = { rows: 0, metricRows: 0, delaysMs: [] };
const pendingFlushes = new Set<Promise<void>>();
let isStopping = false;
process.once('message', () => {
  isStopping = true;
});
process.send?.('ready');

/** Exporters in the order in which they export within an interval. */
const exporters = Array.from({ length: instances }, (_, i) => i + 1)
  .flatMap((instance) =>
    Array.from({ length: SERVICE_COUNT }, (_, service) => ({
      service,
      instance,
      atMs:
        getPhaseMs(service) + Math.floor(((instance - 1) * CYCLE_MS) / SERVICE_COUNT / instances),
    })),
  )
  .sort((a, b) => a.atMs - b.atMs);

for (let step = Math.floor(fromMs / CYCLE_MS); !isStopping; step++) {
  for (const { service, instance, atMs } of exporters) {
    const endMs = step * CYCLE_MS + atMs;
    if (endMs < fromMs) continue;
    while (Date.now() < endMs && !isStopping) await delay(Math.min(100, endMs - Date.now()));
    if (isStopping) break;
    const cycle = cycles[getCycleIndex(step, step * CYCLE_MS)]!;
    const { metrics, buckets } = toCycleRows(cycle, service, endMs, instance);
    sendRows(metrics.length + buckets.length, () => {
      writer.add('performance_metrics', metrics);
      writer.add('metric_buckets', buckets);
    });
    report.metricRows += metrics.length;
  }
}
await Promise.all(pendingFlushes);
await writer.close();
process.send?.(report, () => process.disconnect?.());

/** Sends rows and records the time from `add` to QuestDB's acknowledgment. */
function sendRows(rows: number, add: () => void): void {
  const startMs = performance.now();
  add();
  report.rows += rows;
  const sent = writer.flush(FLUSH_TIMEOUT_MS).then(() => {
    report.delaysMs.push(performance.now() - startMs);
    pendingFlushes.delete(sent);
  });
  pendingFlushes.add(sent);
}
