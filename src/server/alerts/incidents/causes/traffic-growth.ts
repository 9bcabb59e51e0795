import { sum } from './find-onset.ts';
import { type IncidentSignals, toPoints } from './incident-signals.ts';
import type { SignalSeries } from './read-signals.ts';

/** Factor by which a tenant's share of the requests, or a queue's jobs per request, must grow. */
const MIN_SHARE_GROWTH = 1.4;

/**
 * Returns whether jobs still arrived after a queue stopped completing jobs. Without arrivals, there is nothing to
 * complete.
 */
export function hasWaitingJobs(
  { subject, service }: SignalSeries,
  onsetMs: number,
  { recent }: IncidentSignals,
): boolean {
  const arrivals = recent.find(
    (each) => each.kind === 'arrivals' && each.subject === subject && each.service === service,
  );
  const since = (arrivals?.points ?? []).filter(({ fromMs }) => fromMs >= onsetMs);
  return sum(since).total > 0;
}

/**
 * Returns whether a tenant's requests, or a queue's jobs, grew more than all requests together. Otherwise, the growth
 * is normal traffic, such as in the morning. Few requests before the change can be few by chance.
 */
export function growsMoreThanTraffic(
  series: SignalSeries,
  onsetMs: number,
  signals: IncidentSignals,
): boolean {
  if (series.kind !== 'requests' && series.kind !== 'arrivals') return true;
  const all = signals.recent.find((each) => each.kind === 'all_requests');
  if (all === undefined) return true;
  const count = (each: SignalSeries, isSince: boolean) =>
    sum(toPoints(each, signals).filter(({ fromMs }) => fromMs >= onsetMs === isSince)).total;
  const [allBefore, allNow] = [count(all, false), count(all, true)];
  if (allBefore <= 0 || allNow <= 0) return true;
  const before = count(series, false);
  const highestBefore = before + 2 * Math.sqrt(before + 1);
  return count(series, true) / allNow >= MIN_SHARE_GROWTH * (highestBefore / allBefore);
}
