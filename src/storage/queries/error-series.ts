import type { QueryClient } from '../questdb/query-client.ts';
import { fromTable, sql } from '../sql/sql-builder.ts';
import { type ErrorFilter, toErrorConditions } from './error-groups.ts';
import type { Query } from './query-definition.ts';
import { toNumber, toText } from './row-values.ts';
import { type Step, splitAtOffsetChanges, toBucketRange, toBucketSql } from './time-buckets.ts';
import { floorTo, type TimeRange } from './time-range.ts';

/** Occurrences of errors over time. */
export interface ErrorSeries {
  /** Starts of the time buckets, in ms since the epoch. */
  readonly startsMs: readonly number[];
  /** Number of occurrences in each bucket, by fingerprint. */
  readonly counts: ReadonlyMap<string, readonly number[]>;
}

/** Returns the number of occurrences of errors in each time bucket, including empty buckets. */
export async function queryErrorSeries(
  queryClient: QueryClient,
  { scope, range, step }: Query & { readonly step: Step },
  filter: ErrorFilter & { readonly fingerprint: readonly string[] },
): Promise<ErrorSeries> {
  const starts = listBucketStarts(range, step);
  const counts = new Map<string, number[]>();
  const parts = await Promise.all(
    splitAtOffsetChanges(range, step, range).map(({ offsetMs, ...part }) =>
      queryClient.read(
        scope,
        sql`SELECT fingerprint, ${toBucketSql(step, offsetMs)} AS bucket, sum(count) AS count
          ${fromTable('error_logs')} AND ${toErrorConditions(part, filter)}
          GROUP BY fingerprint, bucket`,
      ),
    ),
  );
  for (const row of parts.flat()) {
    const fingerprint = toText(row.fingerprint) ?? '';
    const position = starts.indexOf(toBucketRange(row.bucket as Date, step, range).fromMs);
    const series = counts.get(fingerprint) ?? starts.map(() => 0);
    series[position] = (series[position] ?? 0) + (toNumber(row.count) ?? 0);
    counts.set(fingerprint, series);
  }
  return { startsMs: starts, counts };
}

/** Returns the start of each time bucket that contains a part of the range, as `toBucketRange` does. */
export function listBucketStarts(range: TimeRange, step: Step): number[] {
  const locals = splitAtOffsetChanges(range, step, range).flatMap(({ fromMs, toMs, offsetMs }) => {
    const times: number[] = [];
    const endMs = toMs + offsetMs;
    for (let ms = floorTo(fromMs + offsetMs, step.ms); ms < endMs; ms += step.ms) times.push(ms);
    return times;
  });
  return [...new Set(locals)].map((ms) => toBucketRange(new Date(ms), step, range).fromMs);
}
