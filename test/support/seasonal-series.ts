import { HOUR_MS } from '../../src/core/duration.ts';
import { WeekCalendar } from '../../src/server/anomalies/model/week-hours.ts';
import { createRandom } from './random.ts';

/** Returns a generator of normally distributed numbers with the mean 0 and the standard deviation 1. */
export function createGaussian(seed: number): () => number {
  const random = createRandom(seed);
  return () => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
}

export interface SeasonalOptions {
  readonly seed?: number;
  readonly zone?: string;
  /** Level of a weekday around noon. Default: 100. */
  readonly level?: number;
  /** Relative noise of each value. Default: 0.08. */
  readonly noise?: number;
  /** Traffic of the weekend relative to weekdays. Default: 0.5. */
  readonly weekend?: number;
}

/** Returns the expected value at a time: high in the afternoon of the local day, and lower at the weekend. */
export function createSeasonalShape({
  zone = 'UTC',
  level = 100,
  weekend = 0.5,
}: SeasonalOptions = {}): (ms: number) => number {
  const calendar = new WeekCalendar(zone);
  return (ms) => {
    const position = calendar.getWeekPosition(ms);
    const daily = 1 + 0.8 * Math.sin(((position % 24) - 9) * (Math.PI / 12));
    return level * daily * (position >= 120 ? weekend : 1);
  };
}

/**
 * Creates values with a daily and a weekly cycle and noise.
 *
 * @param stepMs length of the windows
 * @returns one value per window, oldest first. The last window ends at `endMs`.
 */
export function createSeasonalValues(
  endMs: number,
  count: number,
  stepMs = HOUR_MS,
  options: SeasonalOptions = {},
): number[] {
  const shape = createSeasonalShape(options);
  const gaussian = createGaussian(options.seed ?? 1);
  const { noise = 0.08 } = options;
  return Array.from({ length: count }, (_, i) => {
    const middleMs = endMs - (count - i - 0.5) * stepMs;
    return shape(middleMs) * Math.exp(noise * gaussian());
  });
}
