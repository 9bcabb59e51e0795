/** One interval's part of a sum: number of measurements, and the sum of a value over them. */
export interface Cluster {
  readonly count: number;
  readonly sum: number;
}

/** The variance between intervals that the variance within them doesn't explain. */
export interface BetweenVariance {
  /** Variance of an interval's mean around the mean of all, including its autocorrelation. */
  readonly variance: number;
  /** Degrees of freedom of the estimate. */
  readonly degrees: number;
}

/** More autocovariances than this share of the intervals can't be estimated. */
const MAX_LAG_SHARE = 0.2;
/**
 * Smallest assumed correlation of neighboring intervals. In one hour, the estimated autocovariances are too low by
 * chance for some series. Without this limit, these series would cause false alarms.
 */
const MINIMUM_CORRELATION = 0.5;

/**
 * Estimates how much the means of intervals vary in addition to the variance of single measurements. Load changes
 * between minutes, so measurements of the same minute are similar, and neighboring minutes are too.
 *
 * Autocovariances have the weights of a mean over `windowLength` intervals (Bartlett weights, as in Newey and West,
 * 1987). The result is therefore the variance that matters for a window of this length. It is at least the variance
 * of an autoregressive process with a correlation of 0.5.
 *
 * @param clusters consecutive intervals of a reference period
 * @param within variance of single measurements
 * @param windowLength number of intervals in the window
 */
export function estimateBetweenVariance(
  clusters: readonly Cluster[],
  within: number,
  windowLength: number,
): BetweenVariance {
  let [count, sum, squares] = [0, 0, 0];
  for (const cluster of clusters) {
    count += cluster.count;
    sum += cluster.sum;
    squares += cluster.count ** 2;
  }
  const k = clusters.length;
  if (k < 2 || count === 0) return { variance: 0, degrees: 1 };
  const mean = sum / count;
  const lags = Math.max(1, Math.min(windowLength, Math.floor(k * MAX_LAG_SHARE)));
  const residuals = clusters.map((cluster) => cluster.sum - cluster.count * mean);
  let [total, single] = [0, 0];
  for (let lag = 0; lag < lags; lag += 1) {
    let covariance = 0;
    for (let i = lag; i < k; i += 1) covariance += residuals[i]! * residuals[i - lag]!;
    if (lag === 0) single = covariance;
    total += (lag === 0 ? 1 : 2 * (1 - lag / lags)) * covariance;
  }
  const estimated = (total * k) / Math.max(1, k - lags) - within * count;
  const uncorrelated = (single * k) / (k - 1) - within * count;
  const assumed = uncorrelated * computeInflation(MINIMUM_CORRELATION, windowLength);
  return {
    variance: Math.max(0, estimated, assumed) / squares,
    degrees: Math.max(1, (1.5 * k) / lags - 1, k / 2 - 1),
  };
}

/** Returns how much a correlation of neighboring intervals increases the variance of a mean over a window. */
function computeInflation(correlation: number, windowLength: number): number {
  let inflation = 1;
  for (let lag = 1; lag < Math.min(windowLength, 20); lag += 1) {
    inflation += 2 * (1 - lag / windowLength) * correlation ** lag;
  }
  return inflation;
}

/** A variance and the degrees of freedom with which it is known. */
export interface VarianceEstimate {
  readonly variance: number;
  /** The part of the variance that `degrees` is about. The other part counts as known. */
  readonly between: number;
  readonly degrees: number;
}

/** Returns the variance of a mean over intervals with these counts. */
export function computeMeanVariance(
  counts: readonly number[],
  within: number,
  { variance, degrees }: BetweenVariance,
): VarianceEstimate {
  let [count, squares] = [0, 0];
  for (const n of counts) {
    count += n;
    squares += n * n;
  }
  const between = (variance * squares) / count ** 2;
  return { variance: within / count + between, between, degrees };
}

/**
 * Returns the degrees of freedom of a sum of variances (Welch and Satterthwaite). The variances between intervals come
 * from the same reference, so their errors add up.
 */
export function combineDegrees(estimates: readonly VarianceEstimate[]): number {
  const total = estimates.reduce((sum, { variance }) => sum + variance, 0);
  const uncertain = estimates.reduce(
    (sum, { between, degrees }) => sum + between / Math.sqrt(degrees),
    0,
  );
  return uncertain === 0 ? Number.POSITIVE_INFINITY : (total / uncertain) ** 2;
}
