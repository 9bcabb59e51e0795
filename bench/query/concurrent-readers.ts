import { setTimeout as delay } from 'node:timers/promises';
import { DAY_MS } from '../../src/core/duration.ts';
import {
  createOrganizationScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../src/core/tenant-scope.ts';
import { getRangeUntilNow } from '../../src/storage/queries/time-range.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';
import { waitForWal } from '../../test/support/wait-for-rollups.ts';
import { queryWholeDashboard } from './dashboard-panels.ts';
import { CYCLE_MS, getCycleIndex, toCycleRows } from './export-cycles.ts';
import { LatencyRecorder } from './latency-recorder.ts';
import type { LiveReport } from './live-services.ts';
import { formatOrganization, SERVICE_COUNT } from './metric-series.ts';
import type { ServiceFleet } from './service-fleet.ts';
import { WAL_TIMEOUT_MS } from './write-history.ts';

export const READER_COUNT = 20;
/** Pause between two reads: one fifth of Grafana's shortest refresh interval. */
const PAUSE_MS = 1000;
/** Time for the services to start, and then to reach a steady state. */
const START_DELAY_MS = 3000;
/** Perfscope's default flush interval. */
export const FLUSH_INTERVAL_MS = 30_000;

export interface ReadersReport extends LiveReport {
  rowsPerSecond: number;
  /**
   * Query times in ms: `everything` for readers of all data, `own` for readers of one organization each. The
   * first read of each reader is recorded separately, as `first everything` and `first own`.
   */
  times: LatencyRecorder;
  dashboards: number;
}

/**
 * Runs many readers while many services export. Each reader requests the dashboard for one day, and requests it
 * again one second after each response.
 */
export async function readWhileWriting(
  fleet: ServiceFleet,
  queryClient: QueryClient,
  { rowsPerSecond, seconds }: { rowsPerSecond: number; seconds: number },
): Promise<ReadersReport> {
  const nowMs = Date.now();
  const instances = Math.ceil((rowsPerSecond * CYCLE_MS) / 1000 / countRowsPerCycle(fleet, nowMs));
  await fleet.stopServices();
  const before = await countStoredRows(fleet);
  const fromMs = Date.now() + START_DELAY_MS;
  await fleet.startServices(instances, fromMs, FLUSH_INTERVAL_MS);
  await delay(fromMs - Date.now() + START_DELAY_MS);
  const times = new LatencyRecorder();
  await runReaders(queryClient, times, 'everything', seconds, () => UNRESTRICTED_SCOPE);
  await runReaders(queryClient, times, 'own', seconds, (i) =>
    createOrganizationScope(formatOrganization(i)),
  );
  const elapsedMs = Date.now() - fromMs;
  const report = await fleet.stopServices();
  if (!report) throw new Error('no services were exporting');
  const rows = (await countStoredRows(fleet)) - before;
  if (rows !== report.rows) throw new Error(`expected ${report.rows} stored rows, found ${rows}`);
  const dashboards = times.count('everything') + times.count('own');
  return { ...report, times, dashboards, rowsPerSecond: (1000 * rows) / elapsedMs };
}

async function runReaders(
  queryClient: QueryClient,
  times: LatencyRecorder,
  name: string,
  seconds: number,
  getScope: (reader: number) => TenantScope,
): Promise<void> {
  const endMs = Date.now() + 1000 * seconds;
  await Promise.all(
    Array.from({ length: READER_COUNT }, async (_, i) => {
      const scope = getScope(i);
      const read = (label: string) =>
        times.measure(label, () =>
          queryWholeDashboard(queryClient, { scope, range: getRangeUntilNow(DAY_MS) }),
        );
      await read(`first ${name}`);
      while (Date.now() < endMs) {
        await delay(PAUSE_MS);
        await read(name);
      }
    }),
  );
}

/** Returns the number of rows that one process of each service exports per interval at this time of day. */
function countRowsPerCycle({ cycles }: ServiceFleet, nowMs: number): number {
  const cycle = cycles[getCycleIndex(0, nowMs)]!;
  const all = Array.from({ length: SERVICE_COUNT }, (_, service) =>
    toCycleRows(cycle, service, nowMs),
  );
  return all.reduce((sum, { metrics, buckets }) => sum + metrics.length + buckets.length, 0);
}

async function countStoredRows({ questdb }: ServiceFleet): Promise<number> {
  await waitForWal(questdb, WAL_TIMEOUT_MS);
  const [[count] = []] = await questdb.sql(
    'SELECT sum(n) FROM (SELECT count() n FROM performance_metrics UNION ALL SELECT count() n FROM metric_buckets)',
  );
  return Number(count);
}
