import type { Stored } from '../questdb/catalog.ts';
import { ceilTo, floorTo, lengthMs, MINUTE_MS, type Range } from './range.ts';

/** A part of a range, and where it is read. */
export interface Segment extends Range {
  readonly name: string;
  /** 0 for rows, else the length of a roll-up's interval in ms. */
  readonly unitMs: number;
}

/** Up to this length rows are read as they are: that is quick, and knows the latest ones. */
const ROWS_ONLY_MS = 30 * MINUTE_MS;

/**
 * Cuts a range into parts so that each is read from the coarsest source that answers it exactly:
 * whole hours from hours, whole minutes from minutes, and the rest from the rows.
 *
 * @param stored what is kept of the table: its rows, then roll-ups, each unit's newest version first
 * @param fits whether intervals of `unitMs` may be used, where buckets of time are asked for
 * @returns parts without a gap or overlap. Where only a roll-up is old enough, the first and the last
 *   part reach out to its whole intervals.
 */
export function plan(
  stored: readonly Stored[],
  range: Range,
  fits: (unitMs: number) => boolean = () => true,
): Segment[] {
  const rows = stored.filter(({ unitMs }) => unitMs === 0);
  const units = [...new Set(stored.map(({ unitMs }) => unitMs))].filter((u) => u > 0).sort(up);
  const levels = units.filter(fits).map((unit) => stored.filter(({ unitMs }) => unitMs === unit));
  const rowsOnly = lengthMs(range) <= ROWS_ONLY_MS && rows.every((r) => r.fromMs <= range.fromMs);
  return cover(range, rowsOnly ? [rows] : [rows, ...levels]);
}

function cover(range: Range, levels: readonly (readonly Stored[])[]): Segment[] {
  if (lengthMs(range) <= 0) return [];
  const level = levels.at(-1) ?? [];
  const finer = levels.slice(0, -1);
  if (finer.length === 0) return level.map(({ name }) => ({ ...range, name, unitMs: 0 }));
  const finerFromMs = Math.min(...finer.flat().map(({ fromMs }) => fromMs));
  const { unitMs, untilMs } = level[0]!;
  const [begin, end] = [range.fromMs, Math.min(range.toMs, floorTo(untilMs, unitMs))];
  const fromMs = finerFromMs > begin ? floorTo(begin, unitMs) : ceilTo(begin, unitMs);
  const toMs = finerFromMs >= range.toMs ? ceilTo(end, unitMs) : floorTo(end, unitMs);
  if (fromMs >= toMs) return cover(range, finer);
  return [
    ...cover({ fromMs: begin, toMs: fromMs }, finer),
    ...versions({ fromMs, toMs }, level),
    ...cover({ fromMs: toMs, toMs: range.toMs }, finer),
  ];
}

/** What a newer version does not reach back to is read from the one before it. */
function versions(range: Range, [newest, ...older]: readonly Stored[]): Segment[] {
  if (!newest || lengthMs(range) <= 0) return [];
  const { name, unitMs } = newest;
  const startMs =
    older.length === 0 ? range.fromMs : Math.max(range.fromMs, ceilTo(newest.fromMs, unitMs));
  const before = versions({ fromMs: range.fromMs, toMs: Math.min(startMs, range.toMs) }, older);
  if (startMs >= range.toMs) return before;
  return [...before, { name, unitMs, fromMs: startMs, toMs: range.toMs }];
}

function up(a: number, b: number): number {
  return a - b;
}
