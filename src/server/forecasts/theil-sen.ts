/// <reference path="./ml-regression-theil-sen.d.ts" />
import { TheilSenRegression } from 'ml-regression-theil-sen';

/**
 * Fits a Theil–Sen line. The slope is the median of the slopes between all pairs of points. Up to 29 % of the points can
 * be wrong without an effect.
 */
export function fitTheilSen(
  xs: readonly number[],
  ys: readonly number[],
): { readonly slope: number; readonly intercept: number } {
  const { slope, intercept } = new TheilSenRegression(xs, ys);
  return { slope, intercept };
}
