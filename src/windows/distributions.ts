import { Distribution, type MergedBucket } from '../histogram/distribution.ts';
import { type Sql, sql } from '../questdb/statement.ts';
import { BUCKETS, COUNT } from './families.ts';
import { keyOf, type Question } from './question.ts';
import { numberOf } from './row.ts';
import { select } from './select.ts';
import type { Store } from './store.ts';

/**
 * The distribution of each group and bucket of time, by `keyOf`.
 *
 * @param conditions which measurements
 * @throws PS_REQUEST_TOO_LARGE
 */
export async function distributions(
  store: Store,
  question: Question,
  conditions: readonly Sql[],
): Promise<Map<string, Distribution>> {
  const answers = await select(store, BUCKETS, question, {
    figures: { count: COUNT, errors: { ...COUNT, rows: ERRORS, rollup: ERRORS } },
    keys: ['bucket_upper'],
    conditions,
  });
  const buckets = new Map<string, MergedBucket[]>();
  for (const { group, span, row } of answers) {
    const key = keyOf(group, span);
    const bucket = {
      bound: numberOf(row.bucket_upper) ?? 0,
      count: numberOf(row.count) ?? 0,
      errorCount: numberOf(row.errors) ?? 0,
    };
    const others = buckets.get(key);
    if (others) others.push(bucket);
    else buckets.set(key, [bucket]);
  }
  return new Map([...buckets].map(([key, merged]) => [key, new Distribution(merged)]));
}

const ERRORS = sql`sum(error_count)`;
