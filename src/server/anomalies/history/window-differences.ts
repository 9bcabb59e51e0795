import { HOUR_MS } from '../../../core/duration.ts';
import { toScale, type ValueScale } from '../model/value-scale.ts';
import type { StepRing } from './series-history.ts';

/**
 * Returns how the values of windows differ from the hourly values at their time, on the scale. Values
 * between the hour before and the hour after don't count as a difference, because the change between them can be sudden.
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
    const hourly = [hour, hour + 1]
      .map((each) => toScale(scale, hours.get(each)))
      .filter(Number.isFinite);
    if (hourly.length === 0) continue;
    const [low, high] = [Math.min(...hourly), Math.max(...hourly)];
    differences[i] = value > high ? value - high : value < low ? value - low : 0;
  }
  return differences;
}
