import { MINUTE_MS } from '../../core/duration.ts';
import type { StoredTable } from '../questdb/table-catalog.ts';
import { ceilTo, floorTo, getRangeLengthMs, type TimeRange } from './query-range.ts';

/** A part of a range, and where it is read. */
export interface Segment extends TimeRange {
  readonly name: string;
  /** 0 for rows, else the length of a roll-up's interval in ms. */
  readonly unitMs: number;
}

/** Up to this length rows are read as they are: that is quick, and knows the latest ones. */
const RAW_ROWS_ONLY_MS = 30 * MINUTE_MS;

/**
 * Cuts a range into parts so that each is read from the coarsest source that answers it exactly:
 * whole hours from hours, whole minutes from minutes, and the rest from the rows.
 *
 * @param stored what is kept of the table: its rows, then roll-ups, each unit's newest version first
 * @param fits whether intervals of `unitMs` may be used, where buckets of time are asked for
 * @returns parts without a gap or overlap. Where only a roll-up is old enough, the first and the last
 *   part reach out to its whole intervals.
 */
export function planSegments(
  stored: readonly StoredTable[],
  range: TimeRange,
  fits: (unitMs: number) => boolean = () => true,
): Segment[] {
  const rows = stored.filter(({ unitMs }) => unitMs === 0);
  const units = [...new Set(stored.map(({ unitMs }) => unitMs))]
    .filter((u) => u > 0)
    .sort(compareNumbers);
  const levels = units.filter(fits).map((unit) => stored.filter(({ unitMs }) => unitMs === unit));
  const rowsOnly =
    getRangeLengthMs(range) <= RAW_ROWS_ONLY_MS && rows.every((r) => r.fromMs <= range.fromMs);
  return coverRange(range, rowsOnly ? [rows] : [rows, ...levels]);
}

function coverRange(range: TimeRange, levels: readonly (readonly StoredTable[])[]): Segment[] {
  if (getRangeLengthMs(range) <= 0) return [];
  const level = levels.at(-1) ?? [];
  const finer = levels.slice(0, -1);
  if (finer.length === 0) return level.map(({ name }) => ({ ...range, name, unitMs: 0 }));
  const finerFromMs = Math.min(...finer.flat().map(({ fromMs }) => fromMs));
  const { unitMs, untilMs } = level[0]!;
  const [begin, end] = [range.fromMs, Math.min(range.toMs, floorTo(untilMs, unitMs))];
  const fromMs = finerFromMs > begin ? floorTo(begin, unitMs) : ceilTo(begin, unitMs);
  const toMs = finerFromMs >= range.toMs ? ceilTo(end, unitMs) : floorTo(end, unitMs);
  if (fromMs >= toMs) return coverRange(range, finer);
  return [
    ...coverRange({ fromMs: begin, toMs: fromMs }, finer),
    ...splitByVersion({ fromMs, toMs }, level),
    ...coverRange({ fromMs: toMs, toMs: range.toMs }, finer),
  ];
}

/** What a newer version does not reach back to is read from the one before it. */
function splitByVersion(range: TimeRange, [newest, ...older]: readonly StoredTable[]): Segment[] {
  if (!newest || getRangeLengthMs(range) <= 0) return [];
  const { name, unitMs } = newest;
  const startMs =
    older.length === 0 ? range.fromMs : Math.max(range.fromMs, ceilTo(newest.fromMs, unitMs));
  const before = splitByVersion(
    { fromMs: range.fromMs, toMs: Math.min(startMs, range.toMs) },
    older,
  );
  if (startMs >= range.toMs) return before;
  return [...before, { name, unitMs, fromMs: startMs, toMs: range.toMs }];
}

function compareNumbers(a: number, b: number): number {
  return a - b;
}
