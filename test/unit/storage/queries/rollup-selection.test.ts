import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { planSegments } from '../../../../src/storage/queries/rollup-selection.ts';
import type { StoredTable } from '../../../../src/storage/questdb/table-catalog.ts';

const NOW = Date.UTC(2026, 10, 25, 12, 0, 0);
const NO_START_LIMIT = Number.NEGATIVE_INFINITY;
const rows: StoredTable = {
  name: 'rows',
  unitMs: 0,
  fromMs: NOW - 30 * DAY_MS,
  untilMs: Number.POSITIVE_INFINITY,
};
const minutes: StoredTable = {
  name: 'minutes',
  unitMs: MINUTE_MS,
  fromMs: NOW - 90 * DAY_MS,
  untilMs: NOW - 2 * MINUTE_MS,
};
const hours: StoredTable = {
  name: 'hours',
  unitMs: HOUR_MS,
  fromMs: NO_START_LIMIT,
  untilMs: NOW - 14 * MINUTE_MS,
};
const ALL = [rows, minutes, hours];

const at = (hour: number, minute = 0, second = 0) => Date.UTC(2026, 10, 24, hour, minute, second);

it('reads each part of the range from the coarsest table that gives an exact result', () => {
  const range = { fromMs: at(1, 58, 30), toMs: at(5, 1, 10) };
  expect(planSegments(ALL, range)).toEqual([
    { name: 'rows', unitMs: 0, fromMs: at(1, 58, 30), toMs: at(1, 59) },
    { name: 'minutes', unitMs: MINUTE_MS, fromMs: at(1, 59), toMs: at(2) },
    { name: 'hours', unitMs: HOUR_MS, fromMs: at(2), toMs: at(5) },
    { name: 'minutes', unitMs: MINUTE_MS, fromMs: at(5), toMs: at(5, 1) },
    { name: 'rows', unitMs: 0, fromMs: at(5, 1), toMs: at(5, 1, 10) },
  ]);
});

it('reads the newest part, which a roll-up might not contain yet, from finer tables', () => {
  const segments = planSegments(ALL, { fromMs: NOW - 2 * HOUR_MS, toMs: NOW });
  expect(segments.map(({ name }) => name)).toEqual(['hours', 'minutes', 'rows']);
  expect(segments[0]!.toMs).toBe(NOW - HOUR_MS);
  expect(segments[1]!.toMs).toBe(NOW - 2 * MINUTE_MS);
});

it('reads a short range only from rows', () => {
  const range = { fromMs: NOW - 15 * MINUTE_MS, toMs: NOW };
  expect(planSegments(ALL, range)).toEqual([{ ...range, name: 'rows', unitMs: 0 }]);
});

it('extends the range to whole intervals where the rows have expired', () => {
  const fromMs = NOW - 40 * DAY_MS + 30_000;
  const [first] = planSegments(ALL, { fromMs, toMs: NOW });
  expect(first).toMatchObject({ name: 'minutes', fromMs: NOW - 40 * DAY_MS });
  const old = planSegments(ALL, { fromMs: NOW - 100 * DAY_MS + 1, toMs: NOW - 99 * DAY_MS + 1 });
  expect(old).toEqual([
    {
      name: 'hours',
      unitMs: HOUR_MS,
      fromMs: NOW - 100 * DAY_MS,
      toMs: NOW - 99 * DAY_MS + HOUR_MS,
    },
  ]);
});

it('uses no interval that crosses a bucket boundary', () => {
  const range = { fromMs: at(1), toMs: at(5) };
  const segments = planSegments(ALL, range, (unitMs) => unitMs <= MINUTE_MS);
  expect(segments).toEqual([{ ...range, name: 'minutes', unitMs: MINUTE_MS }]);
});

it('reads times before the start of the newest roll-up version from the previous version', () => {
  const newer = { ...hours, name: 'hours_v2', fromMs: at(3, 20) };
  const segments = planSegments([rows, minutes, newer, hours], { fromMs: at(1), toMs: at(6) });
  expect(segments).toEqual([
    { name: 'hours', unitMs: HOUR_MS, fromMs: at(1), toMs: at(4) },
    { name: 'hours_v2', unitMs: HOUR_MS, fromMs: at(4), toMs: at(6) },
  ]);
});

it('reads the whole range from rows if there is no roll-up', () => {
  const range = { fromMs: at(1), toMs: at(5) };
  expect(planSegments([rows], range)).toEqual([{ ...range, name: 'rows', unitMs: 0 }]);
  expect(planSegments([], range)).toEqual([]);
});

it('covers any range exactly once, in order, with whole intervals', () => {
  const moment = fc.integer({ min: 0, max: 29 * DAY_MS }).map((ms) => NOW - ms);
  fc.assert(
    fc.property(moment, moment, fc.constantFrom(0, MINUTE_MS, HOUR_MS), (a, b, coarsest) => {
      const range = { fromMs: Math.min(a, b), toMs: Math.max(a, b) };
      const segments = planSegments(ALL, range, (unitMs) => unitMs <= coarsest);
      let next = range.fromMs;
      for (const { fromMs, toMs, unitMs } of segments) {
        expect(fromMs).toBe(next);
        expect(toMs).toBeGreaterThan(fromMs);
        if (unitMs > 0) expect([fromMs % unitMs, toMs % unitMs]).toEqual([0, 0]);
        next = toMs;
      }
      expect(next).toBe(range.toMs);
    }),
  );
});

it('adds the intervals of replaced roll-ups to each part of the range', () => {
  const toHistory = (name: string, unitMs: number) => ({
    name,
    unitMs,
    fromMs: NOW - 60 * DAY_MS,
    untilMs: at(3, 20),
    revision: 'unchanged',
  });
  const oldMinutes = toHistory('old_minutes', MINUTE_MS);
  const oldHours = toHistory('old_hours', HOUR_MS);
  const stored = [
    { ...rows, fromMs: at(3, 20), histories: [oldMinutes] },
    { ...minutes, histories: [oldMinutes] },
    { ...hours, histories: [oldHours] },
  ];
  const select = (fromMs: number, toMs: number) =>
    planSegments(stored, { fromMs, toMs }).map((each) => [each.name, each.fromMs, each.toMs]);
  expect(select(at(1, 30), at(5))).toEqual([
    ['minutes', at(1, 30), at(2)],
    ['old_minutes', at(1, 30), at(2)],
    ['hours', at(2), at(5)],
    ['old_hours', at(2), at(5)],
  ]);
  // A short range, and a range after the replacement.
  expect(select(at(3, 10), at(3, 30))).toEqual([
    ['minutes', at(3, 10), at(3, 30)],
    ['old_minutes', at(3, 10), at(3, 30)],
  ]);
  expect(select(at(4), at(6))).toEqual([['hours', at(4), at(6)]]);
});
