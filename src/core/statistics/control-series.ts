import {
  computeMeanVariance,
  estimateBetweenVariance,
  type VarianceEstimate,
} from './clustered-variance.ts';
import type { IntervalSample } from './interval-sample.ts';
import { computeLogMoments, computeLogSums } from './sample-estimates.ts';

/** The samples of one series before and after a deploy. */
export interface SeriesPeriods {
  readonly baseline: IntervalSample;
  readonly candidate: IntervalSample;
}

/** With fewer other series, their median isn't a reliable control. */
const MINIMUM_CONTROLS = 5;
/** The mean of fewer measurements of one interval varies too much. */
const MINIMUM_INTERVAL_COUNT = 10;
/** A series can react more to a common cause than the other series, but not much more. */
const MAX_SENSITIVITY = 1.5;
const MINIMUM_INTERVALS = 10;

/** The mean logarithm of a series in both periods, without the changes that the other series share. */
interface AdjustedMeans {
  readonly baseline: AdjustedMean;
  readonly candidate: AdjustedMean;
}
interface AdjustedMean extends VarianceEstimate {
  /** Mean of the logarithms, relative to the mean of the baseline. */
  readonly value: number;
}

interface Point {
  readonly atMs: number;
  readonly count: number;
  /** Difference of the interval's mean logarithm from the mean of the baseline. */
  readonly residual: number;
}

/**
 * The other series of a service as controls (difference in differences). A busy host or a slow database affects all
 * series in the same minutes. The median of the other series shows such a common change.
 */
export class ControlSeries {
  readonly #residuals = new Map<number, { readonly member: string; readonly residual: number }[]>();

  /** @param members samples of each series, by a name of the series. Several series of one endpoint have one name. */
  constructor(members: readonly { readonly name: string; readonly periods: SeriesPeriods }[]) {
    for (const { name, periods } of members) {
      const { baseline, candidate } = periods;
      const points = [...listPoints(baseline, baseline), ...listPoints(candidate, baseline)];
      for (const { atMs, residual } of points) {
        const known = this.#residuals.get(atMs);
        if (known) known.push({ member: name, residual });
        else this.#residuals.set(atMs, [{ member: name, residual }]);
      }
    }
    for (const list of this.#residuals.values()) list.sort((a, b) => a.residual - b.residual);
  }

  /**
   * Returns the means of a series after the common changes are subtracted. How much the series reacts to common changes
   * is estimated from the baseline.
   *
   * @param name name of the series. It isn't its own control.
   * @returns undefined if there are too few other series or intervals
   */
  adjust(name: string, { baseline, candidate }: SeriesPeriods): AdjustedMeans | undefined {
    const before = this.#withControls(name, listPoints(baseline, baseline));
    const after = this.#withControls(name, listPoints(candidate, baseline));
    const isComplete = after.length > 0 && 2 * after.length >= candidate.intervals.length;
    if (before.length < MINIMUM_INTERVALS || !isComplete) return undefined;
    const sensitivity = estimateSensitivity(before);
    const toClusters = (points: readonly ControlledPoint[]) =>
      points.map(({ count, residual, control }) => ({
        count,
        sum: count * (residual - sensitivity * control),
      }));
    const [clusters, candidateClusters] = [toClusters(before), toClusters(after)];
    const within = {
      baseline: computeLogMoments(baseline).variance,
      candidate: computeLogMoments(candidate).variance,
    };
    const between = estimateBetweenVariance(clusters, within.baseline, after.length);
    const estimate = (list: typeof clusters, variance: number): AdjustedMean => {
      const counts = list.map(({ count }) => count);
      const total = counts.reduce((sum, count) => sum + count, 0);
      const value = list.reduce((sum, cluster) => sum + cluster.sum, 0) / total;
      return { ...computeMeanVariance(counts, variance, between), value };
    };
    return {
      baseline: estimate(clusters, within.baseline),
      candidate: estimate(candidateClusters, within.candidate),
    };
  }

  #withControls(name: string, points: readonly Point[]): ControlledPoint[] {
    return points.flatMap((point) => {
      const control = this.#computeMedian(point.atMs, name);
      return control === undefined ? [] : [{ ...point, control }];
    });
  }

  /** Returns the median of the other series in an interval. */
  #computeMedian(atMs: number, name: string): number | undefined {
    const others = (this.#residuals.get(atMs) ?? []).filter(({ member }) => member !== name);
    if (others.length < MINIMUM_CONTROLS) return undefined;
    const middle = (others.length - 1) / 2;
    return (others[Math.floor(middle)]!.residual + others[Math.ceil(middle)]!.residual) / 2;
  }
}

interface ControlledPoint extends Point {
  readonly control: number;
}

function listPoints(sample: IntervalSample, baseline: IntervalSample): Point[] {
  const { mean } = computeLogMoments(baseline);
  const sums = computeLogSums(sample);
  return sample.intervals.flatMap(({ atMs, count }, index) => {
    if (count < MINIMUM_INTERVAL_COUNT) return [];
    return [{ atMs, count, residual: sums[index]! / count - mean }];
  });
}

/** Returns the slope of a regression of the series on its controls. */
function estimateSensitivity(points: readonly ControlledPoint[]): number {
  const meanOf = (toValue: (point: ControlledPoint) => number) =>
    points.reduce((sum, point) => sum + toValue(point), 0) / points.length;
  const [residual, control] = [meanOf((p) => p.residual), meanOf((p) => p.control)];
  let [product, square] = [0, 0];
  for (const point of points) {
    product += (point.residual - residual) * (point.control - control);
    square += (point.control - control) ** 2;
  }
  return square === 0 ? 0 : Math.min(MAX_SENSITIVITY, Math.max(0, product / square));
}
