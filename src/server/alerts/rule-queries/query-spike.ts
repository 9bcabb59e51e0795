import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { MetricSums } from '../../../storage/queries/measurement-sums.ts';
import { toGroupKey } from '../../../storage/queries/query-definition.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { Measure } from '../rules/alert-rule.ts';
import {
  computeMean,
  computeMeanBounds,
  getCount,
  type SumValues,
  toObservation,
} from './measure-observation.ts';
import type { RuleQueryCache } from './rule-query-cache.ts';

/** A baseline that consists mostly of the window itself can't be compared with the window. */
const MIN_BASELINE_FACTOR = 2;
/**
 * Share of the baseline that must have passed since its first measurement. It is less than 1, because services
 * without requests at night have no measurement at the start of the baseline.
 */
const MIN_BASELINE_SHARE = 11 / 12;
/** A mean of fewer measurements isn't usual. */
const MIN_USUAL_COUNT = 5;
/** Times at which the load is similar: the same time of the day before, and of the week before. */
const SIMILAR_TIMES_MS = [DAY_MS, 7 * DAY_MS];
/** Daily peaks don't start at exactly the same time. */
const SIMILAR_TIME_TOLERANCE_MS = 30 * MINUTE_MS;
const SIMILAR_TIME_STEP_MS = 10 * MINUTE_MS;

/**
 * Returns the mean of the window divided by the mean of the baseline. The window and the baseline
 * both end now. A group waits until its baseline is long enough. An alert starts only if the mean is also higher
 * than at the same time of the day before and of the week before.
 */
export async function querySpike(measure: Measure, cache: RuleQueryCache): Promise<Observation[]> {
  const baselineMs = measure.baselineMs ?? measure.windowMs;
  const [sums, baselines] = await Promise.all([
    cache.metricSums(measure),
    cache.metricSums({ ...measure, windowMs: baselineMs }),
  ]);
  const baselineByGroup = new Map(baselines.map((each) => [toGroupKey(each.group), each]));
  const compare = (each: MetricSums, usualMean = 0): Observation => {
    const baseline = baselineByGroup.get(toGroupKey(each.group));
    const spike = computeSpike(each, baseline, usualMean, measure, cache.now);
    return { ...toObservation(each, spike.value, getCount(each)), ...spike };
  };
  const observations = sums.map((each) => compare(each));
  if (!observations.some(canStartSpike)) return observations;
  const usualMeans = await queryUsualMeans(measure, cache);
  return sums.map((each) => compare(each, usualMeans.get(toGroupKey(each.group))));
}

type Spike = Pick<Observation, 'value' | 'bounds' | 'waiting'>;

/** Returns whether an alert could start. Only then, the usual mean is needed. */
export function canStartSpike({ bounds, waiting }: Spike): boolean {
  return !waiting && (bounds?.lower ?? 0) > 1;
}

/**
 * Returns the mean of the window divided by the mean of the baseline, and its bounds.
 *
 * @param baseline undefined if it has no rows
 * @param usualMean highest mean at similar times. 0 if unknown.
 */
export function computeSpike(
  sums: SumValues,
  baseline: SumValues | undefined,
  usualMean: number,
  measure: Measure,
  now: number,
): Spike {
  const { baselineMs = measure.windowMs, minimumIncrease } = measure;
  const mean = computeMean(sums);
  const baselineMean = baseline && computeMean(baseline);
  const value = mean !== undefined && baselineMean ? mean / baselineMean : undefined;
  if (value === undefined || mean === undefined || !baseline || !baselineMean) return { value };
  const neededMs = MIN_BASELINE_SHARE * baselineMs;
  const haveMs = now - baseline.oldestMs;
  if (haveMs < neededMs) return { value, waiting: { reason: 'baseline', haveMs, neededMs } };
  const { lower, upper } = computeMeanBounds(sums, measure) ?? { lower: mean, upper: mean };
  const usual = Math.max(usualMean, baselineMean);
  const isEvident =
    getCount(baseline) >= MIN_BASELINE_FACTOR * getCount(sums) && lower - usual >= minimumIncrease;
  const bounds = isEvident
    ? { lower: lower / usual, upper: upper / baselineMean }
    : { lower: Math.min(1, value), upper: value };
  return { value, bounds };
}

/**
 * Returns the highest mean of each group around the same time of the day before and of the week before.
 *
 * @returns the means by group key
 */
export async function queryUsualMeans(
  measure: Measure,
  cache: RuleQueryCache,
): Promise<ReadonlyMap<string, number>> {
  const found = await Promise.all(
    SIMILAR_TIMES_MS.map((agoMs) => {
      const endMs = cache.now - agoMs + SIMILAR_TIME_TOLERANCE_MS;
      const lengthMs = measure.windowMs + 2 * SIMILAR_TIME_TOLERANCE_MS;
      return cache.steppedSums(
        measure,
        { fromMs: endMs - lengthMs, toMs: endMs },
        SIMILAR_TIME_STEP_MS,
      );
    }),
  );
  const usual = new Map<string, number>();
  for (const each of found.flat()) {
    if (getCount(each) < MIN_USUAL_COUNT) continue;
    const key = toGroupKey(each.group);
    usual.set(key, Math.max(usual.get(key) ?? 0, computeMean(each) ?? 0));
  }
  return usual;
}
