import { DAY_MS, HOUR_MS } from '../../core/duration.ts';
import { getZoneOffsetMs } from '../../core/time-zone.ts';
import type { ComparableInterval, ImpactInterval } from './impact-interval.ts';

/** A smaller number can't be a number of requests or users. */
const MIN_EXPOSURE = 1e-6;
/** With fewer days, parts of days are the clusters. */
const MIN_DAYS = 10;
const SHORT_CLUSTER_MS = 4 * HOUR_MS;
/** 1 January 1970 was a Thursday. */
const EPOCH_WEEKDAY = 4;

/**
 * Assigns each interval to a stratum and a cluster. Intervals without a latency, without exposure, or with invalid
 * numbers are left out.
 *
 * @param zone IANA time zone of the hours of the day
 */
export function stratifyIntervals(
  intervals: readonly ImpactInterval[],
  zone: string,
): ComparableInterval[] {
  const toLocalTime = createLocalTimes(zone);
  const used = intervals.flatMap(({ atMs, outcome, exposure, latencyMs }) => {
    const isUsable =
      latencyMs !== undefined &&
      [atMs, outcome, exposure, latencyMs].every(
        (value) => Number.isFinite(value) && Math.abs(value) < 1e15,
      ) &&
      exposure >= MIN_EXPOSURE &&
      outcome >= 0 &&
      latencyMs >= 0;
    return isUsable ? [{ outcome, exposure, latencyMs, ...toLocalTime(atMs) }] : [];
  });
  const days = new Set(used.map(({ localMs }) => Math.floor(localMs / DAY_MS))).size;
  const clusterMs = days >= MIN_DAYS ? DAY_MS : SHORT_CLUSTER_MS;
  return [...Map.groupBy(used, ({ slot }) => slot)].flatMap(([slot, ofSlot]) => {
    const sorted = ofSlot.map(({ exposure }) => exposure).sort((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 2)]!;
    return ofSlot.map(({ outcome, exposure, latencyMs, localMs }) => ({
      outcome,
      exposure,
      latencyMs,
      stratum: `${slot} ${exposure >= middle ? 'high' : 'low'}`,
      cluster: Math.floor(localMs / clusterMs),
    }));
  });
}

/** Returns the local time, and the hour of a working day or a weekend day. */
function createLocalTimes(zone: string): (atMs: number) => { localMs: number; slot: string } {
  // Looking up a zone is slow. Its offset changes at most once in an hour.
  const offsets = new Map<number, number>();
  return (atMs) => {
    const utcHour = Math.floor(atMs / HOUR_MS);
    const offset = offsets.get(utcHour) ?? getZoneOffsetMs(utcHour * HOUR_MS, zone);
    offsets.set(utcHour, offset);
    const localMs = atMs + offset;
    const weekday = (Math.floor(localMs / DAY_MS) + EPOCH_WEEKDAY) % 7;
    const hour = Math.floor(localMs / HOUR_MS) % 24;
    return { localMs, slot: `${weekday === 0 || weekday === 6 ? 'weekend' : 'weekday'} ${hour}` };
  };
}
