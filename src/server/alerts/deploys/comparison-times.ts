import type { IntervalSample } from '../../../core/statistics/interval-sample.ts';

/**
 * The times of the base, relative to the candidate. `concurrent`: in the same minutes. `overlapping`: only partly in the
 * same minutes. `before` or `after`: in earlier or later minutes.
 */
export const COMPARISON_METHODS = ['before', 'concurrent', 'overlapping', 'after'] as const;
export type ComparisonMethod = (typeof COMPARISON_METHODS)[number];

/** Share of each side's measurements that must be in common intervals for the same minutes. */
const CONCURRENT_SHARE = 0.9;
/** Up to this share of the measurements in common intervals, the sides are from different times. */
const SEPARATE_SHARE = 0.1;

/**
 * Returns the times at which a base was measured, relative to a candidate. It depends on the measurements, not on the
 * requested ranges: two versions in one range can have run one after the other.
 *
 * @param stepMs length of the longer intervals of both samples, in ms
 */
export function compareTimes(
  base: Pick<IntervalSample, 'intervals' | 'centerMs'>,
  candidate: Pick<IntervalSample, 'intervals' | 'centerMs'>,
  stepMs: number,
): ComparisonMethod {
  const toSteps = ({ intervals }: Pick<IntervalSample, 'intervals'>) =>
    new Set(intervals.map(({ atMs }) => Math.floor(atMs / stepMs)));
  const computeShare = (
    { intervals }: Pick<IntervalSample, 'intervals'>,
    steps: ReadonlySet<number>,
  ) => {
    let [all, common] = [0, 0];
    for (const { atMs, count, abortedCount } of intervals) {
      all += count + abortedCount;
      if (steps.has(Math.floor(atMs / stepMs))) common += count + abortedCount;
    }
    return all === 0 ? 0 : common / all;
  };
  const shares = [
    computeShare(base, toSteps(candidate)),
    computeShare(candidate, toSteps(base)),
  ] as const;
  if (Math.min(...shares) >= CONCURRENT_SHARE) return 'concurrent';
  if (Math.max(...shares) > SEPARATE_SHARE) return 'overlapping';
  return base.centerMs <= candidate.centerMs ? 'before' : 'after';
}
