import type { Group } from './dimensions.ts';
import { type GaugePoint, gauges } from './gauges.ts';
import { keyOf, type Question } from './question.ts';
import type { Range } from './range.ts';
import type { Store } from './store.ts';
import { type Measured, type Totals, totals } from './totals.ts';
import { type SpreadWork, work } from './work.ts';

/**
 * What can be asked of each bucket of time. Times are in the measurement's unit, `rate` per second,
 * `errorRate` in percent, `apdex` 0 to 1; `last` is the latest value, and `sum` of a counter says how
 * much it has grown.
 */
export const AGGREGATES = [
  ...(['count', 'rate', 'average', 'errorRate', 'min', 'max'] as const),
  ...(['p50', 'p90', 'p95', 'p99', 'p999', 'apdex', 'last', 'sum'] as const),
] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export interface SeriesPoint {
  readonly span: Range | undefined;
  readonly values: Readonly<Partial<Record<Aggregate, number | undefined>>>;
}

export interface Series {
  readonly group: Group;
  /** By time; buckets without a value are left out. */
  readonly points: readonly SeriesPoint[];
  /** Measurements in it, for choosing the most important ones. */
  readonly weight: number;
}

export interface Wanted extends Measured {
  readonly aggregates: readonly Aggregate[];
  /** In the measurement's unit. */
  readonly apdexTarget: number;
}

const SPREAD: ReadonlySet<Aggregate> = new Set(['p50', 'p90', 'p95', 'p99', 'p999', 'apdex']);
const VALUES: ReadonlySet<Aggregate> = new Set(['last', 'sum']);
/** Measured as single values or histograms only, never as gauges. */
const DURATIONS = new Set(['API_RESPONSE_TIME', 'DATABASE_QUERY_TIME', 'QUEUE_PROCESSING_TIME']);

/** How a kind of measurement goes on, for each group; the greatest first. */
export async function series(store: Store, question: Question, wanted: Wanted): Promise<Series[]> {
  const { aggregates, metricType } = wanted;
  const ofBuckets = aggregates.some((name) => SPREAD.has(name));
  const ofValues = aggregates.some((name) => VALUES.has(name)) || !DURATIONS.has(metricType);
  const [done, values] = await Promise.all([
    ofBuckets ? work(store, question, wanted) : totals(store, question, wanted),
    ofValues ? gauges(store, question, wanted) : [],
  ]);
  const known = new Map<string, { total?: Totals | SpreadWork; gauge?: GaugePoint }>();
  for (const total of done) known.set(keyOf(total.group, total.span), { total });
  for (const gauge of values) {
    const key = keyOf(gauge.group, gauge.span);
    known.set(key, { ...known.get(key), gauge });
  }
  const found = Map.groupBy(known.values(), ({ total, gauge }) =>
    keyOf(total?.group ?? gauge?.group ?? {}),
  );
  return [...found.values()]
    .map((both) => ({
      group: both[0]?.total?.group ?? both[0]?.gauge?.group ?? {},
      weight: both.reduce(
        (sum, { total, gauge }) => sum + (total?.count ?? gauge?.samples ?? 0),
        0,
      ),
      points: both
        .map(({ total, gauge }) => ({
          span: total?.span ?? gauge?.span,
          values: pick(aggregates, figuresOf(total, gauge, wanted)),
        }))
        .sort((a, b) => (a.span?.fromMs ?? 0) - (b.span?.fromMs ?? 0)),
    }))
    .sort((a, b) => b.weight - a.weight);
}

function figuresOf(
  total: Totals | SpreadWork | undefined,
  gauge: GaugePoint | undefined,
  { apdexTarget }: Wanted,
): SeriesPoint['values'] {
  const { last, sum, average, min, max } = gauge ?? {};
  if (!total) return { last, sum, average, min, max };
  const figures = { last, sum: total.average * total.count, ...numbersOf(total) };
  if (!('distribution' in total)) return figures;
  const { p50, p90, p95, p99, p999, distribution } = total;
  return { ...figures, p50, p90, p95, p99, p999, apdex: distribution.apdex(apdexTarget) };
}

function numbersOf({ count, rate, average, errorRate, min, max }: Totals) {
  return { count, rate, average, errorRate, min, max };
}

function pick(aggregates: readonly Aggregate[], values: SeriesPoint['values']) {
  return Object.fromEntries(aggregates.map((name) => [name, values[name]]));
}
