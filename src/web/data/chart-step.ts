import { serverNow } from '../api/server-clock.ts';
import { toBounds } from '../url/time-range.ts';
import { range } from '../url/view-state.ts';

const STEPS: readonly (readonly [ms: number, step: string])[] = [
  [10_000, '10s'],
  [60_000, '1m'],
  [5 * 60_000, '5m'],
  [15 * 60_000, '15m'],
  [3_600_000, '1h'],
  [6 * 3_600_000, '6h'],
];
const LONGEST_STEP = '1d';
const MAX_POINTS = 120;

/**
 * Returns the shortest step with which a chart of the page's range has at most `maxPoints` points. Only for endpoints of
 * the API that don't choose one.
 */
export function chooseStep(maxPoints = MAX_POINTS): string {
  const { fromMs, toMs } = toBounds(range.value, serverNow());
  return STEPS.find(([ms]) => (toMs - fromMs) / ms <= maxPoints)?.[1] ?? LONGEST_STEP;
}
