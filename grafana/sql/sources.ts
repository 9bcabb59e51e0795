import {
  chainTo,
  ROLLUP_UNITS,
  type RollupUnit,
  settledMs,
} from '../../src/schema/rollup-units.ts';
import { ROLLINGS, rollupName } from '../../src/schema/rollups.ts';
import { DAY_MS, HOUR_MS } from '../../src/windows/range.ts';
import { FROM, INTERVAL, INTERVAL_MS, quoted, TO } from './text.ts';

/** A figure of a shorter range than this is read without these roll-ups: rows are quick, and know the latest. */
const LEAST_MS: Readonly<Record<RollupUnit, number>> = {
  '1m': 2 * HOUR_MS,
  '10m': 6 * HOUR_MS,
  '1h': 6 * HOUR_MS,
  '1d': 3 * DAY_MS,
};
const ALWAYS = '1 = 1';
/** Length of the viewer's range. */
export const LENGTH_MS = '($__to - $__from)';

/** A range by the expressions of its ends. */
export interface Bounds {
  readonly from: string;
  readonly to: string;
}

export const RANGE: Bounds = { from: FROM, to: TO };
const FIRST_MINUTE = floored("'m'", FROM);
/** As long as the viewer's range, and before its first minute. */
export const BEFORE: Bounds = {
  from: `dateadd('s', -(${LENGTH_MS} / 1000)::int, ${FIRST_MINUTE})`,
  to: FIRST_MINUTE,
};
export const LAST_WEEK: Bounds = {
  from: `dateadd('d', -7, ${FROM})`,
  to: `dateadd('d', -7, ${TO})`,
};

/** A part of a range, and the table that it is read from. */
export interface Part {
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
function rollupsOf(table: string): readonly Rollup[] {
  const rolling = ROLLINGS.find((each) => each.table.name === table);
  if (!rolling) throw new TypeError(`${table} has no roll-ups`);
  return rolling.units.map((unit) => ({
    name: rollupName(rolling, unit),
    unit,
    ms: ROLLUP_UNITS[unit].ms,
    settledMs: settledMs(chainTo(rolling.units, unit)),
  }));
}

/** One of them. */
export function rollupOf(table: string, unit: RollupUnit): Rollup {
  const found = rollupsOf(table).find((rollup) => rollup.unit === unit);
  if (!found) throw new TypeError(`${table} has no roll-up of ${unit}`);
  return found;
}

const raised = ({ unit, ms }: Rollup, time: string) =>
  floored(quoted(unit), `dateadd('T', ${ms - 1}, ${time})`);

/** @param length of the intervals, as a piece of SQL */
export function floored(length: string, time: string): string {
  return `timestamp_floor(${length}, ${time})`;
}

/**
 * Until when a roll-up has all rows, at most `end`; the beginning of time when `wanted` does not hold. A
 * view without rows has none of them, and one that lags behind ends with its last interval.
 */
function complete({ name, unit, settledMs: late }: Rollup, wanted: string, end?: string): string {
  const settled = floored(quoted(unit), `dateadd('s', -${late / 1000}, now())`);
  const ends = ['max(t)', settled, ...(end ? [end] : [])].join(', ');
  return `(SELECT CASE WHEN ${wanted} THEN least(${ends}) ELSE 0::timestamp END FROM (SELECT max(timestamp) t FROM ${name} UNION ALL SELECT 0::timestamp t))`;
}

/**
 * Where a time series is read: each bucket from the coarsest roll-up that divides the interval, what that
 * may not have yet from the next finer one, and the rest from the rows. Buckets are read whole, also
 * those at the range's ends.
 */
export function partsOfSeries(table: string, { from, to }: Bounds = RANGE): Part[] {
  const rollups = rollupsOf(table);
  const start = floored(INTERVAL, from);
  const end = floored(INTERVAL, `dateadd('T', ${INTERVAL_MS} - 1, ${to})`);
  const fits = ({ ms }: Rollup) => `${INTERVAL_MS} % ${ms} = 0`;
  const done = (rollup: Rollup | undefined) => (rollup ? [complete(rollup, fits(rollup))] : []);
  return [
    part(table, [start, ...done(rollups[0])], [end]),
    ...rollups.map((rollup, i) =>
      part(
        rollup.name,
        [start, ...done(rollups[i + 1])],
        [onlyIf(fits(rollup), end), ...done(rollup)],
      ),
    ),
  ].reverse();
}

/** Where names are looked for: in every hour that the range touches. */
export function partsOfNames(table: string): Part[] {
  const [minutes, hours] = [rollupOf(table, '1m'), rollupOf(table, '1h')];
  const [endMinute, endHour] = [complete(minutes, ALWAYS), complete(hours, ALWAYS)];
  const start = floored("'h'", FROM);
  return [
    part(hours.name, [start], [TO, endHour]),
    part(minutes.name, [start, endHour], [TO, endMinute]),
    part(table, [start, endMinute], [TO]),
  ];
}

/** Where single minutes of a range are read: those that are over. */
export function partsOfMinutes(table: string): Part[] {
  const minutes = rollupOf(table, '1m');
  const [start, stop] = [FIRST_MINUTE, floored("'m'", TO)];
  const end = complete(minutes, ALWAYS, stop);
  return [part(minutes.name, [start], [end]), part(table, [start, end], [stop])];
}

/** A source's share of a range, were there no coarser ones. */
interface Level {
  readonly name: string;
  readonly start: string;
  readonly end: string;
  readonly wanted: string;
}

/**
 * Where a figure of the whole range is read: exactly the range, whole intervals of it from the coarsest
 * roll-up, and what is before and after these from the finer ones.
 */
export function partsOfRange(table: string, { from, to }: Bounds = RANGE): Part[] {
  const levels: Level[] = rollupsOf(table).map((rollup) => {
    const wanted = `${LENGTH_MS} >= ${LEAST_MS[rollup.unit]}`;
    return {
      name: rollup.name,
      wanted,
      start: `CASE WHEN ${wanted} THEN ${raised(rollup, from)} ELSE ${to} END`,
      end: complete(rollup, wanted, floored(quoted(rollup.unit), to)),
    };
  });
  const all = [{ name: table, start: from, end: to, wanted: ALWAYS }, ...levels];
  return all.flatMap(({ name, start, end }, i) => {
    const coarser = all[i + 1];
    if (!coarser) return [part(name, [start], [end])];
    return [
      part(name, [start], [coarser.start, end]),
      part(name, [coarser.start, coarser.end], [onlyIf(coarser.wanted, to), end]),
    ];
  });
}

function onlyIf(condition: string, time: string): string {
  return `CASE WHEN ${condition} THEN ${time} END`;
}

function part(name: string, from: readonly string[], until: readonly string[]): Part {
  const bounds = [
    ...from.map((time) => `timestamp >= ${time}`),
    ...until.map((time) => `timestamp < ${time}`),
  ];
  return { name, where: bounds.join(' AND ') };
}
