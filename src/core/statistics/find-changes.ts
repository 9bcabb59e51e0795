import {
  type Change,
  type Comparison,
  type Controls,
  compareStatistic,
  compareWithControls,
} from './compare-samples.ts';
import {
  DURATION_STATISTICS,
  isShareStatistic,
  SHARE_STATISTICS,
  type Statistic,
} from './sample-estimates.ts';

/** Smaller relative changes of durations are not reported. */
const MINIMUM_CHANGE = 0.1;
/** Smaller changes of shares are not reported: half a percentage point. */
const MINIMUM_SHARE_CHANGE = 0.005;

/** A series, such as one endpoint, with its changes. */
export interface SeriesChanges<S> {
  readonly series: S;
  readonly changes: readonly (Change & { readonly verdict: Verdict })[];
}

/** `regression` and `improvement` are confirmed changes. */
type Verdict = 'regression' | 'improvement' | 'unchanged';

/**
 * Compares all statistics of several series. A change is confirmed if it is large enough, and significant after Holm's
 * correction for the number of comparisons.
 *
 * @param alpha probability that any confirmed increase is wrong. The same probability applies to decreases.
 * @returns the series that have enough data
 */
export function findChanges<S>(
  comparisons: readonly {
    readonly series: S;
    readonly comparison: Comparison;
    readonly controls?: Controls | undefined;
  }[],
  alpha: number,
): SeriesChanges<S>[] {
  const compared = comparisons.flatMap(({ series, comparison, controls }) => {
    const changes = listStatistics(comparison).flatMap(
      (statistic) => compareStatistic(comparison, statistic) ?? [],
    );
    const relative = controls && compareWithControls(comparison, controls);
    return changes.length > 0
      ? [{ series, changes: relative ? [...changes, relative] : changes }]
      : [];
  });
  const all = compared.flatMap(({ changes }) => changes);
  const increases = correctWithHolm(all, ({ pIncrease }) => pIncrease, alpha);
  const decreases = correctWithHolm(all, ({ pDecrease }) => pDecrease, alpha);
  const getVerdict = (change: Change): Verdict => {
    if (!isLargeChange(change) || !isLargeItself(change)) return 'unchanged';
    if (increases.has(change)) return 'regression';
    return decreases.has(change) ? 'improvement' : 'unchanged';
  };
  return compared.map(({ series, changes }) => {
    const tested = changes.map((change) => ({ ...change, verdict: getVerdict(change) }));
    return { series, changes: confirmOthers(selectTypical(tested)) };
  });
}

/**
 * If one duration statistic of a series is confirmed, the series has changed. Then, the 99 % intervals of its other
 * duration statistics show how they changed.
 */
function confirmOthers<C extends Change & { readonly verdict: Verdict }>(
  changes: readonly C[],
): C[] {
  const durations = changes.filter(({ statistic }) => !isShareStatistic(statistic));
  const has = (verdict: Verdict) => durations.some((change) => change.verdict === verdict);
  const [isSlower, isFaster] = [has('regression'), has('improvement')];
  return changes.map((change) => {
    const { statistic, isRelative, lower, upper } = change;
    if (isShareStatistic(statistic) || isRelative || !isLargeChange(change)) return change;
    if (isSlower && lower > 0) return { ...change, verdict: 'regression' };
    return isFaster && upper < 0 ? { ...change, verdict: 'improvement' } : change;
  });
}

/** If a series stays the same while all others change, that isn't a change of this series. */
function isLargeItself({ statistic, isRelative, change, before, after }: Change): boolean {
  const own = after / before - 1;
  return (
    !isRelative || (own * change > 0 && isLargeChange({ statistic, change: own, before, after }))
  );
}

/** Keeps one result of the geometric mean. The result without controls is kept if it is confirmed, or if none is. */
function selectTypical<C extends Change & { readonly verdict: Verdict }>(
  changes: readonly C[],
): C[] {
  const relative = changes.find(({ isRelative }) => isRelative);
  if (!relative) return [...changes];
  const plain = changes.find((change) => change.statistic === 'typical' && !change.isRelative)!;
  const dropped =
    relative.verdict !== 'unchanged' && plain.verdict === 'unchanged' ? plain : relative;
  return changes.filter((change) => change !== dropped);
}

/** Shares that are 0 in both samples can't have changed. They don't count as comparisons. */
export function listStatistics({ baseline, candidate }: Comparison): Statistic[] {
  const hasErrors = baseline.errorCount + candidate.errorCount > 0;
  const hasAborted = baseline.abortedCount + candidate.abortedCount > 0;
  return [
    ...DURATION_STATISTICS,
    ...SHARE_STATISTICS.filter((name) => (name === 'errorRate' ? hasErrors : hasAborted)),
  ];
}

/** Returns whether a change is large enough to be reported. */
export function isLargeChange({
  statistic,
  change,
  before,
  after,
}: Pick<Change, 'statistic' | 'change' | 'before' | 'after'>): boolean {
  if (!isShareStatistic(statistic)) {
    return change >= MINIMUM_CHANGE || change <= -MINIMUM_CHANGE / (1 + MINIMUM_CHANGE);
  }
  const isRelevant = Math.abs(after - before) >= MINIMUM_CHANGE * Math.max(before, after);
  return Math.abs(change) >= MINIMUM_SHARE_CHANGE && isRelevant;
}

/**
 * Weight of the geometric mean, with and without controls. It is the most exact statistic, so it gets a larger part of
 * the error probability.
 */
const TYPICAL_WEIGHT = 4;

/**
 * Returns the significant changes with Holm's weighted step-down method, which limits the probability of any wrong
 * change to `alpha`.
 */
export function correctWithHolm<T extends { readonly statistic: Statistic }>(
  items: readonly T[],
  getP: (item: T) => number,
  alpha: number,
): Set<T> {
  const getWeight = ({ statistic }: T) => (statistic === 'typical' ? TYPICAL_WEIGHT : 1);
  const toWeightedP = (item: T) => getP(item) / getWeight(item);
  const significant = new Set<T>();
  let remaining = items.reduce((sum, item) => sum + getWeight(item), 0);
  for (const item of items.toSorted((a, b) => toWeightedP(a) - toWeightedP(b))) {
    if (toWeightedP(item) > alpha / remaining) break;
    significant.add(item);
    remaining -= getWeight(item);
  }
  return significant;
}
