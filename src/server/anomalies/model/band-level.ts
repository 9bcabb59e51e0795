import { computeMedian, type Spread } from './robust-statistics.ts';

/** The level is computed for every sixth hour. */
const STEP_HOURS = 6;
/** Length of the past that decides about the level, in hours. */
const LEVEL_HOURS = 72;
/** The level before a possible shift is the level until a day ago. */
const SHIFT_REFERENCE_HOURS = 96;
/** A shift that has lasted for this long is the new level. */
const RELEARN_HOURS = 24;
/** A shorter deviation is an incident, not a shift. */
const MIN_SHIFT_HOURS = 6;
/** Share of the values since a shift that must be outside of the earlier band. */
const MIN_SHIFT_SHARE = 0.85;
/** Values this far from the earlier level can be a shift, in robust standard deviations. */
const SHIFT_DISTANCE = 3;

/** Returns the moving median around each hour. Sudden shifts of the level stay sudden. */
export function computeMovingLevel(values: Float64Array, windowHours: number): Float64Array {
  const levels = new Float64Array(values.length);
  for (let start = 0; start < values.length; start += STEP_HOURS) {
    const center = start + STEP_HOURS / 2;
    const from = Math.max(0, Math.min(values.length, center + windowHours / 2) - windowHours);
    const level = computeMedian(values.subarray(from, from + windowHours));
    levels.fill(level, start, start + STEP_HOURS);
  }
  return fillUnknown(levels);
}

/** Returns the median of the hours before each hour, as a forecast would use it. `NaN` without earlier values. */
export function computeTrailingLevel(values: Float64Array): Float64Array {
  const levels = new Float64Array(values.length);
  for (let start = 0; start < values.length; start += STEP_HOURS) {
    const before = values.subarray(Math.max(0, start - LEVEL_HOURS), start);
    levels.fill(computeMedian(before), start, start + STEP_HOURS);
  }
  return levels;
}

/** Copies the nearest earlier level, or else the nearest later level, to hours without one. */
function fillUnknown(levels: Float64Array): Float64Array {
  const first = levels.find((level) => Number.isFinite(level)) ?? 0;
  let last = first;
  for (let i = 0; i < levels.length; i++) {
    if (Number.isFinite(levels[i]!)) last = levels[i]!;
    else levels[i] = last;
  }
  return levels;
}

/** A change of the level that lasts. */
export interface LevelShift {
  /** Number of hours before the end of the history. */
  readonly agoHours: number;
  /** Whether the band was learned again from the values since the shift. */
  readonly isLearned: boolean;
}

/**
 * Returns the level after the last value, and the shift that changed it.
 *
 * @param values deseasonalized values on their scale
 */
export function findCurrentLevel(
  values: Float64Array,
  spread: Spread,
  floor: number,
): { readonly level: number; readonly shift: LevelShift | undefined } {
  const n = values.length;
  const recent = computeMedian(values.subarray(Math.max(0, n - LEVEL_HOURS)));
  const lastKnown = Number.isFinite(recent) ? recent : computeMedian(values);
  const reference = values.subarray(
    Math.max(0, n - SHIFT_REFERENCE_HOURS),
    Math.max(0, n - RELEARN_HOURS),
  );
  const before = computeMedian(reference);
  if (!Number.isFinite(before)) return { level: lastKnown, shift: undefined };
  const agoHours = findShift(values, before, spread, floor);
  if (agoHours === undefined) return { level: lastKnown, shift: undefined };
  const isLearned = agoHours >= RELEARN_HOURS;
  const level = isLearned ? computeMedian(values.subarray(n - agoHours)) : before;
  return { level, shift: { agoHours, isLearned } };
}

/** Returns the hours since the start of the deviation that lasts until the end, or `undefined`. */
function findShift(
  values: Float64Array,
  before: number,
  { above, below }: Spread,
  floor: number,
): number | undefined {
  const latest = computeMedian(values.subarray(-3)) - before;
  if (!Number.isFinite(latest) || latest === 0) return undefined;
  const sign = Math.sign(latest);
  const limit = SHIFT_DISTANCE * Math.max(floor, sign > 0 ? above : below);
  let known = 0;
  let outside = 0;
  let start: number | undefined;
  const firstIndex = Math.max(0, values.length - LEVEL_HOURS);
  for (let i = values.length - 1; i >= firstIndex; i--) {
    if (!Number.isFinite(values[i]!)) continue;
    known += 1;
    const isOutside = sign * (values[i]! - before) > limit;
    if (isOutside) outside += 1;
    if (outside < MIN_SHIFT_SHARE * known) {
      if (known >= MIN_SHIFT_HOURS) break;
      continue;
    }
    if (isOutside && outside >= MIN_SHIFT_HOURS) start = i;
  }
  return start === undefined ? undefined : values.length - start;
}
