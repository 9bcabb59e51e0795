import { DAY_MS, HOUR_MS } from '../../src/core/duration.ts';
import {
  computeMaxLagMs,
  getUnitChain,
  ROLLUP_DEFINITIONS,
  ROLLUP_UNITS,
  type RollupUnit,
} from '../../src/core/schema/rollup-definitions.ts';
import { formatRollupName } from '../../src/core/schema/rollup-names.ts';
import { FROM, INTERVAL, INTERVAL_MS, quote, TO } from './sql-text.ts';

/** Shorter ranges are read without the roll-up: reading rows is fast and includes the latest data. */
const MIN_RANGE_MS: Readonly<Record<RollupUnit, number>> = {
  '1m': 2 * HOUR_MS,
  '10m': 6 * HOUR_MS,
  '1h': 6 * HOUR_MS,
  '1d': 3 * DAY_MS,
};
const ALWAYS = '1 = 1';
/** Length of the dashboard's time range, in ms. */
export const LENGTH_MS = '($__to - $__from)';

/** A time range as SQL expressions. */
export interface TimeBounds {
  readonly from: string;
  readonly to: string;
}

export const RANGE: TimeBounds = { from: FROM, to: TO };
/** The end of the time range, or the current time if the range ends later. */
export const RANGE_END = `least(${TO}, now())`;
/** A running process reports at least this often, in seconds: three times per default interval. */
const REPORT_S = 180;

/**
 * Returns the time since which a process must have reported. Processes that have ended reported earlier.
 *
 * @param end end of the range or interval
 */
export function toRecentStart(end: string): string {
  return `dateadd('s', -${REPORT_S}, ${end})`;
}
const FIRST_MINUTE = floorTime("'m'", FROM);
/** The range before the first minute of the dashboard's time range, with the same length. */
export const PREVIOUS_RANGE: TimeBounds = {
  from: `dateadd('s', -(${LENGTH_MS} / 1000)::int, ${FIRST_MINUTE})`,
  to: FIRST_MINUTE,
};
export const LAST_WEEK: TimeBounds = {
  from: `dateadd('d', -7, ${FROM})`,
  to: `dateadd('d', -7, ${TO})`,
};

/** A part of a time range and the table to read it from. */
export interface TablePart {
  readonly name: string;
  /**
   * Conditions on the timestamp. If a part isn't needed, a bound is NULL and QuestDB reads nothing.
   * A condition without a column would prevent QuestDB from compiling the filter.
   */
  readonly where: string;
}

/** A roll-up of the current schema. */
interface Rollup {
  readonly name: string;
  readonly unit: RollupUnit;
  readonly ms: number;
  /** The roll-up is complete up to this many ms before the current time. */
  readonly maxLagMs: number;
}

/** Returns the roll-ups of a table in the current schema, finest first. */
function getRollups(table: string): readonly Rollup[] {
  const definition = ROLLUP_DEFINITIONS.find((each) => each.table.name === table);
  if (!definition) throw new TypeError(`${table} has no roll-ups`);
  return definition.units.map((unit) => ({
    name: formatRollupName(definition, unit),
    unit,
    ms: ROLLUP_UNITS[unit].ms,
    maxLagMs: computeMaxLagMs(getUnitChain(definition.units, unit)),
  }));
}

/** Returns one roll-up of a table in the current schema. */
export function getRollup(table: string, unit: RollupUnit): Rollup {
  const found = getRollups(table).find((rollup) => rollup.unit === unit);
  if (!found) throw new TypeError(`${table} has no ${unit} roll-up`);
  return found;
}

const ceilTime = ({ unit, ms }: Rollup, time: string) =>
  floorTime(quote(unit), `dateadd('T', ${ms - 1}, ${time})`);

/**
 * Rounds a time down to the start of its interval.
 *
 * @param length SQL expression of the interval length
 */
export function floorTime(length: string, time: string): string {
  return `timestamp_floor(${length}, ${time})`;
}

/**
 * Returns the time up to which a roll-up is complete, but not later than `end`. Returns the epoch if
 * `condition` is false or the roll-up is empty. A delayed roll-up is complete up to its last interval.
 */
function toCompleteUntil(
  { name, unit, maxLagMs }: Rollup,
  condition: string,
  end?: string,
): string {
  const lagEnd = floorTime(quote(unit), `dateadd('s', -${maxLagMs / 1000}, now())`);
  const ends = ['max(t)', lagEnd, ...(end ? [end] : [])].join(', ');
  return `(SELECT CASE WHEN ${condition} THEN least(${ends}) ELSE 0::timestamp END FROM (SELECT max(timestamp) t FROM ${name} UNION ALL SELECT 0::timestamp t))`;
}

/**
 * Returns the parts to read for a time series. Each interval is read from the coarsest roll-up that
 * divides it. Data that this roll-up doesn't have yet is read from the next finer roll-up, and the rest
 * from the rows. The first and last intervals are read completely, even if they exceed the range.
 */
export function getSeriesParts(table: string, { from, to }: TimeBounds = RANGE): TablePart[] {
  const rollups = getRollups(table);
  const start = floorTime(INTERVAL, from);
  const end = floorTime(INTERVAL, `dateadd('T', ${INTERVAL_MS} - 1, ${to})`);
  const fits = ({ ms }: Rollup) => `${INTERVAL_MS} % ${ms} = 0`;
  const completeUntil = (rollup: Rollup | undefined) =>
    rollup ? [toCompleteUntil(rollup, fits(rollup))] : [];
  return [
    createPart(table, [start, ...completeUntil(rollups[0])], [end]),
    ...rollups.map((rollup, i) =>
      createPart(
        rollup.name,
        [start, ...completeUntil(rollups[i + 1])],
        [toConditionalTime(fits(rollup), end), ...completeUntil(rollup)],
      ),
    ),
  ].reverse();
}

/** Returns the parts to read for names: all hours that overlap the time range. */
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

/** Returns the parts to read for single minutes. The current minute is excluded. */
export function getMinuteParts(table: string): TablePart[] {
  const minutes = getRollup(table, '1m');
  const [start, stop] = [FIRST_MINUTE, floorTime("'m'", TO)];
  const end = toCompleteUntil(minutes, ALWAYS, stop);
  return [createPart(minutes.name, [start], [end]), createPart(table, [start, end], [stop])];
}

/** The part of a range that a table could provide if there were no coarser roll-ups. */
interface RangeLevel {
  readonly name: string;
  readonly start: string;
  readonly end: string;
  /** SQL condition that determines whether the table is used. */
  readonly condition: string;
}

/**
 * Returns the parts to read for a value of the whole time range. They cover exactly the range. Whole
 * intervals are read from the coarsest roll-up, and the time before and after them from finer ones.
 */
export function getRangeParts(table: string, { from, to }: TimeBounds = RANGE): TablePart[] {
  const levels: RangeLevel[] = getRollups(table).map((rollup) => {
    const condition = `${LENGTH_MS} >= ${MIN_RANGE_MS[rollup.unit]}`;
    return {
      name: rollup.name,
      condition,
      start: `CASE WHEN ${condition} THEN ${ceilTime(rollup, from)} ELSE ${to} END`,
      end: toCompleteUntil(rollup, condition, floorTime(quote(rollup.unit), to)),
    };
  });
  const all = [{ name: table, start: from, end: to, condition: ALWAYS }, ...levels];
  return all.flatMap(({ name, start, end }, i) => {
    const coarser = all[i + 1];
    if (!coarser) return [createPart(name, [start], [end])];
    return [
      createPart(name, [start], [coarser.start, end]),
      createPart(
        name,
        [coarser.start, coarser.end],
        [toConditionalTime(coarser.condition, to), end],
      ),
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
