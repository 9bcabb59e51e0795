import type { QueryClient } from '../questdb/query-client.ts';
import type { Row } from '../questdb/questdb-reader.ts';
import { fromTable, inValues, joinSql, type Sql, sql } from '../sql/sql-builder.ts';
import type { Query } from './query.ts';
import { toNumber, toOrigin, toText } from './row-values.ts';

/** What errors can be filtered by beside their tenant. */
export interface ErrorFilter {
  readonly kind?: readonly string[] | undefined;
  readonly level?: readonly string[] | undefined;
  readonly fingerprint?: readonly string[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly version?: readonly string[] | undefined;
  readonly environment?: readonly string[] | undefined;
  readonly endpoint?: readonly string[] | undefined;
}

/** One error that comes again and again. */
export interface ErrorGroup {
  readonly fingerprint: string;
  readonly count: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** Its last occurrence. */
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
  /** JSON. */
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

/** Different errors of an answer; with more of them, the longest gone are left out. */
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

/** The errors of a time, each once, with the last occurrence of each. */
export async function queryErrorGroups(
  store: QueryClient,
  { scope, range }: Query,
  filter: ErrorFilter,
): Promise<ErrorGroup[]> {
  const conditions: Sql[] = [
    sql`timestamp >= ${new Date(range.fromMs)}`,
    sql`timestamp < ${new Date(range.toMs)}`,
  ];
  for (const [name, values] of Object.entries(filter)) {
    if (values !== undefined)
      conditions.push(inValues(FILTER_COLUMNS[name as keyof ErrorFilter], values));
  }
  const matching = joinSql(conditions, ' AND ');
  const [sums, examples] = await Promise.all([
    store.read(
      scope,
      sql`SELECT fingerprint, sum(count) AS count, min(timestamp) AS first, max(timestamp) AS last
        ${fromTable('error_logs')} AND ${matching} ORDER BY last DESC LIMIT ${MAX_GROUPS}`,
    ),
    store.read(
      scope,
      sql`SELECT * FROM (SELECT * ${fromTable('error_logs')} AND ${matching}
        LATEST ON timestamp PARTITION BY fingerprint) ORDER BY timestamp DESC LIMIT ${MAX_GROUPS}`,
    ),
  ]);
  const byFingerprint = new Map(examples.map((row) => [toText(row.fingerprint), row]));
  return sums.flatMap((row) => {
    const fingerprint = toText(row.fingerprint) ?? '';
    // A group that began between the two questions is there with the next answer.
    const example = byFingerprint.get(toText(row.fingerprint));
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
