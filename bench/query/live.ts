// A process of its own that exports what the estate's services measure, as it happens.
import { setTimeout as delay } from 'node:timers/promises';
import { DroppedRows } from '../../src/write/dropped.ts';
import { Writer } from '../../src/write/writer.ts';
import { CYCLE_MS, cycleOf, cycleRows, makeCycles, phaseMs } from './cycles.ts';
import type { LiveOptions, LiveReport } from './live-services.ts';
import { allSeries, SERVICES } from './series.ts';

/** A way to QuestDB that takes minutes is a figure like any other. */
const LONGEST_MS = 600_000;
const options = JSON.parse(process.argv[2]!) as LiveOptions;
const { target, spoolDir, instances, fromMs, flushIntervalMs, requestSeries } = options;
const cycles = makeCycles(allSeries(requestSeries));
const writer = new Writer({
  dropped: new DroppedRows(),
  spoolDir,
  spoolMaxBytes: 2 ** 30,
  retentionDays: 30,
  bufferSize: 100,
  flushIntervalMs,
  target: () => target,
  prepare: async () => {},
  log: { info: () => {}, warn: console.error, error: console.error },
});
const report: LiveReport = { rows: 0, metricRows: 0, delaysMs: [] };
const sending = new Set<Promise<void>>();
let stopping = false;
process.once('message', () => {
  stopping = true;
});
process.send?.('ready');

/** Exporters in the order in which their turns come within an interval. */
const exporters = Array.from({ length: instances }, (_, i) => i + 1)
  .flatMap((instance) =>
    Array.from({ length: SERVICES }, (_, service) => ({
      service,
      instance,
      atMs: phaseMs(service) + Math.floor(((instance - 1) * CYCLE_MS) / SERVICES / instances),
    })),
  )
  .sort((a, b) => a.atMs - b.atMs);

for (let step = Math.floor(fromMs / CYCLE_MS); !stopping; step++) {
  for (const { service, instance, atMs } of exporters) {
    const endMs = step * CYCLE_MS + atMs;
    if (endMs < fromMs) continue;
    while (Date.now() < endMs && !stopping) await delay(Math.min(100, endMs - Date.now()));
    if (stopping) break;
    const cycle = cycles[cycleOf(step, step * CYCLE_MS)]!;
    const { metrics, buckets } = cycleRows(cycle, service, endMs, instance);
    send(metrics.length + buckets.length, () => {
      writer.add('performance_metrics', metrics);
      writer.add('metric_buckets', buckets);
    });
    report.metricRows += metrics.length;
  }
}
await Promise.all(sending);
await writer.close();
process.send?.(report, () => process.disconnect?.());

/** Notes how long the rows were on their way, from `add` to QuestDB's acknowledgement. */
function send(rows: number, add: () => void): void {
  const startMs = performance.now();
  add();
  report.rows += rows;
  const sent = writer.flush(LONGEST_MS).then(() => {
    report.delaysMs.push(performance.now() - startMs);
    sending.delete(sent);
  });
  sending.add(sent);
}
