import { DateTime } from 'luxon';
import { type Sql, sql } from '../questdb/statement.ts';
import { DAY_MS, floorTo, HOUR_MS, lengthMs, MINUTE_MS, type Range } from './range.ts';

/**
 * Buckets of time. From a day on they are days of the zone, of 23 or 25 hours where its clocks change;
 * below, they are of one length, and begin where the zone's clock of the range's beginning says.
 */
export interface Step {
  /** A day or more is a whole number of days. */
  readonly ms: number;
  /** Name in the IANA database. */
  readonly zone: string;
}

/** Whether intervals of `unitMs`, which begin at whole units of UTC, never cross a bucket's edge. */
export function fitsInto(step: Step, range: Range, unitMs: number): boolean {
  if (step.ms % unitMs !== 0) return false;
  return parts(range, step, range).every(({ offsetMs }) => offsetMs % unitMs === 0);
}

/** The bucket of a row in `range`, in the zone's own time as if it were UTC. */
export function bucketOf(step: Step, offsetMs: number): Sql {
  const length = lengthText(step.ms);
  if (offsetMs === 0) return sql`timestamp_floor(${length}, timestamp)`;
  return sql`timestamp_floor(${length}, dateadd('s', ${offsetMs / 1000}, timestamp))`;
}

/** When the bucket that `bucketOf` gave begins and ends. */
export function spanOf(bucket: Date, step: Step, range: Range): Range {
  const localMs = bucket.getTime();
  if (step.ms >= DAY_MS) {
    return { fromMs: utcOf(localMs, step.zone), toMs: utcOf(localMs + step.ms, step.zone) };
  }
  const fromMs = localMs - subDayOffsetMs(range, step);
  return { fromMs, toMs: fromMs + step.ms };
}

/** A part of `whole`, cut where the zone's clocks change, as far as that matters to the buckets. */
export function parts(range: Range, step: Step, whole: Range): (Range & { offsetMs: number })[] {
  if (step.ms < DAY_MS) return [{ ...range, offsetMs: subDayOffsetMs(whole, step) }];
  const found: (Range & { offsetMs: number })[] = [];
  let { fromMs } = range;
  while (fromMs < range.toMs) {
    const offsetMs = zoneOffsetMs(fromMs, step.zone);
    const toMs = changeAfter(fromMs, range.toMs, step.zone);
    found.push({ fromMs, toMs, offsetMs });
    fromMs = toMs;
  }
  return found;
}

const STEPS_MS = [1, 2, 5, 10, 15, 30]
  .map((minutes) => minutes * MINUTE_MS)
  .concat([1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS))
  .concat([1, 7, 30].map((days) => days * DAY_MS));

/** Lengths that people expect, ascending. */
export function usualStepsMs(): readonly number[] {
  return STEPS_MS;
}

/** The shortest usual step that gives at most `most` buckets. */
export function usualStepMs(range: Range, most = 40): number {
  return STEPS_MS.find((ms) => lengthMs(range) / ms <= most) ?? STEPS_MS.at(-1)!;
}

/** Both kinds of whole days and below keep the offset small, which changes no edge. */
function subDayOffsetMs({ fromMs }: Range, { ms, zone }: Step): number {
  const offsetMs = zoneOffsetMs(fromMs, zone);
  return offsetMs - floorTo(offsetMs, ms);
}

function zoneOffsetMs(ms: number, zone: string): number {
  return DateTime.fromMillis(ms, { zone }).offset * MINUTE_MS;
}

/** When the zone's clocks change next, `toMs` when they do not before it. */
function changeAfter(fromMs: number, toMs: number, zone: string): number {
  const offset = zoneOffsetMs(fromMs, zone);
  let same = fromMs;
  for (let ms = fromMs; ms < toMs; ms += DAY_MS) {
    const next = Math.min(ms + DAY_MS, toMs - 1);
    if (zoneOffsetMs(next, zone) === offset) {
      same = next;
      continue;
    }
    let other = next;
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2);
      if (zoneOffsetMs(middle, zone) === offset) same = middle;
      else other = middle;
    }
    return other;
  }
  return toMs;
}

/** A day that begins with a gap in the clock begins at the first moment that exists. */
function utcOf(localMs: number, zone: string): number {
  return DateTime.fromMillis(localMs, { zone: 'utc' })
    .setZone(zone, { keepLocalTime: true })
    .startOf('minute')
    .toMillis();
}

/** QuestDB wants the length as a constant; only numbers get into it. */
function lengthText(ms: number): Sql {
  const [unit, unitMs] =
    ms % DAY_MS === 0
      ? ['d', DAY_MS]
      : ms % HOUR_MS === 0
        ? ['h', HOUR_MS]
        : ms % MINUTE_MS === 0
          ? ['m', MINUTE_MS]
          : ['s', 1000];
  return { parts: [{ text: `'${Math.max(1, Math.round(ms / (unitMs as number)))}${unit}'` }] };
}
