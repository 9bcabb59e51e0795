import { HOUR_MS } from '../../../core/duration.ts';
import { listBuckets, type Step } from '../../../storage/queries/time-buckets.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { BandAggregate } from '../band-measure.ts';
import { type SeriesBand, toWindowStep } from '../history/measure-bands.ts';
import {
  type BandRange,
  findBandProblem,
  locateBand,
  type Sensitivity,
  toBandRange,
} from '../model/band.ts';
import { createPastLevels } from './past-levels.ts';

/** The normal values of one time bucket. Undefined where they aren't known. */
export interface BandPoint {
  readonly at: Date;
  readonly lower: number | undefined;
  readonly expected: number | undefined;
  readonly upper: number | undefined;
}

const NO_RANGE = { lower: undefined, expected: undefined, upper: undefined };

/** Returns the band of each time bucket of a range. Rates are per minute. */
export function listBandPoints(
  band: SeriesBand,
  { aggregate, range, step }: { aggregate: BandAggregate; range: TimeRange; step: Step },
  sensitivity: Sensitivity,
): BandPoint[] {
  const { model, calendar, windows } = band;
  const getLevel = createPastLevels(band);
  const locate = (toMs: number, windowMs: number): BandRange | undefined => {
    const middleMs = toMs - windowMs / 2;
    if (findBandProblem(model, calendar, middleMs)) return undefined;
    const levelled = { ...model, level: getLevel(middleMs) };
    const spread = windows.get(toWindowStep(windowMs));
    const position = locateBand(levelled, calendar, { toMs, windowMs, spread });
    return toBandRange(levelled, position, sensitivity);
  };
  return listBuckets(step, range).map(({ fromMs, toMs }) => {
    const lengthMs = toMs - fromMs;
    const parts = Math.max(1, Math.round(lengthMs / HOUR_MS));
    const partMs = lengthMs / parts;
    const ranges = Array.from({ length: parts }, (_, i) =>
      locate(fromMs + (i + 1) * partMs, Math.min(partMs, HOUR_MS)),
    ).filter((each) => each !== undefined);
    if (ranges.length === 0) return { at: new Date(fromMs), ...NO_RANGE };
    // A count grows with the length of its bucket.
    const factor = aggregate === 'count' ? lengthMs / 60_000 : 1;
    const mean = (name: keyof BandRange) =>
      (factor * ranges.reduce((sum, each) => sum + each[name], 0)) / ranges.length;
    return {
      at: new Date(fromMs),
      lower: mean('lower'),
      expected: mean('expected'),
      upper: mean('upper'),
    };
  });
}
