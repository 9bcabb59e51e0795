import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import { STOPPED_STATUS } from '../../../core/schema/tables/system-health-table.ts';
import type { Dimension, Group } from '../../../storage/queries/query-definition.ts';
import { floorTo } from '../../../storage/queries/time-range.ts';
import {
  computeUptime,
  findEndedServices,
  type LastReport,
} from '../../../storage/queries/uptime.ts';
import type { Observation } from '../../alerts/evaluation/observation.ts';
import type { Measure } from '../../alerts/rules/alert-rule.ts';
import { CELL, type CellSeries } from '../windows/cell-series.ts';
import type { CellStores } from './cell-stores.ts';
import type { StoredGroup } from './group-store.ts';
import type { ReplaySource } from './replay-source.ts';

/** A process that missed more reports than this wasn't running anymore. */
const MAX_MISSED_REPORTS = 3;

/** A normal end of a process. */
export interface ProcessStop {
  readonly atMs: number;
  readonly process: Group;
}

/** The normal ends of processes, sorted by time. */
export class StopList {
  #stops: ProcessStop[] = [];

  add(stops: readonly ProcessStop[]): void {
    this.#stops.push(...stops);
  }

  /** Returns the stops that match a group, before `untilMs`. */
  list(group: Group, untilMs: number): readonly ProcessStop[] {
    const names = Object.keys(group) as Dimension[];
    return this.#stops.filter(
      ({ atMs, process }) => atMs < untilMs && names.every((name) => process[name] === group[name]),
    );
  }

  dropBefore(ms: number): void {
    this.#stops = this.#stops.filter(({ atMs }) => atMs >= ms);
  }
}

/**
 * Creates the source of the uptime.
 *
 * @param intervalMs interval at which services report their health, in whole minutes
 */
export function createUptimeSource(
  measure: Measure,
  stores: CellStores,
  stops: StopList,
  intervalMs: number,
): ReplaySource | undefined {
  const { aggregate, filter, groupBy, windowMs } = measure;
  if (aggregate !== 'uptime') return undefined;
  const query = { kind: 'reports', type: undefined, filter, groupBy } as const;
  // Whether a group was running before the window is known from the time before it.
  const store = stores.getSums(query, [], 2 * windowMs + intervalMs);

  // In other intervals, the host was suspended, or all rows are missing.
  const allReports = stores.getSums(
    { kind: 'reports', type: undefined, filter: {}, groupBy: [] },
    [],
    windowMs + intervalMs,
  );

  function listKnown(fromMs: number, toMs: number): ReadonlySet<number> {
    const known = new Set<number>();
    for (const { series } of allReports.groups.values()) {
      for (let cell = series.first; cell < series.end; cell++) {
        const atMs = series.get(cell, CELL.at);
        if (atMs >= fromMs && atMs < toMs) known.add(atMs);
      }
    }
    return known;
  }

  function observeGroup(
    { group, labels, series }: StoredGroup<CellSeries>,
    now: number,
    knownMs: ReadonlySet<number>,
  ): Observation | undefined {
    const fromMs = floorTo(now - windowMs, intervalMs);
    const toMs = floorTo(now, intervalMs);
    const previousMs = 2 * fromMs - toMs;
    const reportedMs: number[] = [];
    let lastMs: number | undefined;
    for (let cell = series.first; cell < series.end; cell++) {
      const atMs = series.get(cell, CELL.at);
      if (atMs >= toMs) break;
      if (atMs >= fromMs) reportedMs.push(atMs);
      else if (atMs >= previousMs) lastMs = series.get(cell, CELL.newest);
    }
    if (lastMs === undefined && reportedMs.length === 0) return undefined;
    const stoppedMs = stops
      .list(group, toMs)
      .flatMap(({ atMs }) => (atMs >= previousMs ? [atMs] : []));
    const hasEnded = stoppedMs.some((ms) => ms < fromMs && ms >= (lastMs ?? 0));
    const wasRunning = lastMs !== undefined && !hasEnded;
    if (!wasRunning && reportedMs.length === 0) return undefined;
    const range = { fromMs, toMs };
    const { uptime, unplannedUptime, intervals, expectedMs } = computeUptime(
      { reportedMs, stoppedMs, wasRunning, knownMs },
      range,
      intervalMs,
    );
    const newestMs = floorTo(now, MINUTE_MS);
    const bounds =
      uptime === undefined || unplannedUptime === undefined
        ? undefined
        : { lower: uptime, upper: Math.max(uptime, unplannedUptime) };
    return { labels, value: uptime, count: intervals, newestMs, coveredMs: expectedMs, bounds };
  }

  return {
    precision: [],
    observe(now) {
      const [fromMs, toMs] = [floorTo(now - windowMs, intervalMs), floorTo(now, intervalMs)];
      if (fromMs >= toMs) return [];
      const knownMs = listKnown(fromMs, toMs);
      return [...store.groups.values()].flatMap((group) => observeGroup(group, now, knownMs) ?? []);
    },
  };
}

/**
 * Adds the services that ended normally to the observations of a rule that alerts on missing data.
 *
 * @param intervalMs interval at which services report their health, in ms
 */
export function withEndedServices(
  source: ReplaySource,
  stores: CellStores,
  stops: StopList,
  intervalMs: number,
): ReplaySource {
  const groupBy = ['service', 'instance'] as const;
  const query = { kind: 'processes', type: undefined, filter: {}, groupBy } as const;
  const store = stores.getSums(query, [], DAY_MS);

  function listEnded(now: number): readonly string[] {
    const reports: LastReport[] = [];
    for (const { group, series } of store.groups.values()) {
      const newestMs = findNewest(series, now);
      if (newestMs === undefined || newestMs < now - DAY_MS) continue;
      const isStopped = stops.list(group, now).some(({ atMs }) => atMs === newestMs);
      const status = isStopped ? STOPPED_STATUS : undefined;
      reports.push({ service: group.service ?? '', status, timestampMs: newestMs });
    }
    return findEndedServices(reports, MAX_MISSED_REPORTS * intervalMs);
  }

  return {
    precision: source.precision,
    async observe(now) {
      const observations = await source.observe(now);
      const ended = listEnded(now).map(
        (service): Observation => ({
          labels: { service },
          value: undefined,
          count: 0,
          newestMs: 0,
          hasEnded: true,
        }),
      );
      return ended.length > 0 ? [...observations, ...ended] : observations;
    },
  };
}

/** Returns the time of the newest report before `now`. */
function findNewest(series: CellSeries, now: number): number | undefined {
  for (let cell = series.end - 1; cell >= series.first; cell--) {
    if (series.get(cell, CELL.at) < now) return series.get(cell, CELL.newest);
  }
  return undefined;
}
