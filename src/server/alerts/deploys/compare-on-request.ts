import { MINUTE_MS } from '../../../core/duration.ts';
import {
  type Comparison,
  compareStatistic,
  isComparable,
} from '../../../core/statistics/compare-samples.ts';
import { isLargeChange, listStatistics } from '../../../core/statistics/find-changes.ts';
import {
  type GroupHistograms,
  queryGroupCounts,
  queryIntervalHistograms,
  SERIES_DIMENSIONS,
} from '../../../storage/queries/interval-histograms.ts';
import type { Filter, Query } from '../../../storage/queries/query-definition.ts';
import { chooseStepMs } from '../../../storage/queries/time-buckets.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { queryVersionRuns } from '../../../storage/queries/version-runs.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { toSample } from './compare-versions.ts';
import type { Finding } from './finding.ts';

/** One side of a comparison. */
interface ComparedSide {
  readonly range: TimeRange;
  /** Undefined for all versions. */
  readonly version: string | undefined;
}

export interface CompareRequest extends Pick<Query, 'scope'> {
  readonly filter: Filter;
  readonly base: ComparedSide;
  readonly candidate: ComparedSide;
  /** Probability that any confidence interval is wrong. */
  readonly alpha: number;
}

const MAX_SERIES = 40;
const MAX_STEPS = 120;

/**
 * Compares two versions or two time ranges of a service. The confidence intervals are valid for all series together.
 *
 * @returns one finding for each statistic of the series with the most measurements, and the number of series that have
 * measurements
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function compareOnRequest(
  queryClient: QueryClient,
  { scope, filter, base, candidate, alpha }: CompareRequest,
): Promise<{ findings: Finding[]; seriesCount: number }> {
  const toQuery = ({ range, version }: ComparedSide): Query => ({
    ...{ scope, range, groupBy: SERIES_DIMENSIONS },
    filter: { ...filter, ...(version !== undefined && { version: [version] }) },
  });
  const counts = await queryGroupCounts(queryClient, toQuery(candidate));
  const largest = counts.filter(({ count }) => count > 0).slice(0, MAX_SERIES);
  if (largest.length === 0) return { findings: [], seriesCount: 0 };
  const endpoint = [...new Set(largest.map(({ group }) => group.endpoint ?? '(none)'))];
  const load = async (side: ComparedSide) => {
    const query = toQuery(side);
    const range = await findActiveRange(queryClient, query);
    if (!range) return [];
    const stepMs = Math.max(MINUTE_MS, chooseStepMs(range, MAX_STEPS));
    return queryIntervalHistograms(queryClient, {
      ...query,
      range,
      step: { ms: stepMs, zone: 'utc' },
      filter: { ...query.filter, endpoint },
    });
  };
  const [before, after] = await Promise.all([load(base), load(candidate)]);
  const isTogether =
    base.range.fromMs === candidate.range.fromMs && base.range.toMs === candidate.range.toMs;
  const beforeByKey = new Map(before.map((group) => [toKey(group), group]));
  const comparisons = after.flatMap((group) => {
    const other = beforeByKey.get(toKey(group));
    if (!other) return [];
    const comparison = { baseline: toSample([other]), candidate: toSample([group]) };
    return isComparable(comparison) ? [{ group, comparison }] : [];
  });
  const confidence = 1 - alpha / Math.max(1, comparisons.length);
  const method = isTogether ? 'concurrent' : 'before';
  const findings = comparisons.flatMap(({ group, comparison }) =>
    toFindings(group, comparison, confidence, method),
  );
  return { findings, seriesCount: largest.length };
}

/**
 * Returns the part of the range in which the version ran. Short steps in this part give more intervals than long steps in
 * the whole range.
 */
async function findActiveRange(
  queryClient: QueryClient,
  { scope, range, filter }: Query,
): Promise<TimeRange | undefined> {
  const runs = await queryVersionRuns(queryClient, { scope, range, filter });
  if (runs.length === 0) return filter?.version ? undefined : range;
  const fromMs = Math.min(...runs.map(({ firstMs }) => firstMs));
  const lastMs = Math.max(...runs.map((run) => run.lastMs));
  // In roll-ups, the last time is the start of an interval.
  const rollupMs = chooseStepMs(range, MAX_STEPS);
  return {
    fromMs: Math.max(range.fromMs, fromMs),
    toMs: Math.min(range.toMs, lastMs + Math.max(MINUTE_MS, rollupMs)),
  };
}

function toKey({ type, group }: GroupHistograms): string {
  return JSON.stringify([type, group]);
}

function toFindings(
  { type, group }: GroupHistograms,
  comparison: Comparison,
  confidence: number,
  method: Finding['method'],
): Finding[] {
  const { endpoint, operation, queueScope } = group;
  return listStatistics(comparison).flatMap((statistic) => {
    const change = compareStatistic(comparison, statistic, confidence);
    if (!change) return [];
    const { before, after, lower, upper } = change;
    const isLarge = isLargeChange(change);
    const verdict =
      isLarge && lower > 0 ? 'regression' : isLarge && upper < 0 ? 'improvement' : 'unchanged';
    return {
      ...{ type, endpoint, operation, queueScope, statistic, verdict, method },
      ...{ before, after, change: change.change, lower, upper },
      countBefore: comparison.baseline.count,
      countAfter: comparison.candidate.count,
      look: 0,
    };
  });
}
