const DAY_MS = 86_400_000;
/** Speed with `--fast`: a day takes ten minutes. */
export const FAST_SPEED = 144;

/**
 * Returns the load at a time of day, from 0.1 (night) to 1. It has a small peak before noon and a larger one
 * in the evening.
 *
 * @param hour hour of the day, 0 to 24
 */
export function computeLoad(hour: number): number {
  const bellCurve = (peak: number, width: number) => Math.exp(-(((hour - peak) / width) ** 2));
  return Math.min(1, 0.1 + 0.6 * bellCurve(10.5, 2.5) + 0.9 * bellCurve(20, 3));
}

/** Returns the hour of the demo's day, `elapsedMs` after a start at `startHour`. */
export function getHour(startHour: number, elapsedMs: number, speed: number): number {
  const hours = startHour + (elapsedMs * speed * 24) / DAY_MS;
  return hours % 24;
}
