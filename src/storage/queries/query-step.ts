import { DateTime } from 'luxon';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../core/duration.ts';
import type { StoredTable } from '../questdb/table-catalog.ts';
import { type Sql, sql } from '../sql/sql-builder.ts';
import { ceilTo, floorTo, getRangeLengthMs, type TimeRange } from './query-range.ts';

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
export function isAlignedToBuckets(step: Step, range: TimeRange, unitMs: number): boolean {
  if (step.ms % unitMs !== 0) return false;
  return splitAtOffsetChanges(range, step, range).every(({ offsetMs }) => offsetMs % unitMs === 0);
}

/** The bucket of a row in `range`, in the zone's own time as if it were UTC. */
export function toBucketSql(step: Step, offsetMs: number): Sql {
  const length = toIntervalLiteral(step.ms);
  if (offsetMs === 0) return sql`timestamp_floor(${length}, timestamp)`;
  return sql`timestamp_floor(${length}, dateadd('s', ${offsetMs / 1000}, timestamp))`;
}

/** When the bucket that `bucketOf` gave begins and ends. */
export function toBucketRange(bucket: Date, step: Step, range: TimeRange): TimeRange {
  const localMs = bucket.getTime();
  if (step.ms >= DAY_MS) {
    return { fromMs: toUtcMs(localMs, step.zone), toMs: toUtcMs(localMs + step.ms, step.zone) };
  }
  const fromMs = localMs - getSubDayOffsetMs(range, step);
  return { fromMs, toMs: fromMs + step.ms };
}

/** A part of `whole`, cut where the zone's clocks change, as far as that matters to the buckets. */
export function splitAtOffsetChanges(
  range: TimeRange,
  step: Step,
  whole: TimeRange,
): (TimeRange & { offsetMs: number })[] {
  if (step.ms < DAY_MS) return [{ ...range, offsetMs: getSubDayOffsetMs(whole, step) }];
  const found: (TimeRange & { offsetMs: number })[] = [];
  let { fromMs } = range;
  while (fromMs < range.toMs) {
    const offsetMs = getZoneOffsetMs(fromMs, step.zone);
    const toMs = findOffsetChange(fromMs, range.toMs, step.zone);
    found.push({ fromMs, toMs, offsetMs });
    fromMs = toMs;
  }
  return found;
}

const USUAL_STEPS_MS = [1, 2, 5, 10, 15, 30]
  .map((minutes) => minutes * MINUTE_MS)
  .concat([1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS))
  .concat([1, 7, 30].map((days) => days * DAY_MS));

/** Lengths that people expect, ascending. */
function getUsualStepsMs(): readonly number[] {
  return USUAL_STEPS_MS;
}

/** The shortest usual step that gives at most `most` buckets. */
export function chooseStepMs(range: TimeRange, most = 40): number {
  return (
    USUAL_STEPS_MS.find((ms) => getRangeLengthMs(range) / ms <= most) ?? USUAL_STEPS_MS.at(-1)!
  );
}

/** Both kinds of whole days and below keep the offset small, which changes no edge. */
function getSubDayOffsetMs({ fromMs }: TimeRange, { ms, zone }: Step): number {
  const offsetMs = getZoneOffsetMs(fromMs, zone);
  return offsetMs - floorTo(offsetMs, ms);
}

function getZoneOffsetMs(ms: number, zone: string): number {
  return DateTime.fromMillis(ms, { zone }).offset * MINUTE_MS;
}

/** When the zone's clocks change next, `toMs` when they do not before it. */
function findOffsetChange(fromMs: number, toMs: number, zone: string): number {
  const offset = getZoneOffsetMs(fromMs, zone);
  let same = fromMs;
  for (let ms = fromMs; ms < toMs; ms += DAY_MS) {
    const next = Math.min(ms + DAY_MS, toMs - 1);
    if (getZoneOffsetMs(next, zone) === offset) {
      same = next;
      continue;
    }
    let other = next;
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2);
      if (getZoneOffsetMs(middle, zone) === offset) same = middle;
      else other = middle;
    }
    return other;
  }
  return toMs;
}

/** A day that begins with a gap in the clock begins at the first moment that exists. */
function toUtcMs(localMs: number, zone: string): number {
  return DateTime.fromMillis(localMs, { zone: 'utc' })
    .setZone(zone, { keepLocalTime: true })
    .startOf('minute')
    .toMillis();
}

/** QuestDB wants the length as a constant; only numbers get into it. */
function toIntervalLiteral(ms: number): Sql {
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

/** The step that answers, and why it is another one than was asked for. */
export interface CoarsenedStep {
  readonly step: Step;
  /** Undefined when it is the one that was asked for. */
  readonly reason: string | undefined;
}

const UNIT_NAMES = new Map([
  [60_000, 'minute'],
  [HOUR_MS, 'hour'],
]);

/**
 * Raises a step where the beginning of its range is older than what is kept finely: of that time only
 * sums by the minute or hour exist, and no bucket can cut through one. Where no bucket of the zone's
 * clock fits, as days of a zone that is half an hour off, they follow UTC.
 *
 * @param stored what is kept of the table, as in `plan`
 */
export function coarsenStep(
  step: Step,
  range: TimeRange,
  stored: readonly StoredTable[],
): CoarsenedStep {
  const unitMs = findFinestUnitMs(range.fromMs, stored);
  if (unitMs === 0 || isAlignedToBuckets(step, range, unitMs)) return { step, reason: undefined };
  const kept = `of its beginning only sums by the ${UNIT_NAMES.get(unitMs)} are kept`;
  const longer = getUsualStepsMs().filter((ms) => ms > step.ms);
  for (const zone of new Set([step.zone, 'utc'])) {
    const ms = [step.ms, ceilTo(step.ms, unitMs), ...longer].find((candidate) =>
      isAlignedToBuckets({ ms: candidate, zone }, range, unitMs),
    );
    if (ms !== undefined) return { step: { ms, zone }, reason: kept };
  }
  return { step: { ms: ceilTo(step.ms, DAY_MS), zone: 'utc' }, reason: kept };
}

/** Length of the finest intervals that reach back to `fromMs`; 0 for the rows themselves. */
function findFinestUnitMs(fromMs: number, stored: readonly StoredTable[]): number {
  const reaching = stored.filter((each) => each.fromMs <= fromMs).map(({ unitMs }) => unitMs);
  if (reaching.length > 0) return Math.min(...reaching);
  return Math.max(0, ...stored.map(({ unitMs }) => unitMs));
}
