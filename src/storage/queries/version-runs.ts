import { OWN_SERVICE_NAME } from '../../core/own-service.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import { METRICS_TABLE } from './aggregation-tables.ts';
import type { Query } from './query-definition.ts';
import { type Aggregation, runQuery } from './run-query.ts';

/** Name in filters that selects measurements without a version. */
export const NO_VERSION = '(none)';

/** The first and the last rows of a version in a range, in ms since the epoch. */
export interface VersionRun {
  readonly service: string;
  readonly environment: string | undefined;
  readonly version: string;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** In roll-ups, a timestamp is the start of an interval. */
const TIMES = {
  first: { rows: sql`min(timestamp)`, rollup: sql`min(timestamp)`, mergeWith: 'min' },
  last: { rows: sql`max(timestamp)`, rollup: sql`max(timestamp)`, mergeWith: 'max' },
} as const satisfies Record<string, Aggregation>;

/** Returns the versions of all services that sent measurements in the range. */
export async function queryVersionRuns(
  queryClient: QueryClient,
  query: Query,
): Promise<VersionRun[]> {
  const results = await runQuery(
    queryClient,
    METRICS_TABLE,
    { ...query, groupBy: ['service', 'environment', 'version'] },
    { aggregations: TIMES },
  );
  return results.flatMap(({ group: { service, environment, version }, row: { first, last } }) => {
    if (service === undefined || version === undefined || service === OWN_SERVICE_NAME) return [];
    const [firstMs, lastMs] = [Number(first), Number(last)];
    return [{ service, environment, version, firstMs, lastMs }];
  });
}
