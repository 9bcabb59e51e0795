import type { PerformanceMetricType } from '../../src/schema/metric-type.ts';
import { BUCKETS, COUNT, MEASUREMENTS } from '../../src/windows/families.ts';
import { WORK_FIGURES } from '../../src/windows/totals.ts';
import { overRange, overTime, type Wanted } from './select.ts';
import { INTERVAL_MS, quoted } from './text.ts';

/** What is measured as single values or histograms, and by what it is narrowed and split. */
export interface Asked extends Pick<Wanted, 'by' | 'keys' | 'range'> {
  readonly type: PerformanceMetricType;
}

const { count: amount, least: lowest, ...OTHERS } = WORK_FIGURES;
/** Other names, because beside a join QuestDB takes `count` and `least` for its functions. */
const FIGURES = { amount, lowest, ...OTHERS };
/** Of a bucket, how much of it has been: the last one is under way. */
export const SECONDS = `(least(${INTERVAL_MS}, datediff('T', time, now()) + 1) / 1000.0)`;

function wanted({ type, ...asked }: Asked): Wanted {
  return { ...asked, figures: FIGURES, conditions: [`metric_type = ${quoted(type)}`, 'count > 0'] };
}

/** `amount`, `errors`, `total`, `lowest` and `most` (ms) of each bucket of time. */
export function workOverTime(asked: Asked): string {
  return overTime(MEASUREMENTS, wanted(asked));
}

/** The same of the whole range. */
export function workOverRange(asked: Asked): string {
  return overRange(MEASUREMENTS, wanted(asked));
}

/** Buckets of the histograms: `bucket_upper` (ms) and `count`. */
export function buckets(
  { type, keys = [], ...asked }: Asked,
  over: typeof overTime | typeof overRange,
): string {
  return over(BUCKETS, {
    figures: { count: COUNT },
    keys: [...keys, 'bucket_upper'],
    conditions: [`metric_type = ${quoted(type)}`],
    ...asked,
  });
}
