import { median, quantileSorted, sampleCorrelation } from 'simple-statistics';
import { formatDuration, formatNumber, formatPercent } from '../../core/format.ts';
import { fitTheilSen } from './theil-sen.ts';

/** One minute of a service. */
export interface LoadMinute {
  /** Requests per minute. */
  readonly rate: number;
  /** Mean duration, in ms. */
  readonly latencyMs: number;
  /** Mean event loop utilization of the processes, in percent. Undefined if it wasn't reported. */
  readonly utilization: number | undefined;
}

/** The highest rate that a service can handle, and how it was found. */
export interface Capacity {
  /** Requests per minute. Undefined if the capacity can't be observed yet. */
  readonly rate: number | undefined;
  /** `latency`: requests became slower above this rate. `utilization`: the event loop would be busy all the time. */
  readonly method: 'latency' | 'utilization' | undefined;
  /** The evidence, or why the capacity can't be observed. */
  readonly reason: string;
}

/** Number of minutes with requests that are needed. */
const MIN_MINUTES = 600;
/** Number of groups of minutes with a similar rate. */
const BANDS = 20;
/** A service is saturated if its requests take this many times longer than at a usual rate. */
const SATURATED_FACTOR = 2;
const MIN_SLOWER_MS = 20;
/** At this utilization of the event loop, requests wait for each other. */
const FULL_UTILIZATION = 90;
/** The line through the utilization is used only if a part of it was really observed. */
const MIN_SEEN_UTILIZATION = 35;
const MIN_CORRELATION = 0.7;

/**
 * Estimates the rate above which a service is saturated.
 *
 * 1. Minutes are sorted by rate, and divided into 20 bands. If requests of the highest bands take at least twice as
 *    long as usual, the capacity is the rate at which this starts.
 * 2. Otherwise, if the utilization of the event loop follows the rate, the capacity is the rate at which it would reach
 *    90 %.
 * 3. Otherwise, the capacity is unknown.
 */
export function estimateCapacity(minutes: readonly LoadMinute[]): Capacity {
  const used = minutes.filter(
    ({ rate, latencyMs }) => rate > 0 && Number.isFinite(rate) && Number.isFinite(latencyMs),
  );
  if (used.length < MIN_MINUTES) {
    const reason = `capacity can't be observed yet: ${MIN_MINUTES} minutes with requests are needed; there are ${used.length}`;
    return { rate: undefined, method: undefined, reason };
  }
  return estimateFromLatency(used) ?? estimateFromUtilization(used) ?? explainUnknown(used);
}

interface Band {
  readonly lowest: number;
  readonly latencyMs: number;
}

function toBands(minutes: readonly LoadMinute[]): Band[] {
  const sorted = minutes.toSorted((a, b) => a.rate - b.rate);
  return Array.from({ length: BANDS }, (_, i) => {
    const from = Math.floor((i * sorted.length) / BANDS);
    const band = sorted.slice(from, Math.floor(((i + 1) * sorted.length) / BANDS));
    return { lowest: band[0]!.rate, latencyMs: median(band.map(({ latencyMs }) => latencyMs)) };
  });
}

function estimateFromLatency(minutes: readonly LoadMinute[]): Capacity | undefined {
  const bands = toBands(minutes);
  const usual = median(bands.slice(0, BANDS / 2).map(({ latencyMs }) => latencyMs));
  const limit = Math.max(SATURATED_FACTOR * usual, usual + MIN_SLOWER_MS);
  const lastFast = bands.findLastIndex(({ latencyMs }) => latencyMs < limit);
  const first = bands[lastFast + 1];
  // A service that is slow at every rate isn't slow because of the rate.
  if (!first || lastFast < BANDS / 2 || first.lowest <= bands[0]!.lowest) return undefined;
  const slow = bands.at(-1)!.latencyMs;
  const reason = `above ${formatNumber(first.lowest)} requests per minute, requests took ${formatDuration(slow)} instead of ${formatDuration(usual)}`;
  return { rate: first.lowest, method: 'latency', reason };
}

function estimateFromUtilization(minutes: readonly LoadMinute[]): Capacity | undefined {
  const known = minutes.filter(({ utilization }) => utilization !== undefined);
  if (known.length < MIN_MINUTES) return undefined;
  const step = Math.max(1, Math.floor(known.length / 100));
  const sorted = known.toSorted((a, b) => a.rate - b.rate);
  const picked = sorted.filter((_, i) => i % step === 0);
  const rates = picked.map(({ rate }) => rate);
  const utilizations = picked.map(({ utilization }) => utilization!);
  const highest = getHighUtilization(known)!;
  if (highest < MIN_SEEN_UTILIZATION || rates.at(-1)! <= rates[0]!) return undefined;
  if (new Set(utilizations).size < 2) return undefined;
  if (!(sampleCorrelation(rates, utilizations) >= MIN_CORRELATION)) return undefined;
  const { slope, intercept } = fitTheilSen(rates, utilizations);
  const rate = (FULL_UTILIZATION - intercept) / slope;
  if (!(slope > 0) || !Number.isFinite(rate) || rate <= 0) return undefined;
  const reason = `the event loop was up to ${formatPercent(highest)} busy; at ${formatNumber(rate)} requests per minute, it would be ${FULL_UTILIZATION} % busy`;
  return { rate, method: 'utilization', reason };
}

function getHighUtilization(minutes: readonly LoadMinute[]): number | undefined {
  const sorted = minutes.flatMap(({ utilization }) => utilization ?? []).sort((a, b) => a - b);
  return sorted.length === 0 ? undefined : quantileSorted(sorted, 0.98);
}

function explainUnknown(minutes: readonly LoadMinute[]): Capacity {
  const highest = Math.max(...minutes.map(({ rate }) => rate));
  const utilization = getHighUtilization(minutes);
  const busy =
    utilization === undefined
      ? 'the utilization of the event loop is unknown'
      : `the event loop was at most ${formatPercent(utilization)} busy`;
  const reason = `capacity can't be observed yet: requests did not become slower at up to ${formatNumber(highest)} requests per minute, and ${busy}`;
  return { rate: undefined, method: undefined, reason };
}

/**
 * Returns how much higher the busiest minutes are than the mean of their hour. A forecast predicts the mean of an hour,
 * but the capacity is exceeded by minutes.
 *
 * @param hours the rates of the minutes of each hour
 */
export function computePeakFactor(hours: readonly (readonly number[])[]): number {
  const factors = hours.flatMap((rates) => {
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const sorted = rates.toSorted((a, b) => a - b);
    return rates.length < 10 || mean <= 0 ? [] : quantileSorted(sorted, 0.95) / mean;
  });
  return factors.length === 0 ? 1 : Math.max(1, median(factors));
}
