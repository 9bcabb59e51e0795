import { setTimeout as delay } from 'node:timers/promises';
import { EVERYTHING, type Scope, scopeOf } from '../../src/schema/scope.ts';
import { untilNow } from '../../src/windows/freshness.ts';
import { DAY_MS } from '../../src/windows/range.ts';
import type { Store } from '../../src/windows/store.ts';
import { CYCLE_MS, cycleOf, cycleRows } from './cycles.ts';
import type { Estate } from './estate.ts';
import { applied } from './history.ts';
import type { LiveReport } from './live-services.ts';
import { wholeDashboard } from './panels.ts';
import { organization, SERVICES } from './series.ts';
import { Times } from './times.ts';

export const READERS = 20;
/** Until a reader looks again: a fifth of what Grafana offers as its shortest. */
const PAUSE_MS = 1000;
/** Time for the services to start, and then to be under way. */
const AHEAD_MS = 3000;
/** The default. */
export const FLUSH_INTERVAL_MS = 30_000;

export interface ReadersReport extends LiveReport {
  rowsPerSecond: number;
  /**
   * In ms: `everything` for readers who see all, `own` for readers of one organization each, and each
   * reader's first look apart, behind `first `.
   */
  times: Times;
  dashboards: number;
}

/**
 * Readers who look at the dashboard of a day, and again a second after each answer, while many services
 * export.
 */
export async function readWhileWriting(
  estate: Estate,
  store: Store,
  { rowsPerSecond, seconds }: { rowsPerSecond: number; seconds: number },
): Promise<ReadersReport> {
  const nowMs = Date.now();
  const instances = Math.ceil((rowsPerSecond * CYCLE_MS) / 1000 / rowsACycle(estate, nowMs));
  await estate.quiet();
  const before = await stored(estate);
  const fromMs = Date.now() + AHEAD_MS;
  await estate.live(instances, fromMs, FLUSH_INTERVAL_MS);
  await delay(fromMs - Date.now() + AHEAD_MS);
  const times = new Times();
  await read(store, times, 'everything', seconds, () => EVERYTHING);
  await read(store, times, 'own', seconds, (i) => scopeOf(organization(i)));
  const writtenMs = Date.now() - fromMs;
  const report = await estate.quiet();
  if (!report) throw new Error('no services were exporting');
  const rows = (await stored(estate)) - before;
  if (rows !== report.rows) throw new Error(`${rows} rows are stored, not ${report.rows}`);
  const dashboards = times.count('everything') + times.count('own');
  return { ...report, times, dashboards, rowsPerSecond: (1000 * rows) / writtenMs };
}

async function read(
  store: Store,
  times: Times,
  name: string,
  seconds: number,
  scopeAt: (reader: number) => Scope,
): Promise<void> {
  const endMs = Date.now() + 1000 * seconds;
  await Promise.all(
    Array.from({ length: READERS }, async (_, i) => {
      const scope = scopeAt(i);
      const look = (as: string) =>
        times.take(as, () => wholeDashboard(store, { scope, range: untilNow(DAY_MS) }));
      await look(`first ${name}`);
      while (Date.now() < endMs) {
        await delay(PAUSE_MS);
        await look(name);
      }
    }),
  );
}

/** Rows that one process of each service exports in an interval of this time of the day. */
function rowsACycle({ cycles }: Estate, nowMs: number): number {
  const cycle = cycles[cycleOf(0, nowMs)]!;
  const all = Array.from({ length: SERVICES }, (_, service) => cycleRows(cycle, service, nowMs));
  return all.reduce((sum, { metrics, buckets }) => sum + metrics.length + buckets.length, 0);
}

async function stored({ questdb }: Estate): Promise<number> {
  await applied(questdb);
  const [[count] = []] = await questdb.sql(
    'SELECT sum(n) FROM (SELECT count() n FROM performance_metrics UNION ALL SELECT count() n FROM metric_buckets)',
  );
  return Number(count);
}
