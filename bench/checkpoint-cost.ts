import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointCollector } from '../src/agent/export/checkpoint-collector.ts';
import { HistogramRegistry } from '../src/agent/instrumentation/histograms/histogram-registry.ts';
import { CheckpointFile } from '../src/storage/write/checkpoint-file.ts';
import { median } from './report.ts';

const CHECKPOINTS = 100;
/** Values of each series between two checkpoints. They are in about ten buckets. */
const VALUES = 20;
const INTERVAL_MS = 2000;

/** Measures the CPU time of a checkpoint in which `count` series have new values, as a share of one core. */
export async function measureCheckpointCost(count: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-checkpoint-'));
  const histograms = new HistogramRegistry(() => {});
  const histogram = histograms.create({
    scope: 'perfscope.http',
    name: 'http.server.request.duration',
    unit: 's',
    description: '',
    boundaries: [1],
  });
  const collector = new CheckpointCollector({
    resource: { service: 'shop', instance: 'shop-1', environment: 'production' },
    histograms,
    collectRows: () => [],
  });
  const file = new CheckpointFile(folder);
  const micros: number[] = [];
  let bytes = 0;
  try {
    for (let i = 0; i < CHECKPOINTS; i++) {
      for (let n = 0; n < count * VALUES; n++) {
        const route = `/hotels/:hotel/rooms/${n % count}`;
        const durationMs = 5 + ((n * 7919) % 13);
        histogram.record(durationMs / 1000, route, () => ({
          'http.request.method': 'GET',
          'url.scheme': 'https',
          'http.route': route,
          'http.response.status_code': 200,
          'perfscope.organization.id': `org-${n % 7}`,
        }));
      }
      // Without this, the collector limits its own CPU time.
      collector.startInterval();
      const before = process.cpuUsage();
      const entries = collector.collect() ?? [];
      await file.write(entries);
      const { user, system } = process.cpuUsage(before);
      micros.push(user + system);
      bytes = entries.join('\n').length;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const cpu = median(micros);
  const share = (100 * cpu) / (INTERVAL_MS * 1000);
  return `${Math.round(cpu)} µs and ${Math.round(bytes / 1000)} kB, ${share.toFixed(3)} % of a core every 2 s`;
}
