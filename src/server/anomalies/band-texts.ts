import { DateTime } from 'luxon';
import { DAY_MS, HOUR_MS } from '../../core/duration.ts';
import { formatDuration } from '../../core/format.ts';
import type { BandModel } from './model/fit-band.ts';
import type { RecentDeploy } from './recent-deploys.ts';

function formatTime(ms: number, zone: string): string {
  return DateTime.fromMillis(ms, { zone }).toFormat('yyyy-MM-dd HH:mm');
}

/** Returns what a band was learned from: `learned from 28 d, 672 hourly values`. */
export function formatLearned(
  { fromMs, toMs, valueCount, shift }: BandModel,
  zone: string,
): string {
  const spanMs = toMs - fromMs;
  const span = spanMs >= DAY_MS ? Math.round(spanMs / DAY_MS) * DAY_MS : Math.max(spanMs, HOUR_MS);
  const values = `learned from ${formatDuration(span)}, ${valueCount} hourly values`;
  if (!shift) return values;
  const since = formatTime(shift.sinceMs, zone);
  return shift.isLearned
    ? `${values}; the level changed at ${since}, and the new level was learned`
    : `${values}; the level changed at ${since}`;
}

/** Returns the deploy before an anomaly: `since a deploy of 1.4.2 at 2026-11-30 10:05`. */
export function formatDeploy({ version, atMs }: RecentDeploy, zone: string): string {
  return `since a deploy of ${version} at ${formatTime(atMs, zone)}`;
}
