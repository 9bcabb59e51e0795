import { isOneOf, type Sql, sql } from '../questdb/statement.ts';
import type { Group } from './dimensions.ts';
import { COUNT, MEASUREMENTS, summed } from './families.ts';
import type { Question } from './question.ts';
import { lengthMs, type Range } from './range.ts';
import { numberOf, percentOf } from './row.ts';
import { select } from './select.ts';
import type { Store } from './store.ts';

/** Which measurements: of a type, and of some names where the type says too little. */
export interface Measured {
  readonly metricType: string;
  readonly names?: readonly string[] | undefined;
}

/** How often and how long something was done. Times in the measurement's unit, for durations ms. */
export interface Totals {
  group: Group;
  /** Of its bucket of time; undefined without a step. */
  span: Range | undefined;
  count: number;
  /** Per second, over the whole range or bucket. */
  rate: number;
  errorCount: number;
  /** In percent. */
  errorRate: number | undefined;
  average: number;
  min: number | undefined;
  max: number | undefined;
}

/** What requests, statements and jobs add up to. */
export const WORK_FIGURES = {
  count: COUNT,
  errors: summed(sql`sum(error_count)`),
  total: summed(sql`sum(sum)`),
  least: { rows: sql`min(min)`, rollup: sql`min(min)`, again: 'min' },
  most: { rows: sql`max(max)`, rollup: sql`max(max)`, again: 'max' },
} as const;

/** Conditions for the rows of a kind of measurement. */
export function conditionsOf({ metricType, names }: Measured): Sql[] {
  return [sql`metric_type = ${metricType}`, ...(names ? [isOneOf('name', names)] : [])];
}

/** Counts and means, which weigh by count, for each group and bucket of time that has any. */
export async function totals(
  store: Store,
  question: Question,
  measured: Measured,
): Promise<Totals[]> {
  const answers = await select(store, MEASUREMENTS, question, {
    figures: WORK_FIGURES,
    conditions: [...conditionsOf(measured), sql`count > 0`],
  });
  return answers.flatMap(({ group, span, row }) => {
    const count = numberOf(row.count) ?? 0;
    if (count === 0) return [];
    const errorCount = numberOf(row.errors) ?? 0;
    return {
      group,
      span,
      count,
      errorCount,
      rate: (1000 * count) / lengthMs(span ?? question.range),
      errorRate: percentOf(errorCount, count),
      average: (numberOf(row.total) ?? 0) / count,
      min: numberOf(row.least),
      max: numberOf(row.most),
    };
  });
}
