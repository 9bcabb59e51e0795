import type { Row } from '../questdb/postgres-wire-reader.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { fromTable, joinSql, matchesNames, type Sql, sql } from '../sql/sql-builder.ts';
import type { Query } from './query-definition.ts';
import { toNumber, toOrigin, toText } from './row-values.ts';
import type { TimeRange } from './time-range.ts';

/** Filters for errors, in addition to the scope. An error must match one value of each filter. */
export interface ErrorFilter {
  readonly kind?: readonly string[] | undefined;
  readonly level?: readonly string[] | undefined;
  readonly fingerprint?: readonly string[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly version?: readonly string[] | undefined;
  readonly environment?: readonly string[] | undefined;
  readonly endpoint?: readonly string[] | undefined;
}

/** Occurrences of one error, grouped by fingerprint. */
export interface ErrorGroup {
  readonly fingerprint: string;
  readonly count: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** The last occurrence. */
  readonly example: ErrorExample;
}

interface ErrorExample {
  readonly at: Date;
  readonly id: string;
  readonly kind: string | undefined;
  readonly level: string | undefined;
  readonly type: string | undefined;
  readonly message: string | undefined;
  readonly stackTrace: string | undefined;
  readonly endpoint: string | undefined;
  /** Additional information about the error, as JSON. */
  readonly context: string | undefined;
  readonly alertId: string | undefined;
  readonly service: string | undefined;
  readonly version: string | undefined;
  readonly environment: string | undefined;
  readonly instance: string | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly userId: string | undefined;
}

/** Maximum number of groups. If there are more, the groups with the oldest errors are omitted. */
const MAX_GROUPS = 5000;
const FILTER_COLUMNS: Readonly<Record<keyof ErrorFilter, string>> = {
  kind: 'kind',
  level: 'level',
  fingerprint: 'fingerprint',
  service: 'service',
  version: 'service_version',
  environment: 'environment',
  endpoint: 'endpoint',
};

/** Returns the errors of a time range, grouped by fingerprint, with the last occurrence of each. */
export async function queryErrorGroups(
  queryClient: QueryClient,
  { scope, range }: Query,
  filter: ErrorFilter,
): Promise<ErrorGroup[]> {
  const matching = toErrorConditions(range, filter);
  const [sums, examples] = await Promise.all([
    queryClient.read(
      scope,
      sql`SELECT fingerprint, sum(count) AS count, min(timestamp) AS first, max(timestamp) AS last
        ${fromTable('error_logs')} AND ${matching} ORDER BY last DESC LIMIT ${MAX_GROUPS}`,
    ),
    queryClient.read(
      scope,
      sql`SELECT * FROM (SELECT * ${fromTable('error_logs')} AND ${matching}
        LATEST ON timestamp PARTITION BY fingerprint) ORDER BY timestamp DESC LIMIT ${MAX_GROUPS}`,
    ),
  ]);
  const examplesByFingerprint = new Map(examples.map((row) => [toText(row.fingerprint), row]));
  return sums.flatMap((row) => {
    const fingerprint = toText(row.fingerprint) ?? '';
    // Skip an error that first occurred between the two queries.
    const example = examplesByFingerprint.get(toText(row.fingerprint));
    if (!example) return [];
    return {
      fingerprint,
      count: toNumber(row.count) ?? 0,
      example: toErrorExample(example),
      firstSeen: row.first as Date,
      lastSeen: row.last as Date,
    };
  });
}

/** Returns the conditions for the errors of a time range. */
export function toErrorConditions(range: TimeRange, filter: ErrorFilter): Sql {
  const conditions: Sql[] = [
    sql`timestamp >= ${new Date(range.fromMs)}`,
    sql`timestamp < ${new Date(range.toMs)}`,
  ];
  for (const [name, values] of Object.entries(filter)) {
    if (values !== undefined)
      conditions.push(matchesNames(FILTER_COLUMNS[name as keyof ErrorFilter], values));
  }
  return joinSql(conditions, ' AND ');
}

function toErrorExample(row: Row): ErrorExample {
  return {
    at: row.timestamp as Date,
    id: toText(row.id) ?? '',
    kind: toText(row.kind),
    level: toText(row.level),
    type: toText(row.error_type),
    message: toText(row.message),
    stackTrace: toText(row.stack_trace),
    endpoint: toText(row.endpoint),
    context: toText(row.context),
    alertId: toText(row.alert_id),
    ...toOrigin(row),
  };
}
