import { serverNow } from '../api/server-clock.ts';
import { formatComparison, toBounds } from '../url/time-range.ts';
import { comparison, range } from '../url/view-state.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * Returns the period to compare with, for endpoints of the API without a comparison. It starts at a whole minute, so that
 * the requests of a minute share one answer.
 */
export function getEarlierRange(): { query: { from: string; to: string }; note: string } {
  const { fromMs, toMs } = toBounds(range.value, serverNow());
  const name = comparison.value ?? 'previous';
  const shift = { previous: toMs - fromMs, yesterday: DAY_MS, lastWeek: 7 * DAY_MS }[name];
  const toTime = (ms: number) =>
    new Date(Math.floor((ms - shift) / MINUTE_MS) * MINUTE_MS).toISOString();
  return {
    query: { from: toTime(fromMs), to: toTime(toMs) },
    note: formatComparison(name),
  };
}
