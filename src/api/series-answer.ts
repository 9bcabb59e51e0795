import { coded } from '../errors.ts';
import type { Comparison } from '../windows/compare.ts';
import { keyOf } from '../windows/question.ts';
import { type Aggregate, type Series, type SeriesPoint, series } from '../windows/series.ts';
import { type Shifted, shifted } from '../windows/shift.ts';
import type { Store } from '../windows/store.ts';
import { type DimensionName, dimensionsOf, namedGroup } from './dimension-names.ts';
import type { Asked } from './question-of.ts';
import { refusal } from './refusal.ts';
import { stepOf } from './step-of.ts';
import { lengthText } from './time-range.ts';

/** Points of one answer at most, some 10 MB. */
const MOST_POINTS = 60_000;
const TABLES = ['performance_metrics', 'metric_buckets'];

export interface SeriesQuery {
  readonly step?: string | undefined;
  readonly compare?: Comparison | undefined;
  readonly metricType: string;
  readonly name?: readonly string[] | undefined;
  readonly aggregate: readonly Aggregate[];
  readonly groupBy?: readonly DimensionName[] | undefined;
  readonly limit: number;
  readonly apdexTarget: number;
}

/** The series of a kind of measurement, and the earlier ones drawn at the same times. */
export async function seriesAnswer(store: Store, { question, zone }: Asked, query: SeriesQuery) {
  const { range } = question;
  const { compare, limit, groupBy = [] } = query;
  // What the range is compared with is at most a week, or its own length, older.
  const guess = compare && shifted(range, compare, { ms: 1, zone });
  const whole = guess ? { fromMs: guess.range.fromMs, toMs: range.toMs } : range;
  const { step, notes } = await stepOf(query.step, { range, whole, zone }, store, TABLES);
  const earlier = compare && comparison();
  const stepped = { ...question, step, groupBy: dimensionsOf(groupBy) };
  const wanted = {
    metricType: query.metricType,
    names: query.name,
    aggregates: query.aggregate,
    apdexTarget: query.apdexTarget,
  };
  const [found, before] = await Promise.all([
    series(store, stepped, wanted),
    earlier ? series(store, { ...stepped, range: earlier.range }, wanted) : [],
  ]);
  const beforeOf = new Map(before.map((each) => [keyOf(each.group), each]));
  const known = new Set(found.map(({ group }) => keyOf(group)));
  const gone = before.filter(({ group }) => !known.has(keyOf(group)));
  const all: Series[] = [...found, ...gone.map((each) => ({ ...each, points: [] }))];
  const shown = all.slice(0, limit).map(({ group, points }) => ({
    group: namedGroup(group),
    points: points.map(pointOf),
    compared: earlier && beforeOf.get(keyOf(group))?.points.map((each) => ontoAxis(each, earlier)),
  }));
  const count = shown.reduce(
    (sum, { points, compared = [] }) => sum + points.length + compared.length,
    0,
  );
  if (count > MOST_POINTS) throw coded('PS_REQUEST_TOO_LARGE', {});
  return {
    step: lengthText(step.ms),
    timeZone: step.zone,
    notes: notes.length > 0 ? notes : undefined,
    series: shown,
    omittedSeries: all.length - shown.length,
  };

  function comparison(): Shifted {
    const other = shifted(range, compare ?? 'previous', step);
    if (other) return other;
    throw refusal({
      parameter: 'step',
      reason: `of ${lengthText(step.ms)} does not fit ${compare}`,
      allowed: 'a step that a day or a week is a multiple of, as 15m, 1h or 1d',
    });
  }
}

function pointOf({ span, values }: SeriesPoint) {
  return { at: new Date(span?.fromMs ?? 0), ...values };
}

function ontoAxis({ span, values }: SeriesPoint, { onto }: Shifted) {
  return { at: new Date(onto(span?.fromMs ?? 0)), ...values };
}
