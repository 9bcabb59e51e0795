import { STOPPED_STATUS } from '../../../core/schema/tables/system-health-table.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { HOSTS_TABLE } from '../../../storage/queries/aggregation-tables.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import { toText } from '../../../storage/queries/row-values.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromHostTable, sql } from '../../../storage/sql/sql-builder.ts';
import type { ProcessStop } from './uptime-source.ts';

/** Limit on stops per read. */
const MAX_STOPS = 10_000;

/** Loads the normal ends of processes in a range, sorted by time. */
export async function loadStops(
  queryClient: QueryClient,
  { fromMs, toMs }: TimeRange,
): Promise<ProcessStop[]> {
  const rows = await queryClient.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT timestamp, service, service_version, environment, instance, host
      ${fromHostTable('system_health')} AND status = ${STOPPED_STATUS}
      AND timestamp >= ${new Date(fromMs)} AND timestamp < ${new Date(toMs)}
      ORDER BY timestamp LIMIT ${MAX_STOPS}`,
  );
  const columns = Object.entries(HOSTS_TABLE.columns) as [Dimension, string][];
  return rows.map((row) => ({
    atMs: (row.timestamp as Date).getTime(),
    process: Object.fromEntries(columns.map(([name, column]) => [name, toText(row[column])])),
  }));
}
