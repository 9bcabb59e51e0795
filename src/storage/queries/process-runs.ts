import { OWN_SERVICE_NAME } from '../../core/own-service.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import { HOSTS_TABLE, METRICS_TABLE } from './aggregation-tables.ts';
import { type Query, toGroupKey } from './query-definition.ts';
import { type Aggregation, runQuery } from './run-query.ts';
import type { ProcessRun } from './service-events.ts';
import { chooseStepMs } from './time-buckets.ts';
import type { TimeRange } from './time-range.ts';

/** In roll-ups, a timestamp is the start of an interval. */
const TIME_AGGREGATIONS = {
  first: { rows: sql`min(timestamp)`, rollup: sql`min(timestamp)`, mergeWith: 'min' },
  last: { rows: sql`max(timestamp)`, rollup: sql`max(timestamp)`, mergeWith: 'max' },
} as const satisfies Record<string, Aggregation>;

/** Number of steps that a range is divided into. More steps give more exact times, but need finer roll-ups. */
const MAX_STEPS = 200;

/** Returns the step of the query for a range, in ms. The times of runs can be wrong by one step. */
export function getRunStepMs(range: TimeRange): number {
  return chooseStepMs(range, MAX_STEPS);
}

/**
 * Returns the times in which processes reported in the range. Scopes without access to hosts get one run for each
 * version of a service instead, from the rows of their tenants.
 */
export async function queryProcessRuns(
  queryClient: QueryClient,
  query: Query,
): Promise<ProcessRun[]> {
  const { hosts } = query.scope;
  const groupBy = hosts
    ? (['service', 'version', 'instance'] as const)
    : (['service', 'version'] as const);
  // The step makes the query choose roll-ups that are fine enough for the range.
  const step = { ms: getRunStepMs(query.range), zone: 'utc' };
  const rows = await runQuery(
    queryClient,
    hosts ? HOSTS_TABLE : METRICS_TABLE,
    { ...query, groupBy, step },
    { aggregations: TIME_AGGREGATIONS },
  );
  const showsOwn = query.filter?.service?.includes(OWN_SERVICE_NAME);
  const runs = new Map<string, ProcessRun>();
  for (const { group, row } of rows) {
    const { service, version, instance } = group;
    if (service === undefined || (service === OWN_SERVICE_NAME && !showsOwn)) continue;
    const [firstMs, lastMs] = [toTime(row.first), toTime(row.last)];
    const key = toGroupKey(group);
    const known = runs.get(key);
    runs.set(key, {
      ...{ service, version, instance },
      firstMs: Math.min(firstMs, known?.firstMs ?? firstMs),
      lastMs: Math.max(lastMs, known?.lastMs ?? lastMs),
    });
  }
  return [...runs.values()];
}

function toTime(value: unknown): number {
  return value instanceof Date ? value.getTime() : Number(value);
}
