import { computeTQuantile, computeTTail } from '../../core/statistics/student-t.ts';
import type { ComparableInterval } from './impact-interval.ts';

/** A ratio with its interval of 95 % confidence. */
export interface RatioEstimate {
  readonly ratio: number;
  readonly lower: number;
  readonly upper: number;
  /** Two-sided p-value of no difference. */
  readonly pValue: number;
}

/** Sums of one stratum in one cluster. */
interface Cell {
  /** Outcomes and exposure of the compared intervals and of the reference. */
  compared: number;
  comparedExposure: number;
  reference: number;
  referenceExposure: number;
}

const TAIL = 0.025;
/** With fewer clusters, the interval isn't reliable. */
export const MIN_CLUSTERS = 10;

/**
 * Compares the outcomes per exposure of two groups of intervals, only within the same stratum: the rate ratio of Mantel
 * and Haenszel. Its interval comes from a jackknife that leaves out one cluster at a time, so intervals of the same day
 * can depend on each other.
 *
 * @returns `undefined` if no stratum has both groups, or if there are fewer than 10 clusters
 */
export function estimateRatio(
  compared: readonly ComparableInterval[],
  reference: readonly ComparableInterval[],
): RatioEstimate | undefined {
  const clusters = new Map<number, Map<string, Cell>>();
  const add = (intervals: readonly ComparableInterval[], isCompared: boolean) => {
    for (const { cluster, stratum, outcome, exposure } of intervals) {
      const cells = clusters.get(cluster) ?? new Map<string, Cell>();
      clusters.set(cluster, cells);
      const cell = cells.get(stratum) ?? {
        compared: 0,
        comparedExposure: 0,
        reference: 0,
        referenceExposure: 0,
      };
      cells.set(stratum, cell);
      if (isCompared) {
        cell.compared += outcome;
        cell.comparedExposure += exposure;
      } else {
        cell.reference += outcome;
        cell.referenceExposure += exposure;
      }
    }
  };
  add(compared, true);
  add(reference, false);
  const count = clusters.size;
  if (count < MIN_CLUSTERS) return undefined;
  const totals = sumStrata([...clusters.values()]);
  const estimate = computeLogRatio(totals);
  if (estimate === undefined) return undefined;
  const left = [...clusters.values()].map((cells) => computeLogRatio(subtract(totals, cells)));
  const known = left.filter((value) => value !== undefined);
  // One cluster contains everything that can be compared.
  if (known.length < count) return undefined;
  const mean = known.reduce((sum, value) => sum + value, 0) / count;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const error = Math.sqrt((squares * (count - 1)) / count);
  const margin = computeTQuantile(TAIL, count - 1) * error;
  const pValue =
    error > 0
      ? Math.min(1, 2 * computeTTail(Math.abs(estimate) / error, count - 1))
      : estimate === 0
        ? 1
        : 0;
  return {
    ratio: Math.exp(estimate),
    lower: Math.exp(estimate - margin),
    upper: Math.exp(estimate + margin),
    pValue,
  };
}

function sumStrata(clusters: readonly ReadonlyMap<string, Cell>[]): Map<string, Cell> {
  const totals = new Map<string, Cell>();
  for (const cells of clusters) {
    for (const [stratum, cell] of cells) {
      const total = totals.get(stratum);
      if (!total) totals.set(stratum, { ...cell });
      else {
        total.compared += cell.compared;
        total.comparedExposure += cell.comparedExposure;
        total.reference += cell.reference;
        total.referenceExposure += cell.referenceExposure;
      }
    }
  }
  return totals;
}

function subtract(
  totals: ReadonlyMap<string, Cell>,
  cells: ReadonlyMap<string, Cell>,
): Map<string, Cell> {
  const rest = new Map(totals);
  for (const [stratum, cell] of cells) {
    const total = totals.get(stratum)!;
    rest.set(stratum, {
      compared: total.compared - cell.compared,
      comparedExposure: total.comparedExposure - cell.comparedExposure,
      reference: total.reference - cell.reference,
      referenceExposure: total.referenceExposure - cell.referenceExposure,
    });
  }
  return rest;
}

/** Returns the logarithm of the rate ratio of Mantel and Haenszel. */
function computeLogRatio(strata: ReadonlyMap<string, Cell>): number | undefined {
  let numerator = 0;
  let denominator = 0;
  for (const { compared, comparedExposure, reference, referenceExposure } of strata.values()) {
    const exposure = comparedExposure + referenceExposure;
    // Subtracting can leave a rounding error instead of 0.
    if (comparedExposure < 1e-9 || referenceExposure < 1e-9) continue;
    numerator += (compared * referenceExposure) / exposure;
    denominator += (reference * comparedExposure) / exposure;
  }
  if (!(numerator > 0) || !(denominator > 0)) return undefined;
  const ratio = Math.log(numerator / denominator);
  return Number.isFinite(ratio) ? ratio : undefined;
}
