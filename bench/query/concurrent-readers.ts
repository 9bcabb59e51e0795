import { setTimeout as delay } from 'node:timers/promises';
import { DAY_MS } from '../../src/core/duration.ts';
import {
  createOrganizationScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../src/core/tenant-scope.ts';
import { getRangeUntilNow } from '../../src/storage/queries/query-range.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';
import { queryWholeDashboard } from './dashboard-panels.ts';
import { CYCLE_MS, getCycleIndex, toCycleRows } from './export-cycles.ts';
import { LatencyRecorder } from './latency-recorder.ts';
import type { LiveReport } from './live-services.ts';
import { formatOrganization, SERVICE_COUNT } from './metric-series.ts';
import type { ServiceFleet } from './service-fleet.ts';
import { waitForWal } from './write-history.ts';

export const READER_COUNT = 20;
/** Until a reader looks again: a fifth of what Grafana offers as its shortest. */
const PAUSE_MS = 1000;
/** Time for the services to start, and then to be under way. */
const START_DELAY_MS = 3000;
/** The default. */
export const FLUSH_INTERVAL_MS = 30_000;

export interface ReadersReport extends LiveReport {
  rowsPerSecond: number;
  /**
   * In ms: `everything` for readers who see all, `own` for readers of one organization each, and each
   * reader's first look apart, behind `first `.
   */
  times: LatencyRecorder;
  dashboards: number;
}

/**
 * Readers who look at the dashboard of a day, and again a second after each answer, while many services
 * export.
 */
export async function readWhileWriting(
  estate: ServiceFleet,
  store: QueryClient,
  { rowsPerSecond, seconds }: { rowsPerSecond: number; seconds: number },
): Promise<ReadersReport> {
  const nowMs = Date.now();
  const instances = Math.ceil((rowsPerSecond * CYCLE_MS) / 1000 / countRowsPerCycle(estate, nowMs));
  await estate.stopServices();
  const before = await countStoredRows(estate);
  const fromMs = Date.now() + START_DELAY_MS;
  await estate.startServices(instances, fromMs, FLUSH_INTERVAL_MS);
  await delay(fromMs - Date.now() + START_DELAY_MS);
  const times = new LatencyRecorder();
  await runReaders(store, times, 'everything', seconds, () => UNRESTRICTED_SCOPE);
  await runReaders(store, times, 'own', seconds, (i) =>
    createOrganizationScope(formatOrganization(i)),
  );
  const writtenMs = Date.now() - fromMs;
  const report = await estate.stopServices();
  if (!report) throw new Error('no services were exporting');
  const rows = (await countStoredRows(estate)) - before;
  if (rows !== report.rows) throw new Error(`${rows} rows are stored, not ${report.rows}`);
  const dashboards = times.count('everything') + times.count('own');
  return { ...report, times, dashboards, rowsPerSecond: (1000 * rows) / writtenMs };
}

async function runReaders(
  store: QueryClient,
  times: LatencyRecorder,
  name: string,
  seconds: number,
  scopeAt: (reader: number) => TenantScope,
): Promise<void> {
  const endMs = Date.now() + 1000 * seconds;
  await Promise.all(
    Array.from({ length: READER_COUNT }, async (_, i) => {
      const scope = scopeAt(i);
      const look = (as: string) =>
        times.measure(as, () =>
          queryWholeDashboard(store, { scope, range: getRangeUntilNow(DAY_MS) }),
        );
      await look(`first ${name}`);
      while (Date.now() < endMs) {
        await delay(PAUSE_MS);
        await look(name);
      }
    }),
  );
}

/** Rows that one process of each service exports in an interval of this time of the day. */
function countRowsPerCycle({ cycles }: ServiceFleet, nowMs: number): number {
  const cycle = cycles[getCycleIndex(0, nowMs)]!;
  const all = Array.from({ length: SERVICE_COUNT }, (_, service) =>
    toCycleRows(cycle, service, nowMs),
  );
  return all.reduce((sum, { metrics, buckets }) => sum + metrics.length + buckets.length, 0);
}

async function countStoredRows({ questdb }: ServiceFleet): Promise<number> {
  await waitForWal(questdb);
  const [[count] = []] = await questdb.sql(
    'SELECT sum(n) FROM (SELECT count() n FROM performance_metrics UNION ALL SELECT count() n FROM metric_buckets)',
  );
  return Number(count);
}
