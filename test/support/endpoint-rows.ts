import type { LineProtocolRow } from './parse-line-protocol.ts';

/** The sums of an endpoint's rows. */
export interface EndpointTotals {
  count: number;
  errors: number;
  aborted: number;
  durationMs: number;
  outgoingCalls: number;
}

/** Adds up the rows of a metric by operation, endpoint, and organization, such as `grpc hotel.Rooms/Get @org-7`. */
export function sumEndpoints(
  rows: readonly LineProtocolRow[],
  name: string,
): Record<string, EndpointTotals> {
  const sums: Record<string, EndpointTotals> = {};
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.name !== name) continue;
    const { operation, endpoint = '(no route)', organization_id: organization } = columns;
    const key = `${operation} ${endpoint}${organization ? ` @${organization}` : ''}`;
    sums[key] ??= { count: 0, errors: 0, aborted: 0, durationMs: 0, outgoingCalls: 0 };
    sums[key].count += Number(columns.count);
    sums[key].errors += Number(columns.error_count ?? 0);
    sums[key].aborted += Number(columns.aborted_count ?? 0);
    sums[key].durationMs += Number(columns.sum ?? 0);
    sums[key].outgoingCalls += Number(columns.outgoing_calls ?? 0);
  }
  return sums;
}

/** Returns count, failures, and aborted requests for each key of {@link sumEndpoints}. */
export function countEndpoints(
  rows: readonly LineProtocolRow[],
  name: string,
): Record<string, [count: number, errors: number, aborted: number]> {
  const entries = Object.entries(sumEndpoints(rows, name)).map(
    ([key, { count, errors, aborted }]) => [key, [count, errors, aborted]] as const,
  );
  return Object.fromEntries(entries) as Record<string, [number, number, number]>;
}

/** Returns type, message, and endpoint of each stored error with its number, sorted. */
export function listErrors(rows: readonly LineProtocolRow[], origin = /^/): unknown[] {
  const counts = new Map<string, number>();
  for (const { table, columns } of rows) {
    if (table !== 'error_logs' || !origin.test(columns.stack_trace ?? '')) continue;
    const key = `${columns.error_type}: ${columns.message} (${columns.endpoint})`;
    counts.set(key, (counts.get(key) ?? 0) + Number(columns.count ?? 1));
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}
