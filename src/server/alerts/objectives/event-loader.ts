import { HOUR_MS } from '../../../core/duration.ts';
import { PerfscopeError } from '../../../core/perfscope-error.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { HOSTS_TABLE, ROW_COUNT } from '../../../storage/queries/aggregation-tables.ts';
import { type Group, toGroupKey } from '../../../storage/queries/query-definition.ts';
import { runQuery } from '../../../storage/queries/run-query.ts';
import { floorTo, getRangeLengthMs, type TimeRange } from '../../../storage/queries/time-range.ts';
import { queryStops } from '../../../storage/queries/uptime.ts';
import { type QueryClient, withoutCache } from '../../../storage/questdb/query-client.ts';
import { getStepMs, type Objective } from './objective.ts';
import { type GroupCounts, queryEventCounts } from './query-event-counts.ts';

/**
 * Loads the events of an objective, without the query cache, because they are read again only after minutes or hours.
 * If a result is too large, reads shorter ranges.
 */
export async function loadEventCounts(
  queryClient: QueryClient,
  objective: Objective,
  range: TimeRange,
  stepMs: number,
): Promise<GroupCounts[]> {
  const client = withoutCache(queryClient);
  return loadInParts(range, (part) => queryEventCounts(client, objective, part, stepMs));
}

/** The health reports of one group. Times are in ms since the epoch. */
export interface GroupReports {
  readonly group: Group;
  readonly reportedMs: readonly number[];
  readonly stoppedMs: readonly number[];
}

/** Loads the health reports of an uptime objective, as {@link loadEventCounts} loads events. */
export async function loadReports(
  queryClient: QueryClient,
  { filter, groupBy }: Objective,
  range: TimeRange,
  intervalMs: number,
): Promise<GroupReports[]> {
  const client = withoutCache(queryClient);
  const query = { scope: UNRESTRICTED_SCOPE, filter, groupBy };
  const step = { ms: intervalMs, zone: 'utc' };
  return loadInParts(range, async (part) => {
    const [rows, stops] = await Promise.all([
      runQuery(
        client,
        HOSTS_TABLE,
        { ...query, range: part, step },
        { aggregations: { rows: ROW_COUNT } },
      ),
      queryStops(client, { ...query, range: part }, part),
    ]);
    const groups = Map.groupBy(rows, ({ group }) => toGroupKey(group));
    return [...groups].map(([key, ofGroup]) => ({
      group: ofGroup[0]!.group,
      reportedMs: ofGroup.flatMap(({ bucket }) => bucket?.fromMs ?? []),
      stoppedMs: stops.get(key) ?? [],
    }));
  });
}

/** A range that is read as a whole, however many groups it has. */
const MIN_PART_MS = HOUR_MS;

async function loadInParts<T>(
  range: TimeRange,
  load: (range: TimeRange) => Promise<T[]>,
): Promise<T[]> {
  try {
    return await load(range);
  } catch (error) {
    const isTooLarge = error instanceof PerfscopeError && error.code === 'PS_REQUEST_TOO_LARGE';
    if (!isTooLarge || getRangeLengthMs(range) <= MIN_PART_MS) throw error;
    const middleMs = floorTo((range.fromMs + range.toMs) / 2, HOUR_MS);
    if (middleMs <= range.fromMs) throw error;
    const first = await loadInParts({ fromMs: range.fromMs, toMs: middleMs }, load);
    return [...first, ...(await loadInParts({ fromMs: middleMs, toMs: range.toMs }, load))];
  }
}

/** Returns whether an objective counts health reports instead of measurements. */
export function countsReports({ kind }: Pick<Objective, 'kind'>): boolean {
  return kind === 'uptime';
}

/** Returns the step of the hours that are read for an objective. Averages are always read by slice. */
export function getLoadStepMs(objective: Objective): number {
  return objective.kind === 'average' ? getStepMs(objective) : HOUR_MS;
}
