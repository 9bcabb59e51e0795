import { ROLLINGS, type RollupUnit, rollupName } from '../../src/schema/rollups.ts';
import { FROM, INTERVAL, INTERVAL_MS, TO } from './text.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Shorter ranges are read from the rows, which is quick and knows the latest ones. */
const ROWS_ONLY_MS = 2 * HOUR_MS;
/** Shorter ones from minutes. */
const NO_HOURS_MS = 6 * HOUR_MS;
/** What may still come late, and the time until a roll-up is refreshed. */
const SETTLED_MINUTES: Readonly<Record<RollupUnit, number>> = { '1m': 5, '1h': 20 };
/** Length of the viewer's range. */
export const LENGTH_MS = '($__to - $__from)';

/** A range by the expressions of its ends. */
export interface Bounds {
  readonly from: string;
  readonly to: string;
}

export const RANGE: Bounds = { from: FROM, to: TO };
const FIRST_MINUTE = `timestamp_floor('m', ${FROM})`;
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
  /** Conditions: whether the part is wanted at all, and its time. */
  readonly where: string;
}

/** Names of a table's present roll-ups, from the schema itself. */
export function rollupsOf(table: string): Readonly<Record<RollupUnit, string>> {
  const rolling = ROLLINGS.find((each) => each.table.name === table);
  if (!rolling) throw new TypeError(`${table} has no roll-ups`);
  return { '1m': rollupName(rolling, '1m'), '1h': rollupName(rolling, '1h') };
}

/**
 * Until when a roll-up has all rows, at most `end`. A view without rows has none of them, and one that
 * lags behind ends with its last interval.
 */
function complete(view: string, unit: RollupUnit, end?: string): string {
  const settled = `timestamp_floor('${unit === '1m' ? 'm' : 'h'}', dateadd('m', -${SETTLED_MINUTES[unit]}, now()))`;
  const ends = ['max(t)', settled, ...(end ? [end] : [])].join(', ');
  return `(SELECT least(${ends}) FROM (SELECT max(timestamp) t FROM ${view} UNION ALL SELECT 0::timestamp t))`;
}

/**
 * Where a time series is read: buckets of hours from hours, of minutes from minutes, and the rest from
 * the rows. Buckets are read whole, also those at the range's ends. QuestDB drops the parts whose
 * constant condition is false before it reads anything.
 */
export function partsOfSeries(table: string, { from, to }: Bounds = RANGE): Part[] {
  const { '1m': minutes, '1h': hours } = rollupsOf(table);
  const [endMinute, endHour] = [complete(minutes, '1m'), complete(hours, '1h')];
  const end = `timestamp_floor(${INTERVAL}, dateadd('T', ${INTERVAL_MS} - 1, ${to}))`;
  const whole = `timestamp >= timestamp_floor(${INTERVAL}, ${from}) AND timestamp < ${end}`;
  const coarse = `${INTERVAL_MS} >= ${HOUR_MS}`;
  const fine = `${INTERVAL_MS} >= ${MINUTE_MS} AND ${INTERVAL_MS} < ${HOUR_MS}`;
  return [
    part(hours, coarse, whole, `timestamp < ${endHour}`),
    part(minutes, coarse, whole, `timestamp >= ${endHour}`, `timestamp < ${endMinute}`),
    part(minutes, fine, whole, `timestamp < ${endMinute}`),
    part(table, `${INTERVAL_MS} >= ${MINUTE_MS}`, whole, `timestamp >= ${endMinute}`),
    part(table, `${INTERVAL_MS} < ${MINUTE_MS}`, whole),
  ];
}

/** Where names are looked for: in every hour that the range touches. */
export function partsOfNames(table: string): Part[] {
  const { '1m': minutes, '1h': hours } = rollupsOf(table);
  const [endMinute, endHour] = [complete(minutes, '1m'), complete(hours, '1h')];
  const touched = `timestamp >= timestamp_floor('h', ${FROM}) AND timestamp < ${TO}`;
  return [
    part(hours, touched, `timestamp < ${endHour}`),
    part(minutes, touched, `timestamp >= ${endHour}`, `timestamp < ${endMinute}`),
    part(table, touched, `timestamp >= ${endMinute}`),
  ];
}

/** Where single minutes of a range are read: those that are over. */
export function partsOfMinutes(table: string): Part[] {
  const minutes = rollupsOf(table)['1m'];
  const end = complete(minutes, '1m', `timestamp_floor('m', ${TO})`);
  const whole = `timestamp >= timestamp_floor('m', ${FROM}) AND timestamp < timestamp_floor('m', ${TO})`;
  return [part(minutes, whole, `timestamp < ${end}`), part(table, whole, `timestamp >= ${end}`)];
}

/** Where a figure of the whole range is read: exactly the range, whole hours of it from hours. */
export function partsOfRange(table: string, { from, to }: Bounds = RANGE): Part[] {
  const { '1m': minutes, '1h': hours } = rollupsOf(table);
  const firstMinute = `timestamp_floor('m', dateadd('T', ${MINUTE_MS - 1}, ${from}))`;
  const firstHour = `timestamp_floor('h', dateadd('T', ${HOUR_MS - 1}, ${from}))`;
  const endMinute = complete(minutes, '1m', `timestamp_floor('m', ${to})`);
  const endHour = complete(hours, '1h', `timestamp_floor('h', ${to})`);
  const rows = `timestamp >= ${from} AND timestamp < ${to}`;
  const [short, long] = [`${LENGTH_MS} < ${ROWS_ONLY_MS}`, `${LENGTH_MS} >= ${ROWS_ONLY_MS}`];
  const medium = `${long} AND ${LENGTH_MS} < ${NO_HOURS_MS}`;
  const longer = `${LENGTH_MS} >= ${NO_HOURS_MS}`;
  const minute = `timestamp >= ${firstMinute} AND timestamp < ${endMinute}`;
  const fromHour = `timestamp >= ${firstHour}`;
  return [
    part(table, short, rows),
    part(table, long, rows, `timestamp < ${firstMinute}`),
    part(minutes, medium, minute),
    part(minutes, longer, minute, `timestamp < ${firstHour}`),
    part(hours, longer, fromHour, `timestamp < ${endHour}`),
    part(minutes, longer, fromHour, `timestamp >= ${endHour}`, `timestamp < ${endMinute}`),
    part(table, long, rows, `timestamp >= ${firstMinute}`, `timestamp >= ${endMinute}`),
  ];
}

function part(name: string, ...conditions: readonly string[]): Part {
  return { name, where: conditions.join(' AND ') };
}
