import { HOUR_MS } from '../../../core/duration.ts';
import { toScale, type ValueScale } from '../model/value-scale.ts';
import type { StepRing } from './series-history.ts';

/**
 * Returns how the values of windows differ from the hourly values at their time, on the scale. The hourly values are
 * interpolated, so a slow rise within an hour makes no difference.
 *
 * @param windows values of windows of `windowMs`
 */
export function computeWindowDifferences(
  windows: StepRing,
  windowMs: number,
  hours: StepRing,
  scale: ValueScale,
): Float64Array {
  const differences = new Float64Array(windows.size).fill(Number.NaN);
  for (let i = 0; i < windows.size; i++) {
    const step = windows.end - windows.size + i;
    const value = toScale(scale, windows.get(step));
    if (!Number.isFinite(value)) continue;
    const position = ((step + 0.5) * windowMs) / HOUR_MS - 0.5;
    const hour = Math.floor(position);
    const share = position - hour;
    const before = toScale(scale, hours.get(hour));
    const after = toScale(scale, hours.get(hour + 1));
    const own = share < 0.5 ? before : after;
    const usual =
      Number.isFinite(before) && Number.isFinite(after) ? before + share * (after - before) : own;
    differences[i] = value - usual;
  }
  return differences;
}
