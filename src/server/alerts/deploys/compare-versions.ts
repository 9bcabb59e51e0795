import { MINUTE_MS } from '../../../core/duration.ts';
import {
  type Comparison,
  type Controls,
  isComparable,
  MINIMUM_COUNT,
} from '../../../core/statistics/compare-samples.ts';
import { ControlSeries, type SeriesPeriods } from '../../../core/statistics/control-series.ts';
import { findChanges } from '../../../core/statistics/find-changes.ts';
import {
  type IntervalHistogram,
  IntervalSample,
} from '../../../core/statistics/interval-sample.ts';
import type { GroupHistograms } from '../../../storage/queries/interval-histograms.ts';
import type { Finding, FindingSeries } from './finding.ts';

/** The histograms of a service around a deploy. */
export interface DeployHistograms {
  readonly version: string;
  /** Before the deploy, by version. */
  readonly before: readonly GroupHistograms[];
  /** After the deploy and its warm-up, by version. */
  readonly after: readonly GroupHistograms[];
  /** The same times one day earlier. */
  readonly dayBefore: {
    readonly before: readonly GroupHistograms[];
    readonly after: readonly GroupHistograms[];
  };
}

/** The result of a comparison: one finding for each series and statistic. */
export interface VersionComparison {
  readonly findings: readonly Finding[];
  /** Number of series with enough data. */
  readonly comparedSeries: number;
}

/**
 * A concurrent comparison needs at least this share of the new version's requests from the old version. With fewer, the
 * comparison with the time before is more exact.
 */
const MINIMUM_CONCURRENT_SHARE = 0.5;

/**
 * Compares the new version with the previous versions. If both ran at the same time with enough requests, compares the
 * same minutes, so that load and time of day are equal. Otherwise, compares with the hour before the deploy.
 *
 * @param alpha probability that any finding is wrong
 */
export function compareVersions(
  { version, before, after, dayBefore }: DeployHistograms,
  alpha: number,
): VersionComparison {
  const beforeBySeries = groupBySeries(before);
  const afterBySeries = groupBySeries(after);
  const [dayBaseline, dayCandidate] = [
    groupBySeries(dayBefore.before),
    groupBySeries(dayBefore.after),
  ];
  const comparisons = [...afterBySeries].flatMap(([key, { series, groups }]) => {
    const own = groups.filter(({ group }) => group.version === version);
    // Services without a version have only one group.
    const candidate = toSample(own.length > 0 ? own : groups);
    if (candidate.count < MINIMUM_COUNT) return [];
    const all = beforeBySeries.get(key)?.groups ?? [];
    const others = all.filter(({ group }) => group.version !== version);
    const reference = toSample(others.length > 0 ? others : all);
    const concurrent = selectConcurrent(
      own.length > 0 ? groups.filter(({ group }) => group.version !== version) : [],
      candidate,
    );
    const hasConcurrent =
      concurrent.count >= Math.max(MINIMUM_COUNT, MINIMUM_CONCURRENT_SHARE * candidate.count);
    const [daily, dailyAfter] = [dayBaseline.get(key), dayCandidate.get(key)];
    const comparison: Comparison = hasConcurrent
      ? { baseline: concurrent, candidate, reference }
      : {
          baseline: reference,
          candidate,
          dayBefore: daily &&
            dailyAfter && {
              baseline: toSample(daily.groups),
              candidate: toSample(dailyAfter.groups),
            },
        };
    if (!isComparable(comparison)) return [];
    const method = hasConcurrent ? 'concurrent' : 'before';
    return [{ series: { ...series, method, comparison } as const, comparison }];
  });
  const toControls = createControls(comparisons.map(({ series }) => series));
  const compared = findChanges(
    comparisons.map((item) => ({ ...item, controls: toControls(item.series) })),
    alpha,
  );
  const findings = compared.flatMap(({ series: { comparison, ...series }, changes }) =>
    changes.map((change): Finding => {
      const { statistic, isRelative, verdict, before: from, after: to, lower, upper } = change;
      const { count: countBefore } = comparison.baseline;
      const { count: countAfter } = comparison.candidate;
      return {
        ...series,
        ...{ statistic, verdict, before: from, after: to, change: change.change, lower, upper },
        ...{ countBefore, countAfter, look: 0 },
        ...(isRelative && { isRelative }),
      };
    }),
  );
  return { findings, comparedSeries: compared.length };
}

interface ComparedSeries extends FindingSeries {
  readonly method: Finding['method'];
  readonly comparison: Comparison;
}

/**
 * Returns a function for the controls of a series: the other series of its type, for all organizations. A comparison
 * in the same minutes needs no controls.
 */
function createControls(
  compared: readonly ComparedSeries[],
): (series: ComparedSeries) => Controls | undefined {
  const members = compared.filter(
    ({ method, organization }) => method === 'before' && organization === undefined,
  );
  const byType = new Map(
    [...Map.groupBy(members, ({ type }) => type)].map(([type, ofType]) => {
      const createSeries = (getPeriods: (comparison: Comparison) => SeriesPeriods | undefined) =>
        new ControlSeries(
          ofType.flatMap((series) => {
            const periods = getPeriods(series.comparison);
            return periods ? [{ name: toControlName(series), periods }] : [];
          }),
        );
      const series = createSeries((comparison) => comparison);
      return [type, { series, dayBefore: createSeries(({ dayBefore }) => dayBefore) }];
    }),
  );
  return (series) => {
    const controls = series.method === 'before' ? byType.get(series.type) : undefined;
    return controls && { ...controls, name: toControlName(series) };
  };
}

/** Series of one endpoint have the same name. They aren't controls of each other. */
function toControlName({ type, endpoint }: FindingSeries): string {
  return JSON.stringify([type, endpoint]);
}

/** Returns the old version's requests in the minutes in which the new version also had requests. */
function selectConcurrent(
  groups: readonly GroupHistograms[],
  candidate: IntervalSample,
): IntervalSample {
  const minutes = new Set(candidate.intervals.map(({ atMs }) => toMinute(atMs)));
  return toSample(groups, ({ atMs }) => minutes.has(toMinute(atMs)));
}

function toMinute(ms: number): number {
  return Math.floor(ms / MINUTE_MS);
}

interface SeriesGroups {
  readonly series: FindingSeries;
  readonly groups: readonly GroupHistograms[];
}

/** Groups histograms of different versions by series. */
function groupBySeries(groups: readonly GroupHistograms[]): ReadonlyMap<string, SeriesGroups> {
  const bySeries = Map.groupBy(groups, ({ type, group }) => {
    const { endpoint, operation, queueScope, organization } = group;
    return JSON.stringify([type, endpoint, operation, queueScope, organization]);
  });
  return new Map(
    [...bySeries].map(([key, ofSeries]) => {
      const { type, group } = ofSeries[0]!;
      const { endpoint, operation, queueScope, organization } = group;
      const series = { type, endpoint, operation, queueScope, organization };
      return [key, { series, groups: ofSeries }];
    }),
  );
}

/** Merges the histograms of several groups. Intervals of the same time become one interval. */
export function toSample(
  groups: readonly GroupHistograms[],
  isSelected: (interval: IntervalHistogram) => boolean = () => true,
): IntervalSample {
  const intervals = groups.flatMap((group) => group.intervals).filter(isSelected);
  const byTime = Map.groupBy(intervals, ({ atMs }) => atMs);
  return new IntervalSample(
    // A copy of each interval would double the memory of a comparison.
    [...byTime].map(([atMs, parts]) =>
      parts.length === 1 ? parts[0]! : mergeIntervals(atMs, parts),
    ),
  );
}

function mergeIntervals(atMs: number, parts: readonly IntervalHistogram[]): IntervalHistogram {
  return {
    atMs,
    count: sumOf(parts, ({ count }) => count),
    errorCount: sumOf(parts, ({ errorCount }) => errorCount),
    abortedCount: sumOf(parts, ({ abortedCount }) => abortedCount),
    sum: sumOf(parts, ({ sum }) => sum),
    buckets: parts.flatMap(({ buckets }) => buckets),
  };
}

function sumOf<T>(items: readonly T[], toValue: (item: T) => number): number {
  return items.reduce((sum, item) => sum + toValue(item), 0);
}
