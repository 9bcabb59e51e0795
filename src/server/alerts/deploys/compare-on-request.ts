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
import { NO_VERSION, queryVersionRuns } from '../../../storage/queries/version-runs.ts';
import type { QueryClient, ScanClient } from '../../../storage/questdb/query-client.ts';
import { toSample } from './compare-versions.ts';
import { compareTimes } from './comparison-times.ts';
import type { Finding } from './finding.ts';

/** One side of a comparison. */
interface ComparedSide {
  readonly range: TimeRange;
  /** Undefined for all versions. If the ranges overlap, the other side's version is excluded. */
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
 * Returns whether the same requests would be in both sides of a comparison: the same version in overlapping ranges.
 */
export function isSelfComparison(base: ComparedSide, candidate: ComparedSide): boolean {
  return base.version === candidate.version && doOverlap(base.range, candidate.range);
}

function doOverlap(a: TimeRange, b: TimeRange): boolean {
  return a.fromMs < b.toMs && b.fromMs < a.toMs;
}

/**
 * Compares two versions or two time ranges of a service. The confidence intervals are valid for all series together.
 * The sides must not be a self-comparison, because their samples would not be independent.
 *
 * @returns one finding for each statistic of the series with the most measurements, and the number of series that have
 * measurements
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function compareOnRequest(
  queryClient: ScanClient,
  { scope, filter, base, candidate, alpha }: CompareRequest,
): Promise<{ findings: Finding[]; seriesCount: number }> {
  const toQuery = async (side: ComparedSide, other: ComparedSide): Promise<Query> => {
    const query = { scope, range: side.range, groupBy: SERIES_DIMENSIONS, filter };
    const version =
      side.version !== undefined
        ? [side.version]
        : other.version !== undefined && doOverlap(side.range, other.range)
          ? await listOtherVersions(queryClient, query, other.version)
          : undefined;
    return { ...query, filter: { ...filter, ...(version !== undefined && { version }) } };
  };
  const [baseQuery, candidateQuery] = await Promise.all([
    toQuery(base, candidate),
    toQuery(candidate, base),
  ]);
  const counts = await queryGroupCounts(queryClient, candidateQuery);
  const largest = counts.filter(({ count }) => count > 0).slice(0, MAX_SERIES);
  if (largest.length === 0) return { findings: [], seriesCount: 0 };
  const endpoint = [...new Set(largest.map(({ group }) => group.endpoint ?? '(none)'))];
  const load = async (query: Query) => {
    const range = await findActiveRange(queryClient, query);
    if (!range) return { groups: [], stepMs: MINUTE_MS };
    const stepMs = Math.max(MINUTE_MS, chooseStepMs(range, MAX_STEPS));
    const groups = await queryIntervalHistograms(queryClient, {
      ...query,
      range,
      stepMs,
      filter: { ...query.filter, endpoint },
    });
    return { groups, stepMs };
  };
  const [before, after] = await Promise.all([load(baseQuery), load(candidateQuery)]);
  const stepMs = Math.max(before.stepMs, after.stepMs);
  const beforeByKey = new Map(before.groups.map((group) => [toKey(group), group]));
  const comparisons = after.groups.flatMap((group) => {
    const other = beforeByKey.get(toKey(group));
    if (!other) return [];
    const comparison = { baseline: toSample([other]), candidate: toSample([group]) };
    return isComparable(comparison) ? [{ group, comparison }] : [];
  });
  const confidence = 1 - alpha / Math.max(1, comparisons.length);
  const findings = comparisons.flatMap(({ group, comparison }) => {
    const { baseline, candidate: sample } = comparison;
    return toFindings(group, comparison, confidence, compareTimes(baseline, sample, stepMs));
  });
  return { findings, seriesCount: largest.length };
}

function isVersion(name: string): boolean {
  return name !== NO_VERSION;
}

/** Returns all versions in a range except one. Measurements without a version count as a version. */
async function listOtherVersions(
  queryClient: QueryClient,
  query: Query,
  version: string,
): Promise<string[]> {
  const runs = await queryVersionRuns(queryClient, query);
  const others = new Set(runs.map((run) => run.version));
  others.delete(version);
  return [...others, NO_VERSION];
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
  if (runs.length === 0) return filter?.version?.every(isVersion) ? undefined : range;
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
