import { computeTTail } from '../../core/statistics/student-t.ts';
import type { ComparableInterval } from './impact-interval.ts';
import { MIN_CLUSTERS } from './stratified-ratio.ts';

/** The result of a test for a trend over the latency bands. */
export interface TrendTest {
  /** Two-sided p-value of no trend. */
  readonly pValue: number;
  readonly direction: 'fewer' | 'more';
}

/**
 * Tests whether the outcomes per exposure fall or rise from band to band, within each stratum. This is a score test:
 * each band has its number as the score. The expected outcomes are the outcomes of the stratum, shared by exposure.
 * Its variance is computed from the clusters.
 *
 * @param bands the intervals of each band, from the fastest to the slowest
 * @returns `undefined` with fewer than 10 clusters
 */
export function testTrend(
  bands: readonly (readonly ComparableInterval[])[],
): TrendTest | undefined {
  const all = bands.flatMap((intervals, band) => intervals.map((each) => ({ ...each, band })));
  const contributions = new Map<number, number>();
  for (const ofStratum of Map.groupBy(all, ({ stratum }) => stratum).values()) {
    const exposure = ofStratum.reduce((sum, each) => sum + each.exposure, 0);
    const outcome = ofStratum.reduce((sum, each) => sum + each.outcome, 0);
    const meanBand = ofStratum.reduce((sum, each) => sum + each.band * each.exposure, 0) / exposure;
    for (const each of ofStratum) {
      const expected = (outcome * each.exposure) / exposure;
      const score = (each.band - meanBand) * (each.outcome - expected);
      contributions.set(each.cluster, (contributions.get(each.cluster) ?? 0) + score);
    }
  }
  const count = contributions.size;
  if (count < MIN_CLUSTERS) return undefined;
  const scores = [...contributions.values()];
  const total = scores.reduce((sum, score) => sum + score, 0);
  const mean = total / count;
  const variance =
    (scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) * count) / (count - 1);
  if (!(variance > 0)) return { pValue: 1, direction: 'fewer' };
  const pValue = Math.min(1, 2 * computeTTail(Math.abs(total) / Math.sqrt(variance), count - 1));
  return { pValue, direction: total < 0 ? 'fewer' : 'more' };
}
