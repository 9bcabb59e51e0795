import { MINUTE_MS } from '../../core/duration.ts';
import type { HistoryTable, StoredTable } from '../questdb/table-catalog.ts';
import { ceilTo, floorTo, getRangeLengthMs, type TimeRange } from './time-range.ts';

/** A part of a range and the table or roll-up to read it from. */
export interface Segment extends TimeRange {
  readonly name: string;
  /** Interval length of the roll-up in ms; 0 for a table. */
  readonly unitMs: number;
}

/** Ranges up to this length are read from the rows. This is fast and includes the latest data. */
const RAW_ROWS_ONLY_MS = 30 * MINUTE_MS;

/**
 * Splits a range into segments. Each is read from the coarsest source that gives an exact result.
 * Whole hours come from the hourly roll-up, whole minutes from the minute roll-up, and the rest from
 * the rows.
 *
 * @param stored the table, then its roll-ups, newest version first for each unit
 * @param isUsable returns whether intervals of `unitMs` are aligned with the requested time buckets
 * @returns segments without gaps. They overlap only for histories, whose rows are added to the rows of the
 * roll-up. If only a roll-up goes back far enough, the first and
 * last segments are extended to whole intervals.
 */
export function planSegments(
  stored: readonly StoredTable[],
  range: TimeRange,
  isUsable: (unitMs: number) => boolean = () => true,
): Segment[] {
  const rows = stored.filter(({ unitMs }) => unitMs === 0);
  const units = [...new Set(stored.map(({ unitMs }) => unitMs))]
    .filter((u) => u > 0)
    .sort(compareNumbers);
  const levels = units
    .filter(isUsable)
    .map((unit) => stored.filter(({ unitMs }) => unitMs === unit));
  const readsRowsOnly =
    getRangeLengthMs(range) <= RAW_ROWS_ONLY_MS && rows.every((r) => r.fromMs <= range.fromMs);
  return coverRange(range, readsRowsOnly ? [rows] : [rows, ...levels]);
}

/**
 * Covers as much of a range as possible with the last and coarsest level, and the rest with finer
 * levels.
 */
function coverRange(range: TimeRange, levels: readonly (readonly StoredTable[])[]): Segment[] {
  if (getRangeLengthMs(range) <= 0) return [];
  const level = levels.at(-1) ?? [];
  const finer = levels.slice(0, -1);
  if (finer.length === 0) {
    const rows = level.map(({ name }) => ({ ...range, name, unitMs: 0 }));
    return [...rows, ...level.flatMap(({ histories }) => selectHistories(range, histories))];
  }
  const finerFromMs = Math.min(...finer.flat().map(({ fromMs }) => fromMs));
  const { unitMs, untilMs } = level[0]!;
  const [startMs, endMs] = [range.fromMs, Math.min(range.toMs, floorTo(untilMs, unitMs))];
  const fromMs = finerFromMs > startMs ? floorTo(startMs, unitMs) : ceilTo(startMs, unitMs);
  const toMs = finerFromMs >= range.toMs ? ceilTo(endMs, unitMs) : floorTo(endMs, unitMs);
  if (fromMs >= toMs) return coverRange(range, finer);
  return [
    ...coverRange({ fromMs: startMs, toMs: fromMs }, finer),
    ...splitByVersion({ fromMs, toMs }, level),
    ...level.flatMap(({ histories }) => selectHistories({ fromMs, toMs }, histories)),
    ...coverRange({ fromMs: toMs, toMs: range.toMs }, finer),
  ];
}

/** Reads times before the start of the newest version from the previous version. */
function splitByVersion(range: TimeRange, [newest, ...older]: readonly StoredTable[]): Segment[] {
  if (!newest || getRangeLengthMs(range) <= 0) return [];
  const { name, unitMs, ownFromMs = newest.fromMs } = newest;
  const startMs =
    older.length === 0 ? range.fromMs : Math.max(range.fromMs, ceilTo(ownFromMs, unitMs));
  const before = splitByVersion(
    { fromMs: range.fromMs, toMs: Math.min(startMs, range.toMs) },
    older,
  );
  if (startMs >= range.toMs) return before;
  return [...before, { name, unitMs, fromMs: startMs, toMs: range.toMs }];
}

function selectHistories(range: TimeRange, histories: readonly HistoryTable[] = []): Segment[] {
  return histories
    .filter(({ fromMs, untilMs }) => fromMs < range.toMs && untilMs > range.fromMs)
    .map(({ name, unitMs }) => ({ ...range, name, unitMs }));
}

function compareNumbers(a: number, b: number): number {
  return a - b;
}
