import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Demo } from '../demo/demo.ts';
import { readDiscoveryFile } from '../src/core/config/server-discovery.ts';
import { MINUTE_MS } from '../src/core/duration.ts';
import { execSql } from '../test/support/exec-sql.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { getDiskUsageMb } from './disk-usage.ts';
import { atMost, type BenchOptions, type Report, roundToFourDigits } from './report.ts';

const SAMPLE_INTERVAL_MS = 10_000;
const MAX_DEMO_MB = 300;

/** Measures the disk usage of the data folder while the demo runs for an hour (quick: three minutes). */
export async function benchDisk({ quick, log }: BenchOptions): Promise<Report> {
  const minutes = quick ? 3 : 60;
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-bench-'));
  const runFolder = join(folder, 'run');
  const dataDir = join(folder, 'data');
  mkdirSync(runFolder);
  const demo = new Demo({
    fast: true,
    log,
    env: { XDG_RUNTIME_DIR: runFolder, PERFORMANCE_DATA_DIR: dataDir, PORT: '0' },
  });
  try {
    await demo.start();
    const endMs = performance.now() + minutes * MINUTE_MS;
    const usage = { peakMb: 0, lastMb: 0 };
    for (let sample = 1; performance.now() < endMs; sample++) {
      await delay(SAMPLE_INTERVAL_MS);
      usage.lastMb = await getDiskUsageMb(dataDir);
      usage.peakMb = Math.max(usage.peakMb, usage.lastMb);
      if (sample % 30 === 0) log(`${Math.round(usage.lastMb)} MB after ${sample / 6} min`);
    }
    const databaseMb = await getDiskUsageMb(join(dataDir, 'questdb/db'));
    const rows = await countRows(join(runFolder, 'perfscope/server.json'), demo);
    return {
      targets: [
        atMost(`largest disk usage in ${minutes} min of the demo`, usage.peakMb, MAX_DEMO_MB, 'MB'),
      ],
      details: {
        minutes,
        ...rows,
        megabytesAtEnd: roundToFourDigits(usage.lastMb),
        megabytesInTables: roundToFourDigits(databaseMb),
        files: (await readdir(dataDir, { recursive: true })).length,
      },
    };
  } finally {
    await demo.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Stops the traffic and waits until every request is stored. Returns the number of requests and rows. */
async function countRows(discoveryFile: string, demo: Demo) {
  await demo.stopService();
  const requests = [...demo.traffic!.responses.values()].reduce((sum, count) => sum + count, 0);
  if (requests === 0) throw new Error('the demo sent no requests');
  const target = readDiscoveryFile(discoveryFile)!.questdb.write;
  const stored = await waitFor(async () => {
    const [row] = await execSql(
      target,
      `SELECT sum(count) FROM performance_metrics
        WHERE service = 'booking' AND metric_type = 'API_RESPONSE_TIME'`,
    );
    return Number(row?.[0]) >= requests && Number(row?.[0]);
  });
  const [[metricRows, bucketRows] = []] = await execSql(
    target,
    `SELECT a.c, b.c FROM (SELECT count() c FROM performance_metrics) a
      CROSS JOIN (SELECT count() c FROM metric_buckets) b`,
  );
  return {
    requestsSent: requests,
    requestsStored: stored,
    metricRows: Number(metricRows),
    bucketRows: Number(bucketRows),
  };
}
