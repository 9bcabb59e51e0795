import { MINUTE_MS } from '../../core/duration.ts';
import type { BandAggregate } from './band-measure.ts';
import { type MeasureBands, type SeriesBand, toWindowStep } from './history/measure-bands.ts';
import {
  type BandRange,
  computeDistance,
  describeSupport,
  findBandProblem,
  locateBand,
  type Sensitivity,
  toBandRange,
} from './model/band.ts';
import { isUnreliable } from './model/band-error.ts';
import type { BandProblem } from './model/band-problem.ts';

/** A measured value, and the window that it was measured in. */
export interface JudgedValue {
  readonly aggregate: BandAggregate;
  /** Undefined to get only the band. */
  readonly value: number | undefined;
  /** Number of measurements behind the value. */
  readonly count?: number | undefined;
  /** End of the window, in ms since the epoch. */
  readonly toMs: number;
  readonly windowMs: number;
  readonly sensitivity: Sensitivity;
}

/** Whether a value is normal. Either there is a problem, or there is a range. */
export interface Judgement {
  readonly problem: BandProblem | undefined;
  readonly range: BandRange | undefined;
  /** Distance from the expected value in robust standard deviations, positive above it. */
  readonly distance: number | undefined;
  /** What limits the band although it exists, in words. */
  readonly note: string | undefined;
  readonly band: SeriesBand | undefined;
}

/** Compares a value of a series with its band. */
export function judgeValue(bands: MeasureBands, key: string, judged: JudgedValue): Judgement {
  const band = bands.bands.get(key);
  const problem = findProblem(bands, key, judged.toMs, judged.windowMs);
  if (problem || !band) {
    return { problem, range: undefined, distance: undefined, note: undefined, band };
  }
  const { aggregate, value, count, toMs, windowMs, sensitivity } = judged;
  const { model, calendar, windows } = band;
  // Bands of counts are rates per minute.
  const factor = aggregate === 'count' ? windowMs / MINUTE_MS : 1;
  const spread = windows.get(toWindowStep(windowMs));
  const position = locateBand(model, calendar, { toMs, windowMs, spread, count });
  const range = toBandRange(model, position, sensitivity);
  return {
    problem,
    range: {
      lower: factor * range.lower,
      expected: factor * range.expected,
      upper: factor * range.upper,
    },
    distance: value === undefined ? undefined : computeDistance(model, position, value / factor),
    note: describeSupport(model, calendar, toMs - Math.min(windowMs, MINUTE_MS)),
    band,
  };
}

/** Returns why a series has no band at a time, or `undefined` if it has one. */
function findProblem(
  bands: MeasureBands,
  key: string,
  toMs: number,
  windowMs: number,
): BandProblem | undefined {
  if (!bands.isLoaded) {
    return { status: 'learning', reason: 'loading', text: 'the stored values are being read' };
  }
  if (bands.isLeftOut(key)) {
    const text = 'there are too many series, and this one has few measurements';
    return { status: 'unknown', reason: 'too_many_series', text };
  }
  const band = bands.bands.get(key);
  if (!band) {
    return { status: 'learning', reason: 'no_data', text: 'no values in earlier hours' };
  }
  const found = findBandProblem(band.model, band.calendar, toMs - windowMs / 2);
  if (found) return found;
  if (band.error && isUnreliable(band.error)) {
    const { hours, outside } = band.error;
    const text = `${outside.medium} of the last ${hours} hourly values were outside the band, so the past doesn't predict this series`;
    return { status: 'unknown', reason: 'unreliable', text };
  }
  return undefined;
}
