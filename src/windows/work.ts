import { Distribution, type Percentiles } from '../histogram/distribution.ts';
import { distributions } from './distributions.ts';
import { keyOf, type Question } from './question.ts';
import type { Store } from './store.ts';
import { conditionsOf, type Measured, type Totals, totals } from './totals.ts';

/** Totals with percentiles, which come from merged buckets. */
export interface Work extends Totals, Percentiles {}

/** The same with all that the buckets know. */
export interface SpreadWork extends Work {
  distribution: Distribution;
}

/**
 * Counts, means and percentiles of what is measured as single values or histograms, for each group
 * and bucket of time that has any.
 *
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function work(
  store: Store,
  question: Question,
  measured: Measured,
): Promise<SpreadWork[]> {
  const [found, spread] = await Promise.all([
    totals(store, question, measured),
    distributions(store, question, conditionsOf(measured)),
  ]);
  return found.map((total) => {
    const distribution = spread.get(keyOf(total.group, total.span)) ?? new Distribution();
    return { ...total, ...within(distribution.percentiles(), total), distribution };
  });
}

/** Without what only the code asks of the buckets. */
export function plain({ distribution: _, ...rest }: SpreadWork): Work {
  return rest;
}

/** Buckets are wider than what is in them. */
function within(percentiles: Percentiles, { min, max }: Totals): Percentiles {
  const [least, most] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY];
  const clamp = (value: number | undefined) =>
    value === undefined ? undefined : Math.min(most, Math.max(least, value));
  const { p50, p90, p95, p99, p999 } = percentiles;
  return { p50: clamp(p50), p90: clamp(p90), p95: clamp(p95), p99: clamp(p99), p999: clamp(p999) };
}
