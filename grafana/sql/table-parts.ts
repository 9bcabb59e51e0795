import {
  computeMaxLagMs,
  formatRollupName,
  getUnitChain,
  ROLLUP_DEFINITIONS,
  ROLLUP_UNITS,
  type RollupUnit,
} from '../../src/core/schema/rollup-definitions.ts';
import { DAY_MS, HOUR_MS } from '../../src/storage/queries/query-range.ts';
import { FROM, INTERVAL, INTERVAL_MS, quote, TO } from './sql-text.ts';

/** A figure of a shorter range than this is read without these roll-ups: rows are quick, and know the latest. */
const MIN_RANGE_MS: Readonly<Record<RollupUnit, number>> = {
  '1m': 2 * HOUR_MS,
  '10m': 6 * HOUR_MS,
  '1h': 6 * HOUR_MS,
  '1d': 3 * DAY_MS,
};
const ALWAYS = '1 = 1';
/** Length of the viewer's range. */
export const LENGTH_MS = '($__to - $__from)';

/** A range by the expressions of its ends. */
export interface TimeBounds {
  readonly from: string;
  readonly to: string;
}

export const RANGE: TimeBounds = { from: FROM, to: TO };
const FIRST_MINUTE = floorTime("'m'", FROM);
/** As long as the viewer's range, and before its first minute. */
export const PREVIOUS_RANGE: TimeBounds = {
  from: `dateadd('s', -(${LENGTH_MS} / 1000)::int, ${FIRST_MINUTE})`,
  to: FIRST_MINUTE,
};
export const LAST_WEEK: TimeBounds = {
  from: `dateadd('d', -7, ${FROM})`,
  to: `dateadd('d', -7, ${TO})`,
};

/** A part of a range, and the table that it is read from. */
export interface TablePart {
  readonly name: string;
  /**
   * Conditions of its time. QuestDB reads nothing where a bound is NULL, which is how parts that are
   * not wanted say so: a condition without a column would keep it from compiling its filter.
   */
  readonly where: string;
}

/** A present roll-up of a table. */
interface Rollup {
  readonly name: string;
  readonly unit: RollupUnit;
  readonly ms: number;
  /** How far behind now it may still be incomplete. */
  readonly settledMs: number;
}

/** The present roll-ups of a table, the finest first, from the schema itself. */
function getRollups(table: string): readonly Rollup[] {
  const rolling = ROLLUP_DEFINITIONS.find((each) => each.table.name === table);
  if (!rolling) throw new TypeError(`${table} has no roll-ups`);
  return rolling.units.map((unit) => ({
    name: formatRollupName(rolling, unit),
    unit,
    ms: ROLLUP_UNITS[unit].ms,
    settledMs: computeMaxLagMs(getUnitChain(rolling.units, unit)),
  }));
}

/** One of them. */
export function getRollup(table: string, unit: RollupUnit): Rollup {
  const found = getRollups(table).find((rollup) => rollup.unit === unit);
  if (!found) throw new TypeError(`${table} has no roll-up of ${unit}`);
  return found;
}

const ceilTime = ({ unit, ms }: Rollup, time: string) =>
  floorTime(quote(unit), `dateadd('T', ${ms - 1}, ${time})`);

/** @param length of the intervals, as a piece of SQL */
export function floorTime(length: string, time: string): string {
  return `timestamp_floor(${length}, ${time})`;
}

/**
 * Until when a roll-up has all rows, at most `end`; the beginning of time when `wanted` does not hold. A
 * view without rows has none of them, and one that lags behind ends with its last interval.
 */
function toCompleteUntil(
  { name, unit, settledMs: late }: Rollup,
  wanted: string,
  end?: string,
): string {
  const settled = floorTime(quote(unit), `dateadd('s', -${late / 1000}, now())`);
  const ends = ['max(t)', settled, ...(end ? [end] : [])].join(', ');
  return `(SELECT CASE WHEN ${wanted} THEN least(${ends}) ELSE 0::timestamp END FROM (SELECT max(timestamp) t FROM ${name} UNION ALL SELECT 0::timestamp t))`;
}

/**
 * Where a time series is read: each bucket from the coarsest roll-up that divides the interval, what that
 * may not have yet from the next finer one, and the rest from the rows. Buckets are read whole, also
 * those at the range's ends.
 */
export function getSeriesParts(table: string, { from, to }: TimeBounds = RANGE): TablePart[] {
  const rollups = getRollups(table);
  const start = floorTime(INTERVAL, from);
  const end = floorTime(INTERVAL, `dateadd('T', ${INTERVAL_MS} - 1, ${to})`);
  const fits = ({ ms }: Rollup) => `${INTERVAL_MS} % ${ms} = 0`;
  const done = (rollup: Rollup | undefined) =>
    rollup ? [toCompleteUntil(rollup, fits(rollup))] : [];
  return [
    createPart(table, [start, ...done(rollups[0])], [end]),
    ...rollups.map((rollup, i) =>
      createPart(
        rollup.name,
        [start, ...done(rollups[i + 1])],
        [toConditionalTime(fits(rollup), end), ...done(rollup)],
      ),
    ),
  ].reverse();
}

/** Where names are looked for: in every hour that the range touches. */
export function getNameParts(table: string): TablePart[] {
  const [minutes, hours] = [getRollup(table, '1m'), getRollup(table, '1h')];
  const [endMinute, endHour] = [toCompleteUntil(minutes, ALWAYS), toCompleteUntil(hours, ALWAYS)];
  const start = floorTime("'h'", FROM);
  return [
    createPart(hours.name, [start], [TO, endHour]),
    createPart(minutes.name, [start, endHour], [TO, endMinute]),
    createPart(table, [start, endMinute], [TO]),
  ];
}

/** Where single minutes of a range are read: those that are over. */
export function getMinuteParts(table: string): TablePart[] {
  const minutes = getRollup(table, '1m');
  const [start, stop] = [FIRST_MINUTE, floorTime("'m'", TO)];
  const end = toCompleteUntil(minutes, ALWAYS, stop);
  return [createPart(minutes.name, [start], [end]), createPart(table, [start, end], [stop])];
}

/** A source's share of a range, were there no coarser ones. */
interface RangeLevel {
  readonly name: string;
  readonly start: string;
  readonly end: string;
  readonly wanted: string;
}

/**
 * Where a figure of the whole range is read: exactly the range, whole intervals of it from the coarsest
 * roll-up, and what is before and after these from the finer ones.
 */
export function getRangeParts(table: string, { from, to }: TimeBounds = RANGE): TablePart[] {
  const levels: RangeLevel[] = getRollups(table).map((rollup) => {
    const wanted = `${LENGTH_MS} >= ${MIN_RANGE_MS[rollup.unit]}`;
    return {
      name: rollup.name,
      wanted,
      start: `CASE WHEN ${wanted} THEN ${ceilTime(rollup, from)} ELSE ${to} END`,
      end: toCompleteUntil(rollup, wanted, floorTime(quote(rollup.unit), to)),
    };
  });
  const all = [{ name: table, start: from, end: to, wanted: ALWAYS }, ...levels];
  return all.flatMap(({ name, start, end }, i) => {
    const coarser = all[i + 1];
    if (!coarser) return [createPart(name, [start], [end])];
    return [
      createPart(name, [start], [coarser.start, end]),
      createPart(name, [coarser.start, coarser.end], [toConditionalTime(coarser.wanted, to), end]),
    ];
  });
}

function toConditionalTime(condition: string, time: string): string {
  return `CASE WHEN ${condition} THEN ${time} END`;
}

function createPart(name: string, from: readonly string[], until: readonly string[]): TablePart {
  const bounds = [
    ...from.map((time) => `timestamp >= ${time}`),
    ...until.map((time) => `timestamp < ${time}`),
  ];
  return { name, where: bounds.join(' AND ') };
}
