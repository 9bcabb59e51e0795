import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  computeDistance,
  findBandProblem,
  locateBand,
  SENSITIVITIES,
  toBandRange,
} from '../../../../src/server/anomalies/model/band.ts';
import { measureBandError } from '../../../../src/server/anomalies/model/band-error.ts';
import {
  type BandModel,
  fitBand,
  HISTORY_HOURS,
} from '../../../../src/server/anomalies/model/fit-band.ts';
import type { ValueKind } from '../../../../src/server/anomalies/model/value-scale.ts';
import { WeekCalendar } from '../../../../src/server/anomalies/model/week-hours.ts';
import { createSeasonalShape, createSeasonalValues } from '../../../support/seasonal-series.ts';

const UTC = new WeekCalendar('UTC');
/** Monday, 2026-11-30, 10:00 UTC. */
const END_HOUR = Date.UTC(2026, 10, 30, 10) / HOUR_MS;
const END_MS = END_HOUR * HOUR_MS;
const KINDS = ['proportional', 'count', 'share', 'linear'] as const;

function learn(values: readonly number[], calendar = UTC, kind: ValueKind = 'proportional') {
  return fitBand({ kind, values, endHour: END_HOUR }, calendar);
}

function judge(model: BandModel, value: number, toMs = END_MS + HOUR_MS, calendar = UTC) {
  const position = locateBand(model, calendar, { toMs, windowMs: HOUR_MS, spread: undefined });
  return {
    distance: computeDistance(model, position, value) ?? Number.NaN,
    range: toBandRange(model, position, 'medium'),
    reason: findBandProblem(model, calendar, toMs - HOUR_MS / 2)?.reason,
  };
}

describe('a series with a daily and a weekly cycle', () => {
  const shape = createSeasonalShape();
  const model = learn(createSeasonalValues(END_MS, HISTORY_HOURS));

  it('expects the value of the hour of the week', () => {
    for (let hours = 1; hours <= 168; hours += 5) {
      const toMs = END_MS + hours * HOUR_MS;
      const expected = shape(toMs - HOUR_MS / 2);
      const { range, reason, distance } = judge(model, expected, toMs);
      expect(reason).toBeUndefined();
      expect(Math.abs(distance)).toBeLessThan(3);
      expect(range.lower).toBeLessThan(expected);
      expect(range.upper).toBeGreaterThan(expected);
    }
  });

  it('finds a value of another hour', () => {
    const night = END_MS + 17 * HOUR_MS;
    const noonValue = shape(END_MS + 4.5 * HOUR_MS);
    expect(judge(model, noonValue, night).distance).toBeGreaterThan(SENSITIVITIES.low);
    expect(judge(model, 0, END_MS + HOUR_MS).distance).toBeLessThan(-SENSITIVITIES.low);
  });

  it('has almost no values outside in its own past', () => {
    const values = createSeasonalValues(END_MS, HISTORY_HOURS, HOUR_MS, { seed: 3 });
    const error = measureBandError({ kind: 'proportional', values, endHour: END_HOUR }, UTC);
    expect(error?.hours).toBe(168);
    expect(error?.outside.medium).toBeLessThanOrEqual(1);
  });

  it('is not changed much by incidents of some hours', () => {
    const values = createSeasonalValues(END_MS, HISTORY_HOURS);
    for (const start of [100, 268, 400, 560])
      for (let i = start; i < start + 5; i++) values[i] = values[i]! * 30;
    values[650] = 1e9;
    const disturbed = learn(values);
    for (let hours = 1; hours <= 168; hours += 7) {
      const toMs = END_MS + hours * HOUR_MS;
      const [before, after] = [judge(model, 1, toMs).range, judge(disturbed, 1, toMs).range];
      expect(after.expected / before.expected).toBeGreaterThan(0.8);
      expect(after.expected / before.expected).toBeLessThan(1.25);
      expect(after.upper / after.expected).toBeLessThan((1.6 * before.upper) / before.expected);
    }
  });
});

describe('daylight saving time', () => {
  it('keeps the profile of local hours after the clock changed', () => {
    const vienna = new WeekCalendar('Europe/Vienna');
    // The clock changes on 2026-10-25 at 01:00 UTC.
    const endHour = Date.UTC(2026, 9, 26, 0) / HOUR_MS;
    const shape = createSeasonalShape({ zone: 'Europe/Vienna' });
    const values = createSeasonalValues(endHour * HOUR_MS, HISTORY_HOURS, HOUR_MS, {
      zone: 'Europe/Vienna',
      noise: 0.02,
    });
    const findLargestDistance = (calendar: WeekCalendar) => {
      const model = fitBand({ kind: 'proportional', values, endHour }, calendar);
      const distances = Array.from({ length: 48 }, (_, i) => {
        const toMs = (endHour + i + 1) * HOUR_MS;
        return Math.abs(judge(model, shape(toMs - HOUR_MS / 2), toMs, calendar).distance);
      });
      return Math.max(...distances);
    };
    expect(findLargestDistance(vienna)).toBeLessThan(1);
    // With hours of UTC, all values would be an hour early.
    expect(findLargestDistance(UTC)).toBeGreaterThan(SENSITIVITIES.medium);
  });
});

describe('level shifts', () => {
  const shiftBy = (hours: number) => {
    const values = createSeasonalValues(END_MS, HISTORY_HOURS);
    return learn(values.map((value, i) => (i >= HISTORY_HOURS - hours ? 3 * value : value)));
  };
  const expected = createSeasonalShape()(END_MS + HOUR_MS / 2);

  it('keeps the earlier band for a day, and reports the shift', () => {
    const model = shiftBy(12);
    expect(model.shift?.isLearned).toBe(false);
    expect(model.shift?.sinceMs).toBe(END_MS - 12 * HOUR_MS);
    expect(judge(model, 3 * expected).distance).toBeGreaterThan(SENSITIVITIES.low);
    expect(Math.abs(judge(model, expected).distance)).toBeLessThan(SENSITIVITIES.high);
  });

  it.each([26, 40, 60, 90, 120])('learns the new level after %i hours', (hours) => {
    const model = shiftBy(hours);
    expect(Math.abs(judge(model, 3 * expected).distance)).toBeLessThan(SENSITIVITIES.high);
    expect(judge(model, expected).distance).toBeLessThan(-SENSITIVITIES.medium);
  });

  it('reports no shift for a short incident', () => {
    expect(shiftBy(3).shift).toBeUndefined();
    expect(learn(createSeasonalValues(END_MS, HISTORY_HOURS)).shift).toBeUndefined();
  });
});

describe('series without a band', () => {
  const none = (count: number) => new Array<number>(count).fill(Number.NaN);
  const reasonOf = (values: readonly number[], calendar = UTC) =>
    judge(learn(values, calendar), 1, END_MS + HOUR_MS, calendar).reason;

  it.each<[string, string, number[]]>([
    ['no values', 'no_data', none(HISTORY_HOURS)],
    ['two hours', 'short_history', [...none(670), 5, 6]],
    ['one day', 'short_history', createSeasonalValues(END_MS, 24)],
    [
      'few hours in a long time',
      'short_history',
      [5, ...none(300), ...createSeasonalValues(END_MS, 10)],
    ],
    ['a constant', 'constant', new Array<number>(HISTORY_HOURS).fill(7)],
    ['mostly zero', 'mostly_zero', Array.from({ length: 672 }, (_, i) => (i % 10 === 0 ? 9 : 0))],
    [
      'a week without values at the end',
      'gap',
      [...createSeasonalValues(END_MS, 400), ...none(168)],
    ],
    [
      'a gap of a week, and some hours',
      'gap',
      [...createSeasonalValues(END_MS, 400), ...none(168), ...createSeasonalValues(END_MS, 10)],
    ],
  ])('reports %s as %s', (_name, reason, values) => {
    expect(reasonOf(values)).toBe(reason);
  });

  it('has a band again a day after a gap', () => {
    const values = createSeasonalValues(END_MS, HISTORY_HOURS);
    values.fill(Number.NaN, 400, 640);
    expect(reasonOf(values)).toBeUndefined();
  });

  it('has a band from two days on', () => {
    expect(reasonOf(createSeasonalValues(END_MS, 48, HOUR_MS, { weekend: 1 }))).toBeUndefined();
    expect(reasonOf(createSeasonalValues(END_MS, 47, HOUR_MS, { weekend: 1 }))).toBe(
      'short_history',
    );
  });

  it('waits for the first Saturday', () => {
    // From Monday to Friday.
    const endHour = END_HOUR - 58;
    const values = createSeasonalValues(endHour * HOUR_MS, 110);
    const model = fitBand({ kind: 'proportional', values, endHour }, UTC);
    const friday = endHour * HOUR_MS - HOUR_MS;
    expect(findBandProblem(model, UTC, friday)).toBeUndefined();
    expect(findBandProblem(model, UTC, friday + DAY_MS)).toMatchObject({
      status: 'learning',
      reason: 'weekday',
      text: 'a Saturday needs two weeks of data',
    });
  });

  it('knows nothing about hours without earlier values', () => {
    const values = createSeasonalValues(END_MS, HISTORY_HOURS).map((value, i) => {
      const hour = UTC.getWeekHour((END_HOUR - HISTORY_HOURS + i) * HOUR_MS) % 24;
      return hour < 6 ? Number.NaN : value;
    });
    const model = learn(values);
    expect(findBandProblem(model, UTC, END_MS + 17 * HOUR_MS)?.reason).toBe('no_similar_hour');
    expect(findBandProblem(model, UTC, END_MS)).toBeUndefined();
  });

  it('ignores holidays, and expects nothing on them', () => {
    const holidays = new Set(['2026-11-23', '11-26', '2026-12-01']);
    const calendar = new WeekCalendar('UTC', holidays);
    const values = createSeasonalValues(END_MS, HISTORY_HOURS).map((value, i) =>
      calendar.isHoliday((END_HOUR - HISTORY_HOURS + i) * HOUR_MS) ? 1e6 : value,
    );
    const model = learn(values, calendar);
    expect(model.valueCount).toBe(HISTORY_HOURS - 48);
    expect(findBandProblem(model, calendar, END_MS + DAY_MS)?.reason).toBe('holiday');
    const expected = createSeasonalShape()(END_MS + HOUR_MS / 2);
    expect(Math.abs(judge(model, expected, END_MS + HOUR_MS, calendar).distance)).toBeLessThan(3);
  });
});

describe('any values', () => {
  const number = fc.oneof(
    { weight: 5, arbitrary: fc.double({ min: 0, max: 1000, noNaN: true }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(Number.NaN, 0, 1e9, -1, -1e9, 1e300, Infinity, -Infinity, 5e-324),
    },
    { weight: 1, arbitrary: fc.double() },
  );
  const values = fc.oneof(
    fc.array(number, { maxLength: 80 }),
    fc
      .tuple(fc.array(number, { minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 672 }))
      .map(([pattern, length]) => Array.from({ length }, (_, i) => pattern[i % pattern.length]!)),
  );

  it('never throws, and all numbers are finite and in order', () => {
    fc.assert(
      fc.property(
        values,
        fc.constantFrom(...KINDS),
        number,
        fc.integer({ min: -700 * 24, max: 700 * 24 }),
        fc.constantFrom(MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, DAY_MS),
        (history, kind, value, hours, windowMs) => {
          const input = { kind, values: history, endHour: END_HOUR };
          const model = fitBand(input, UTC);
          const error = measureBandError(input, UTC);
          expect(error === undefined || error.outside.high <= error.hours).toBe(true);
          const toMs = END_MS + hours * HOUR_MS;
          const window = { toMs, windowMs, spread: undefined, count: 3 };
          const position = locateBand(model, UTC, window);
          const { lower, expected, upper } = toBandRange(model, position, 'medium');
          for (const each of [lower, expected, upper]) expect(Number.isFinite(each)).toBe(true);
          expect(lower).toBeLessThanOrEqual(expected);
          expect(expected).toBeLessThanOrEqual(upper);
          const distance = computeDistance(model, position, value);
          expect(distance === undefined || Number.isFinite(distance)).toBe(true);
          const span = history.length - history.findIndex((each) => Number.isFinite(each));
          if (span < 48) expect(findBandProblem(model, UTC, toMs)).toBeDefined();
        },
      ),
    );
  });
});
