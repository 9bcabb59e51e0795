import { HOUR_MS } from '../../../../core/duration.ts';
import type { SignalPoint } from './read-signals.ts';

/** How unusual a value is, compared with earlier hours. */
export interface EarlierComparison {
  /** Number of earlier hours with data. */
  readonly hours: number;
  /** Number of earlier hours in which the value was as extreme for five minutes. */
  readonly extremeHours: number;
  /** The most extreme five minutes. */
  readonly extreme: number;
}

/**
 * Compares a value with the windows of earlier hours. An hour is as extreme if one of its windows reaches the value.
 *
 * @param points windows of earlier hours
 * @param direction whether a high or a low value is a problem
 */
export function compareWithEarlierHours(
  value: number,
  points: readonly SignalPoint[],
  direction: 'up' | 'down' = 'up',
): EarlierComparison {
  const sign = direction === 'up' ? 1 : -1;
  const byHour = Map.groupBy(
    points.filter(({ weight }) => weight > 0),
    ({ fromMs }) => Math.floor(fromMs / HOUR_MS),
  );
  const extremes = [...byHour.values()].map((windows) =>
    Math.max(...windows.map(({ total, weight }) => (sign * total) / weight)),
  );
  return {
    hours: extremes.length,
    extremeHours: extremes.filter((each) => each >= sign * value).length,
    extreme: extremes.length === 0 ? 0 : sign * Math.max(...extremes),
  };
}

/** Maximum share of earlier hours that were as extreme. With more, the value is usual. */
const MAX_EXTREME_SHARE = 0.25;

/** Returns whether a value is unusual. Without earlier hours, every change counts. */
export function isUnusual({ hours, extremeHours }: EarlierComparison): boolean {
  return extremeHours <= MAX_EXTREME_SHARE * hours;
}

/** Returns the evidence for a subject that had no measurements in earlier hours in which others had some. */
export function formatNewSubject(hours: number): string {
  if (hours === 0) return NO_EARLIER_DATA;
  return hours === 1 ? 'not seen in the earlier hour' : `not seen in the ${hours} earlier hours`;
}

const NO_EARLIER_DATA = 'there is no data from earlier hours to compare with';

/**
 * Returns the evidence as text, such as `higher than in all 7 earlier hours (highest: 120 ms)`.
 *
 * @param format formats a value with its unit
 */
export function formatEvidence(
  { hours, extremeHours, extreme }: EarlierComparison,
  format: (value: number) => string,
  direction: 'up' | 'down' = 'up',
): string {
  if (hours === 0) return NO_EARLIER_DATA;
  const [comparative, superlative] =
    direction === 'up' ? ['higher', 'highest'] : ['lower', 'lowest'];
  const all = hours === 1 ? 'the earlier hour' : `all ${hours} earlier hours`;
  const usual = `(${superlative} 5 minutes: ${format(extreme)})`;
  if (extremeHours === 0) return `${comparative} than in ${all} ${usual}`;
  return `${comparative} than in ${hours - extremeHours} of ${hours} earlier hours ${usual}`;
}
