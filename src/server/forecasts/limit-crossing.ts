/** A predicted value with the interval that contains it with the stated probability. */
export interface PredictedPoint {
  readonly atMs: number;
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/** Times in ms at which a forecast reaches a limit. Undefined if this is after the end of the forecast. */
export interface LimitTimes {
  readonly expectedMs: number | undefined;
  /** The upper edge of the interval reaches the limit. */
  readonly earliestMs: number | undefined;
  /** The lower edge of the interval reaches the limit. */
  readonly latestMs: number | undefined;
}

/**
 * Returns when a forecast reaches a limit from below, interpolated between the points.
 *
 * @param start the current value and its time
 */
export function findLimitTimes(
  start: { readonly atMs: number; readonly value: number },
  points: readonly PredictedPoint[],
  limit: number,
): LimitTimes {
  const find = (edge: 'value' | 'lower' | 'upper') => {
    let before = { atMs: start.atMs, value: start.value };
    if (before.value >= limit) return before.atMs;
    for (const point of points) {
      const value = point[edge];
      if (value >= limit) {
        const share = (limit - before.value) / (value - before.value);
        return Math.round(before.atMs + share * (point.atMs - before.atMs));
      }
      before = { atMs: point.atMs, value };
    }
    return undefined;
  };
  return { expectedMs: find('value'), earliestMs: find('upper'), latestMs: find('lower') };
}

/**
 * Returns the width of the interval at each step: interpolated between the tested horizons, and never smaller than
 * at an earlier step.
 *
 * @param horizons tested horizons in steps, in ascending order
 * @param widths width at each horizon
 */
export function interpolateWidths(
  horizons: readonly number[],
  widths: readonly number[],
  length: number,
): Float64Array {
  const result = new Float64Array(length);
  let highest = 0;
  for (let step = 1; step <= length; step++) {
    const next = horizons.findIndex((horizon) => horizon >= step);
    const index = next < 0 ? horizons.length - 1 : next;
    const [fromStep, from] =
      index > 0 ? [horizons[index - 1]!, widths[index - 1]!] : [0, widths[0]!];
    const [toStep, to] = [horizons[index]!, widths[index]!];
    const share = toStep > fromStep ? Math.min(1, (step - fromStep) / (toStep - fromStep)) : 1;
    const width = from + (to - from) * share;
    highest = Math.max(highest, Number.isFinite(width) ? width : 0);
    result[step - 1] = highest;
  }
  return result;
}
