import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { MetricSums } from '../../../storage/queries/measurement-sums.ts';
import { toGroupKey } from '../../../storage/queries/query-definition.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { Measure } from '../rules/alert-rule.ts';
import { computeMean, computeMeanBounds, getCount, toObservation } from './measure-observation.ts';
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
  const compare = (each: MetricSums, usualMean = 0) =>
    toSpike(each, baselineByGroup.get(toGroupKey(each.group)), usualMean, measure, cache.now);
  const observations = sums.map((each) => compare(each));
  // The usual means are needed only if a group could start an alert.
  if (!observations.some(({ bounds, waiting }) => !waiting && (bounds?.lower ?? 0) > 1))
    return observations;
  const usualMeans = await queryUsualMeans(measure, cache);
  return sums.map((each) => compare(each, usualMeans.get(toGroupKey(each.group))));
}

function toSpike(
  sums: MetricSums,
  baseline: MetricSums | undefined,
  usualMean: number,
  measure: Measure,
  now: number,
): Observation {
  const { baselineMs = measure.windowMs, minimumIncrease } = measure;
  const mean = computeMean(sums);
  const baselineMean = baseline && computeMean(baseline);
  const factor = mean !== undefined && baselineMean ? mean / baselineMean : undefined;
  const observation = toObservation(sums, factor, getCount(sums));
  if (factor === undefined || mean === undefined || !baseline || !baselineMean) return observation;
  const neededMs = MIN_BASELINE_SHARE * baselineMs;
  const haveMs = now - baseline.oldestMs;
  if (haveMs < neededMs)
    return { ...observation, waiting: { reason: 'baseline', haveMs, neededMs } };
  const { lower, upper } = computeMeanBounds(sums, measure) ?? { lower: mean, upper: mean };
  const usual = Math.max(usualMean, baselineMean);
  const isEvident =
    getCount(baseline) >= MIN_BASELINE_FACTOR * getCount(sums) && lower - usual >= minimumIncrease;
  const bounds = isEvident
    ? { lower: lower / usual, upper: upper / baselineMean }
    : { lower: Math.min(1, factor), upper: factor };
  return { ...observation, bounds };
}

/** Returns the highest mean of each group around the same time of the day before and of the week before. */
async function queryUsualMeans(
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
