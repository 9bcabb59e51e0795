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

/** Steps between the points of a chart, in s, ascending. */
const STEPS_S = [10, 30, 60, 300, 900, 3600, 10_800, 86_400];
const MAX_POINTS = 130;

/** Returns a step for a chart of the page's range, for endpoints of the API that don't choose one. */
export function chooseStep(maxPoints = MAX_POINTS): string {
  const { fromMs, toMs } = toBounds(range.value, serverNow());
  const seconds =
    STEPS_S.find((step) => (toMs - fromMs) / 1000 / step <= maxPoints) ?? STEPS_S.at(-1);
  return `${seconds}s`;
}
