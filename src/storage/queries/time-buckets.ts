import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../core/duration.ts';
import { findLocalTime, findOffsetChange, getZoneOffsetMs } from '../../core/time-zone.ts';
import type { StoredTable } from '../questdb/table-catalog.ts';
import { type Sql, sql } from '../sql/sql-builder.ts';
import { ceilTo, floorTo, getRangeLengthMs, type TimeRange } from './time-range.ts';

/**
 * Length and time zone of time buckets. Buckets of a day or more are local days, which have 23 or
 * 25 hours when daylight saving time changes. Shorter buckets all have the same length and are
 * aligned to local time at the start of the range.
 */
export interface Step {
  /** Length in ms. If 1 day or longer, it must be a whole number of days. */
  readonly ms: number;
  /** IANA time zone name, for example `Europe/Vienna`. */
  readonly zone: string;
}

/** Returns whether no UTC interval of `unitMs` crosses a bucket boundary. */
export function isAlignedToBuckets(step: Step, range: TimeRange, unitMs: number): boolean {
  if (step.ms % unitMs !== 0) return false;
  return splitAtOffsetChanges(range, step, range).every(({ offsetMs }) => offsetMs % unitMs === 0);
}

/** Returns SQL for the bucket of a row: its start in local time, formatted as if it were UTC. */
export function toBucketSql(step: Step, offsetMs: number): Sql {
  const length = toIntervalLiteral(step.ms);
  if (offsetMs === 0) return sql`timestamp_floor(${length}, timestamp)`;
  return sql`timestamp_floor(${length}, dateadd('s', ${offsetMs / 1000}, timestamp))`;
}

/** Converts a bucket from the SQL of `toBucketSql` to its range. */
export function toBucketRange(bucket: Date, step: Step, range: TimeRange): TimeRange {
  const localMs = bucket.getTime();
  if (step.ms >= DAY_MS) {
    return {
      fromMs: findLocalTime(localMs, step.zone),
      toMs: findLocalTime(localMs + step.ms, step.zone),
    };
  }
  const fromMs = localMs - getSubDayOffsetMs(range, step);
  return { fromMs, toMs: fromMs + step.ms };
}

/** Returns the buckets of a range, in order. The first and the last can be partly outside the range. */
export function listBuckets(step: Step, range: TimeRange): TimeRange[] {
  const [part] = splitAtOffsetChanges(range, step, range);
  const buckets: TimeRange[] = [];
  let localMs = floorTo(range.fromMs + (part?.offsetMs ?? 0), step.ms);
  for (;;) {
    const bucket = toBucketRange(new Date(localMs), step, range);
    if (bucket.fromMs >= range.toMs) return buckets;
    // A time zone can skip a whole day.
    if (bucket.toMs > bucket.fromMs) buckets.push(bucket);
    localMs += step.ms;
  }
}

/**
 * Splits a range where the zone's UTC offset changes. Buckets shorter than a day use one offset, so
 * their range is not split.
 *
 * @param range part of `fullRange` to split
 */
export function splitAtOffsetChanges(
  range: TimeRange,
  step: Step,
  fullRange: TimeRange,
): (TimeRange & { offsetMs: number })[] {
  if (step.ms < DAY_MS) return [{ ...range, offsetMs: getSubDayOffsetMs(fullRange, step) }];
  const parts: (TimeRange & { offsetMs: number })[] = [];
  let { fromMs } = range;
  while (fromMs < range.toMs) {
    const offsetMs = getZoneOffsetMs(fromMs, step.zone);
    const toMs = findOffsetChange(fromMs, range.toMs, step.zone);
    parts.push({ fromMs, toMs, offsetMs });
    fromMs = toMs;
  }
  return parts;
}

/** Steps that users expect, in ascending order. */
const USUAL_STEPS_MS = [1, 2, 5, 10, 15, 30]
  .map((minutes) => minutes * MINUTE_MS)
  .concat([1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS))
  .concat([1, 7, 30].map((days) => days * DAY_MS));

/** Returns the shortest usual step that gives at most `maxBuckets` buckets. */
export function chooseStepMs(range: TimeRange, maxBuckets = 40): number {
  return (
    USUAL_STEPS_MS.find((ms) => getRangeLengthMs(range) / ms <= maxBuckets) ??
    USUAL_STEPS_MS.at(-1)!
  );
}

/**
 * Returns the UTC offset at the start of the range, modulo the step. Whole steps don't move a
 * bucket boundary, so they can be left out.
 */
function getSubDayOffsetMs({ fromMs }: TimeRange, { ms, zone }: Step): number {
  const offsetMs = getZoneOffsetMs(fromMs, zone);
  return offsetMs - floorTo(offsetMs, ms);
}

/** Formats a length as an SQL literal, because QuestDB accepts only constants here. */
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

/** A step, and why it differs from the requested step. */
export interface CoarsenedStep {
  readonly step: Step;
  /** `undefined` if it is the requested step. */
  readonly reason: string | undefined;
}

const UNIT_NAMES = new Map([
  [60_000, 'minute'],
  [HOUR_MS, 'hour'],
]);

/**
 * Increases a step if only a roll-up goes back to the start of the range, because a bucket boundary
 * can't be inside a roll-up interval. If no local bucket is aligned with these intervals, uses UTC.
 * This happens for days in time zones with a half-hour offset.
 *
 * @param stored the table and its roll-ups, as in `planSegments`
 */
export function coarsenStep(
  step: Step,
  range: TimeRange,
  stored: readonly StoredTable[],
): CoarsenedStep {
  const unitMs = findFinestUnitMs(range.fromMs, stored);
  if (unitMs === 0 || isAlignedToBuckets(step, range, unitMs)) return { step, reason: undefined };
  const reason = `at its start, data is stored only per ${UNIT_NAMES.get(unitMs)}`;
  const longerMs = USUAL_STEPS_MS.filter((ms) => ms > step.ms);
  for (const zone of new Set([step.zone, 'utc'])) {
    const ms = [step.ms, ceilTo(step.ms, unitMs), ...longerMs].find((candidate) =>
      isAlignedToBuckets({ ms: candidate, zone }, range, unitMs),
    );
    if (ms !== undefined) return { step: { ms, zone }, reason };
  }
  return { step: { ms: ceilTo(step.ms, DAY_MS), zone: 'utc' }, reason };
}

/** Returns the shortest interval of the tables that go back to `fromMs`; 0 for the rows. */
function findFinestUnitMs(fromMs: number, stored: readonly StoredTable[]): number {
  const units = stored.filter((table) => table.fromMs <= fromMs).map(({ unitMs }) => unitMs);
  if (units.length > 0) return Math.min(...units);
  return Math.max(0, ...stored.map(({ unitMs }) => unitMs));
}
