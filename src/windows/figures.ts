import { type Sql, sql } from '../questdb/statement.ts';
import type { Group } from './dimensions.ts';
import { COUNT, MEASUREMENTS, summed, VALUES } from './families.ts';
import type { Question } from './question.ts';
import { numberOf } from './row.ts';
import { select } from './select.ts';
import type { Store } from './store.ts';

/** All that measurements of any kind add up to; sums, so that groups can be put together again. */
export interface Figures {
  group: Group;
  /** Of single values and histograms. */
  count: number;
  errors: number;
  total: number;
  /** Rows that have a value, and the sum of these: what gauges and counters have instead. */
  values: number;
  valueTotal: number;
  least: number | undefined;
  most: number | undefined;
  /** The newest value, and when it was, in ms since the epoch. */
  last: number | undefined;
  newestMs: number;
}

const FIGURES = {
  ...VALUES,
  count: COUNT,
  errors: summed(sql`sum(error_count)`),
  total: summed(sql`sum(sum)`),
};

/**
 * The figures of each group that has any.
 *
 * @param conditions which measurements
 * @param most groups at most
 * @throws PS_REQUEST_TOO_LARGE with more
 */
export async function figures(
  store: Store,
  question: Question,
  conditions: readonly Sql[],
  most: number,
): Promise<Figures[]> {
  const answers = await select(store, MEASUREMENTS, question, {
    figures: FIGURES,
    conditions,
    limit: most,
  });
  return answers.flatMap(({ group, row }) => {
    const newest = row.last_at instanceof Date ? row.last_at.getTime() : undefined;
    const [count, values] = [numberOf(row.count) ?? 0, numberOf(row.samples) ?? 0];
    if (newest === undefined || (count === 0 && values === 0)) return [];
    return {
      group,
      count,
      values,
      newestMs: newest,
      errors: numberOf(row.errors) ?? 0,
      total: numberOf(row.total) ?? 0,
      valueTotal: numberOf(row.value_total) ?? 0,
      least: numberOf(row.least),
      most: numberOf(row.most),
      last: numberOf(row.last),
    };
  });
}

/** The figures of two groups as one. */
export function together(a: Figures, b: Figures): Figures {
  const newer = b.newestMs > a.newestMs ? b : a;
  return {
    group: a.group,
    count: a.count + b.count,
    errors: a.errors + b.errors,
    total: a.total + b.total,
    values: a.values + b.values,
    valueTotal: a.valueTotal + b.valueTotal,
    least: edge(Math.min, a.least, b.least),
    most: edge(Math.max, a.most, b.most),
    last: newer.last,
    newestMs: newer.newestMs,
  };
}

function edge(of: typeof Math.min, a: number | undefined, b: number | undefined) {
  return a === undefined || b === undefined ? (a ?? b) : of(a, b);
}
