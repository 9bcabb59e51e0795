import { MINUTE_MS } from '../../core/duration.ts';
import { formatDuration, formatNumber } from '../../core/format.ts';
import type { ComparableInterval, ImpactInterval } from './impact-interval.ts';
import { estimateRatio, MIN_CLUSTERS, type RatioEstimate } from './stratified-ratio.ts';
import { stratifyIntervals } from './stratify-intervals.ts';
import { type TrendTest, testTrend } from './trend-test.ts';

/** Intervals with a similar latency. */
interface LatencyBand {
  /** Latencies in ms: from (inclusive) to (exclusive). Undefined in the last band. */
  readonly fromMs: number;
  readonly toMs: number | undefined;
  readonly intervals: number;
  readonly outcome: number;
  readonly exposure: number;
  /** Outcomes per exposure, without a correction. */
  readonly rate: number;
  /** Ratio to the fastest band in the same hours and at the same load. Undefined for the fastest band. */
  readonly relative: RatioEstimate | undefined;
}

/** Association between latency and outcomes. */
export interface ImpactAnalysis {
  /** `noDifference` means that the interval contains 1. */
  readonly status: 'waiting' | 'fewer' | 'more' | 'noDifference';
  /** What is missing. Only while waiting. */
  readonly missing: readonly string[];
  readonly intervals: number;
  readonly outcome: number;
  readonly exposure: number;
  readonly bands: readonly LatencyBand[];
  /** Lowest latency of the slow intervals, in ms. */
  readonly slowFromMs: number | undefined;
  /** The slow intervals, compared with the faster half. */
  readonly slow: RatioEstimate | undefined;
  readonly trend: TrendTest | undefined;
  /** Outcomes that would be missing in slow intervals if their ratio was the ratio of fast intervals. */
  readonly associated:
    | { readonly count: number; readonly lower: number; readonly upper: number }
    | undefined;
}

/** Shares of the exposure at which a band ends. */
const BAND_ENDS = [0.5, 0.75, 0.9];
const MIN_INTERVALS = 100;
const MIN_OUTCOMES = 200;
/** Outcomes that are expected in the slow intervals. */
const MIN_SLOW_OUTCOMES = 30;
/** With a smaller difference between the bands, all intervals are about equally fast. */
const MIN_LATENCY_RATIO = 1.1;
/** Intervals with this multiple of the usual latency are slow. */
const MUCH_SLOWER = 1.5;

/**
 * Compares outcomes per exposure between fast and slow intervals, within the same hours and at the same load. The result
 * is an association, and doesn't show a cause. Never throws because of the values.
 *
 * @param zone IANA time zone of the hours of the day
 */
export function analyzeImpact(intervals: readonly ImpactInterval[], zone: string): ImpactAnalysis {
  const used = stratifyIntervals(intervals, zone).sort((a, b) => a.latencyMs - b.latencyMs);
  const outcome = sumOf(used, 'outcome');
  const exposure = sumOf(used, 'exposure');
  const common = { intervals: used.length, outcome, exposure };
  const groups = splitByExposure(used, exposure);
  const [fastest = []] = groups;
  const slow = selectSlow(groups, outcome, exposure);
  const missing = listMissing(used, outcome, exposure, fastest, slow);
  const bands = used.length > 0 ? describeBands(groups, missing.length === 0) : [];
  const slowFromMs = slow[0]?.latencyMs;
  const nothing = { slow: undefined, trend: undefined, associated: undefined };
  const waiting = { ...common, bands, slowFromMs, ...nothing, status: 'waiting' } as const;
  if (missing.length > 0) return { ...waiting, missing };
  const estimate = estimateRatio(slow, fastest);
  if (!estimate) {
    const reason = 'fast and slow intervals at the same hour of the day and at the same load';
    return { ...waiting, missing: [reason] };
  }
  const slowOutcome = sumOf(slow, 'outcome');
  const toCount = (ratio: number) => slowOutcome * (1 / ratio - 1);
  return {
    ...common,
    bands,
    missing: [],
    slowFromMs,
    slow: estimate,
    status: estimate.upper < 1 ? 'fewer' : estimate.lower > 1 ? 'more' : 'noDifference',
    trend: testTrend(groups),
    associated: {
      count: toCount(estimate.ratio),
      lower: toCount(estimate.upper),
      upper: toCount(estimate.lower),
    },
  };
}

/**
 * Returns the slow intervals: at least 1.5 times as slow as usual, or the slowest quarter if there are too few of them.
 * Only latencies decide, so the choice can't favor a result.
 */
function selectSlow(
  groups: readonly (readonly ComparableInterval[])[],
  outcome: number,
  exposure: number,
): readonly ComparableInterval[] {
  const [fastest = [], second = [], third = [], slowest = []] = groups;
  const usualMs = getMedianLatency(fastest);
  const others = [...second, ...third, ...slowest];
  const muchSlower = others.filter(({ latencyMs }) => latencyMs >= MUCH_SLOWER * usualMs);
  const expected = (outcome * sumOf(muchSlower, 'exposure')) / exposure;
  if (expected >= MIN_SLOW_OUTCOMES) return muchSlower;
  const quarter = [...third, ...slowest];
  // If many intervals are equally slow, they are all in the second band.
  return quarter.length > 0 ? quarter : second;
}

/** Returns the latency in the middle of intervals that are sorted by latency. */
function getMedianLatency(sorted: readonly ComparableInterval[]): number {
  return sorted[Math.floor(sorted.length / 2)]?.latencyMs ?? 0;
}

function sumOf(intervals: readonly ComparableInterval[], key: 'outcome' | 'exposure'): number {
  return intervals.reduce((sum, interval) => sum + interval[key], 0);
}

/** Splits intervals, sorted by latency, where the sum of their exposure reaches the end of a band. */
function splitByExposure(
  sorted: readonly ComparableInterval[],
  exposure: number,
): ComparableInterval[][] {
  const groups: ComparableInterval[][] = Array.from({ length: BAND_ENDS.length + 1 }, () => []);
  let before = 0;
  let band = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const interval of sorted) {
    // Equal latencies are always in the same band.
    while (
      band < BAND_ENDS.length &&
      before >= BAND_ENDS[band]! * exposure &&
      interval.latencyMs > lastMs
    ) {
      band += 1;
    }
    groups[band]!.push(interval);
    before += interval.exposure;
    lastMs = interval.latencyMs;
  }
  return groups;
}

function listMissing(
  used: readonly ComparableInterval[],
  outcome: number,
  exposure: number,
  fastest: readonly ComparableInterval[],
  slow: readonly ComparableInterval[],
): string[] {
  const missing: string[] = [];
  const need = (needed: number, have: number, what: string) => {
    if (have >= needed) return;
    missing.push(
      `${formatNumber(needed)} ${what} are needed; there are ${formatNumber(Math.floor(have))}`,
    );
  };
  need(MIN_INTERVALS, used.length, 'intervals with requests and a latency');
  need(MIN_OUTCOMES, outcome, 'outcomes');
  need(MIN_CLUSTERS, new Set(used.map(({ cluster }) => cluster)).size, 'days or parts of days');
  if (missing.length > 0) return missing;
  const slowExposure = sumOf(slow, 'exposure');
  need(
    MIN_SLOW_OUTCOMES,
    (outcome * slowExposure) / exposure,
    'expected outcomes in slow intervals',
  );
  const [fastMs, slowMs] = [getMedianLatency(fastest), getMedianLatency(slow)];
  if (slowMs < MIN_LATENCY_RATIO * fastMs || slow.length === 0) {
    missing.push(
      `slower intervals are needed: the median of the slowest is ${formatDuration(slowMs)}, and of the fastest ${formatDuration(fastMs)}`,
    );
  }
  return missing;
}

function describeBands(
  groups: readonly (readonly ComparableInterval[])[],
  isCompared: boolean,
): LatencyBand[] {
  const [fastest = []] = groups;
  return groups.flatMap((intervals, i): LatencyBand[] => {
    const [first] = intervals;
    if (!first) return [];
    const next = groups.slice(i + 1).find(({ length }) => length > 0)?.[0];
    const outcome = sumOf(intervals, 'outcome');
    const exposure = sumOf(intervals, 'exposure');
    return [
      {
        fromMs: first.latencyMs,
        toMs: next?.latencyMs,
        intervals: intervals.length,
        outcome,
        exposure,
        rate: outcome / exposure,
        relative: i > 0 && isCompared ? estimateRatio(intervals, fastest) : undefined,
      },
    ];
  });
}

/** Length of the intervals that are compared. */
export const IMPACT_STEP_MS = 10 * MINUTE_MS;
