import { HOUR_MS } from '../../../core/duration.ts';
import type { SeriesBand } from '../history/measure-bands.ts';
import { findBandProblem } from '../model/band.ts';
import { computeTrailingLevel } from '../model/band-level.ts';
import { toScale } from '../model/value-scale.ts';

/**
 * Returns a function that returns the level at a time. In the past, this is the level of the three days before, so that
 * a band in a chart shows what was usual then.
 */
export function createPastLevels({
  history,
  model,
  calendar,
}: SeriesBand): (atMs: number) => number {
  const { hours } = history;
  const values = hours.toArray();
  const startHour = hours.end - values.length;
  const { scale, season } = model;
  const flat = values.map((value, i) => {
    if (findBandProblem(model, calendar, (startHour + i + 0.5) * HOUR_MS)) return Number.NaN;
    const weekHour = calendar.getWeekHour((startHour + i) * HOUR_MS);
    return toScale(scale, value) - season.byWeekHour[weekHour]!;
  });
  const levels = computeTrailingLevel(flat);
  return (atMs) => {
    const index = Math.floor(atMs / HOUR_MS) - startHour;
    const level = index >= 0 && index < levels.length ? levels[index]! : Number.NaN;
    return Number.isFinite(level) ? level : model.level;
  };
}
