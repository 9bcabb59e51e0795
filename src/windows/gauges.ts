import type { Group } from './dimensions.ts';
import { MEASUREMENTS, VALUES } from './families.ts';
import type { Question } from './question.ts';
import type { Range } from './range.ts';
import { numberOf } from './row.ts';
import { select } from './select.ts';
import type { Store } from './store.ts';
import { conditionsOf, type Measured } from './totals.ts';

/** A value that goes up and down, or the increase of a counter, in its own unit. */
export interface GaugePoint {
  group: Group;
  /** Of its bucket of time; undefined without a step. */
  span: Range | undefined;
  /** The latest. */
  last: number | undefined;
  average: number | undefined;
  min: number | undefined;
  max: number | undefined;
  /** Of a counter: how much it has grown. */
  sum: number | undefined;
  samples: number;
}

/** The values of gauges and counters, for each group and bucket of time that has any. */
export async function gauges(
  store: Store,
  question: Question,
  measured: Measured,
): Promise<GaugePoint[]> {
  const answers = await select(store, MEASUREMENTS, question, {
    figures: VALUES,
    conditions: conditionsOf(measured),
  });
  return answers.flatMap(({ group, span, row }) => {
    const samples = numberOf(row.samples) ?? 0;
    const sum = numberOf(row.value_total);
    if (samples === 0 || sum === undefined) return [];
    return {
      group,
      span,
      samples,
      sum,
      last: numberOf(row.last),
      average: sum / samples,
      min: numberOf(row.least),
      max: numberOf(row.most),
    };
  });
}
