import {
  type Cluster,
  computeMeanVariance,
  estimateBetweenVariance,
  type VarianceEstimate,
} from './clustered-variance.ts';
import type { IntervalHistogram, IntervalSample } from './interval-sample.ts';

/** Statistics of durations. `typical` is the geometric mean. */
export const DURATION_STATISTICS = ['p95', 'mean', 'p50', 'typical'] as const;
/** Statistics that are shares of requests. */
export const SHARE_STATISTICS = ['errorRate', 'abortedRate'] as const;
type DurationStatistic = (typeof DURATION_STATISTICS)[number];
export type ShareStatistic = (typeof SHARE_STATISTICS)[number];
export type Statistic = DurationStatistic | ShareStatistic;

export function isShareStatistic(statistic: Statistic): statistic is ShareStatistic {
  return (SHARE_STATISTICS as readonly Statistic[]).includes(statistic);
}

/**
 * The estimate of a statistic in one sample. Durations are logarithms, so that differences are ratios. Shares are
 * numbers from 0 to 1.
 */
export interface Estimate extends VarianceEstimate {
  readonly value: number;
  /** Lower end of the interval with a width of `z` standard errors. */
  lower(z: number): number;
  /** Upper end of the interval with a width of `z` standard errors. */
  upper(z: number): number;
  /** How far the value can be below and above the estimate because of the width of buckets. */
  readonly margin: { readonly below: number; readonly above: number };
}

const NO_MARGIN = { below: 0, above: 0 };
const QUANTILES = { p50: 0.5, p95: 0.95 } as const;

/**
 * Estimates a statistic.
 *
 * @param reference sample from which the variance between intervals is estimated. Its variance is also used for
 * `sample`, which can be too short.
 */
export function estimateStatistic(
  statistic: Statistic,
  sample: IntervalSample,
  reference: IntervalSample,
): Estimate {
  if (isShareStatistic(statistic)) return estimateShare(statistic, sample, reference);
  if (statistic === 'mean') return estimateMean(sample, reference);
  if (statistic === 'typical') return estimateLogMean(sample, reference);
  return estimateQuantile(statistic, sample, reference);
}

/** Returns the variance of a mean, with the variance between intervals from the reference. */
function estimateVariance(
  statistic: Statistic,
  sample: IntervalSample,
  reference: IntervalSample,
  within: { readonly sample: number; readonly reference: number },
  toCluster: (interval: IntervalHistogram, index: number) => Cluster,
  getCount: (interval: IntervalHistogram) => number = ({ count }) => count,
): VarianceEstimate {
  const between = estimateBetweenVariance(
    reference.memoize(`clusters ${statistic}`, () => reference.intervals.map(toCluster)),
    within.reference,
    sample.intervals.length,
  );
  return computeMeanVariance(sample.intervals.map(getCount), within.sample, between);
}

/**
 * Estimates a quantile with Woodruff's method: the interval of the share of values up to the quantile is converted
 * back to values. The share is a mean, so its variance is known also if the distribution has gaps. The interval
 * of the share is computed on the logit scale, so that it stays between 0 and 1.
 */
function estimateQuantile(
  statistic: keyof typeof QUANTILES,
  sample: IntervalSample,
  reference: IntervalSample,
): Estimate {
  const q = QUANTILES[statistic];
  const limit = reference.getLogQuantile(q);
  const within = { sample: q * (1 - q), reference: q * (1 - q) };
  const variance = estimateVariance(statistic, sample, reference, within, ({ count }, index) => ({
    count,
    sum: reference.countAtMost(index, limit),
  }));
  const logit = Math.log(q / (1 - q));
  const width = Math.sqrt(variance.variance) / (q * (1 - q));
  const at = (x: number) => sample.getLogQuantile(1 / (1 + Math.exp(-x)));
  return {
    ...variance,
    value: sample.getLogQuantile(q),
    lower: (z) => at(logit - z * width),
    upper: (z) => at(logit + z * width),
    margin: sample.getQuantileMargin(q),
  };
}

const identity = (x: number) => x;
/** Returns the mean and the variance of the logarithms of all values. */
export const computeLogMoments = (sample: IntervalSample) =>
  sample.memoize('log moments', () => sample.computeMoments(identity));
/** Returns the sum of the logarithms of the values of each interval. */
export const computeLogSums = (sample: IntervalSample) =>
  sample.memoize('log sums', () =>
    Float64Array.from(sample.intervals, (_, index) => sample.sumInterval(index, identity)),
  );
const computeValueMoments = (sample: IntervalSample) =>
  sample.memoize('value moments', () => sample.computeMoments(Math.exp));

/** Estimates the logarithm of the geometric mean. */
function estimateLogMean(sample: IntervalSample, reference: IntervalSample): Estimate {
  const own = computeLogMoments(sample);
  const other = computeLogMoments(reference);
  const within = { sample: own.variance, reference: other.variance };
  const sums = computeLogSums(reference);
  const variance = estimateVariance('typical', sample, reference, within, ({ count }, index) => ({
    count,
    sum: sums[index]!,
  }));
  const margin = sample.getLogMeanMargin();
  return toSymmetric(own.mean, variance, { below: margin, above: margin });
}

/**
 * Estimates the logarithm of the mean. The mean is exact. Its variance is computed from the buckets of both samples, so
 * that a few extreme values in one of them increase it.
 */
function estimateMean(sample: IntervalSample, reference: IntervalSample): Estimate {
  const own = computeValueMoments(sample);
  const other = computeValueMoments(reference);
  const [mean, referenceMean] = [sample.sum / sample.count, reference.sum / reference.count];
  // The variances are relative to the mean, because the variance between intervals grows with the mean.
  const within = {
    sample: own.variance / mean ** 2,
    reference: other.variance / referenceMean ** 2,
  };
  const variance = estimateVariance('mean', sample, reference, within, ({ count, sum }) => ({
    count,
    sum: sum / referenceMean,
  }));
  return toSymmetric(Math.log(mean), variance, NO_MARGIN);
}

/** Returns an estimate with a symmetric interval. */
export function toSymmetric(
  value: number,
  variance: VarianceEstimate,
  margin: Estimate['margin'],
): Estimate {
  const error = Math.sqrt(variance.variance);
  return {
    ...variance,
    value,
    lower: (z) => value - z * error,
    upper: (z) => value + z * error,
    margin,
  };
}

/**
 * Estimates a share. The upper end is Wilson's score interval. The lower end is computed on the arcsine scale, because
 * Wilson's lower end is too high for rare failures. The number of requests is reduced by the design effect, which is
 * the ratio of the variance between intervals to the variance of independent requests.
 */
function estimateShare(
  statistic: ShareStatistic,
  sample: IntervalSample,
  reference: IntervalSample,
): Estimate {
  const isAborted = statistic === 'abortedRate';
  const getCount = ({ count, abortedCount }: IntervalHistogram) =>
    isAborted ? count + abortedCount : count;
  const getHits = ({ errorCount, abortedCount }: IntervalHistogram) =>
    isAborted ? abortedCount : errorCount;
  const total = (own: IntervalSample) => own.intervals.reduce((sum, i) => sum + getCount(i), 0);
  const share = (own: IntervalSample) =>
    own.intervals.reduce((sum, i) => sum + getHits(i), 0) / Math.max(1, total(own));
  const [value, referenceShare] = [share(sample), share(reference)];
  const within = { sample: value * (1 - value), reference: referenceShare * (1 - referenceShare) };
  const variance = estimateVariance(
    statistic,
    sample,
    reference,
    within,
    (interval) => ({ count: getCount(interval), sum: getHits(interval) }),
    getCount,
  );
  const count = total(sample);
  const effective =
    variance.variance > 0 && within.sample > 0
      ? Math.min(count, within.sample / variance.variance)
      : count;
  return {
    ...variance,
    value,
    lower: (z) =>
      Math.sin(Math.max(0, Math.asin(Math.sqrt(value)) - z / (2 * Math.sqrt(effective)))) ** 2,
    upper: (z) => Math.min(1, computeWilsonUpper(value, effective, z)),
    margin: NO_MARGIN,
  };
}

function computeWilsonUpper(share: number, count: number, z: number): number {
  const center = share + z ** 2 / (2 * count);
  const half = z * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return (center + half) / (1 + z ** 2 / count);
}
