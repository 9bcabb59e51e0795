import { type TimeRange, toBounds } from '../../url/time-range.ts';

const STEPS: readonly (readonly [ms: number, step: string])[] = [
  [10_000, '10s'],
  [60_000, '1m'],
  [5 * 60_000, '5m'],
  [15 * 60_000, '15m'],
  [3_600_000, '1h'],
  [6 * 3_600_000, '6h'],
];

/** Returns the shortest step with which a range has at most `maxBuckets` time buckets. */
export function chooseStep(range: TimeRange, nowMs: number, maxBuckets: number): string {
  const { fromMs, toMs } = toBounds(range, nowMs);
  return STEPS.find(([ms]) => (toMs - fromMs) / ms <= maxBuckets)?.[1] ?? '1d';
}
