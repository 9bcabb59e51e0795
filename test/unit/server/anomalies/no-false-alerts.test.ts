import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { SENSITIVITIES } from '../../../../src/server/anomalies/model/band.ts';
import type { ValueKind } from '../../../../src/server/anomalies/model/value-scale.ts';
import { WeekCalendar } from '../../../../src/server/anomalies/model/week-hours.ts';
import { BandSimulator } from '../../../support/band-simulator.ts';
import { createSeasonalValues } from '../../../support/seasonal-series.ts';

const WINDOW_MS = 10 * MINUTE_MS;
const PER_DAY = DAY_MS / WINDOW_MS;
/** Monday. */
const START_MS = Date.UTC(2026, 9, 5);

/** Returns the starts of alerts of a rule with `for: 10m` and `recovery: 50%`, in days since the start. */
function listAlerts(
  values: readonly number[],
  {
    kind = 'proportional',
    zone = 'UTC',
    startMs = START_MS,
  }: { kind?: ValueKind; zone?: string; startMs?: number } = {},
): number[] {
  const simulator = new BandSimulator(kind, WINDOW_MS, new WeekCalendar(zone), startMs);
  const alerts: number[] = [];
  let run = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const [i, value] of values.entries()) {
    const toMs = startMs + (i + 1) * WINDOW_MS;
    const { distance } = simulator.judge({ toMs, value });
    const isFiring = toMs - lastMs <= WINDOW_MS;
    const limit = isFiring ? SENSITIVITIES.medium / 2 : SENSITIVITIES.medium;
    const isOutside = distance !== undefined && Math.abs(distance) > limit;
    run = isOutside ? run + 1 : 0;
    if (run < 2) continue;
    if (toMs - lastMs > HOUR_MS) alerts.push((toMs - startMs) / DAY_MS);
    lastMs = toMs;
  }
  return alerts;
}

function createValues(days: number, zone = 'UTC', startMs = START_MS): number[] {
  const count = days * PER_DAY;
  return createSeasonalValues(startMs + days * DAY_MS, count, WINDOW_MS, { zone, weekend: 0.4 });
}

describe('a rule about anomalies raises no alert', () => {
  it('with less than two days of data, for any values', () => {
    const values = createValues(2).map((value, i) => (i % 7 === 0 ? 1e6 : value));
    expect(listAlerts(values)).toEqual([]);
  });

  it('for a normal series', () => {
    expect(listAlerts(createValues(16))).toEqual([]);
  });

  it('for a constant series, and when it changes', () => {
    const values = new Array<number>(6 * PER_DAY).fill(5).fill(6, 5 * PER_DAY);
    expect(listAlerts(values.slice(0, 5 * PER_DAY))).toEqual([]);
    expect(listAlerts(values).length).toBeLessThanOrEqual(1);
  });

  it('for a mostly-zero series', () => {
    const values = Array.from({ length: 8 * PER_DAY }, (_, i) => (i % 29 < 2 ? 400 : 0));
    expect(listAlerts(values, { kind: 'count' })).toEqual([]);
  });

  it('after a gap of a week', () => {
    const values = createValues(16).fill(Number.NaN, 5 * PER_DAY, 12 * PER_DAY);
    expect(listAlerts(values)).toEqual([]);
  });

  it('for counters that start again at 0, because they are stored as increases', () => {
    // A restarted process has one short window with few measurements.
    const values = createValues(10);
    for (let i = 3 * PER_DAY; i < values.length; i += PER_DAY) values[i] = 0;
    expect(listAlerts(values, { kind: 'count' })).toEqual([]);
  });

  it('when the clock changes', () => {
    // The clock of Europe/Vienna changes on 2026-10-25.
    const startMs = Date.UTC(2026, 9, 14);
    const zone = 'Europe/Vienna';
    expect(listAlerts(createValues(15, zone, startMs), { zone, startMs })).toEqual([]);
    // The same values would raise alerts if the hours were hours of UTC.
  });

  it('for one value of 1e9, and after it', () => {
    const values = createValues(10);
    values[7 * PER_DAY + 30] = 1e9;
    expect(listAlerts(values)).toEqual([]);
    expect(listAlerts(values, { kind: 'linear' })).toEqual([]);
  });

  it('for negative values and values that are not numbers', () => {
    const values = createValues(8).map((value, i) =>
      i % 11 === 0 ? -5 : i % 13 === 0 ? Number.NaN : value,
    );
    expect(listAlerts(values)).toEqual([]);
  });
});

describe('a rule about anomalies raises one alert', () => {
  it('for a shift of the level, and learns the new level after about a day', () => {
    const values = createValues(14).map((value, i) => (i >= 9.4 * PER_DAY ? 4 * value : value));
    const alerts = listAlerts(values);
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toBeCloseTo(9.4, 1);
  });

  it('for an incident, and none when it ends', () => {
    const values = createValues(12);
    const start = Math.round(9.4 * PER_DAY);
    for (let i = start; i < start + 6; i++) values[i] = 6 * values[i]!;
    expect(listAlerts(values)).toHaveLength(1);
  });

  it('if the requests stop', () => {
    const values = createValues(10);
    values.fill(0, Math.round(8.5 * PER_DAY), Math.round(8.5 * PER_DAY) + 6);
    expect(listAlerts(values, { kind: 'count' })).toHaveLength(1);
  });
});

it('never has a distance that is not finite', () => {
  const value = fc.oneof(
    fc.double({ min: 0, max: 500, noNaN: true }),
    fc.constantFrom(Number.NaN, 0, 1e9, -1, Infinity, 1e308),
  );
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 40 }),
      fc.constantFrom<ValueKind>('proportional', 'count', 'share', 'linear'),
      (pattern, kind) => {
        const simulator = new BandSimulator(kind, WINDOW_MS, new WeekCalendar('UTC'), START_MS);
        for (let i = 0; i < 3 * PER_DAY; i++) {
          const toMs = START_MS + (i + 1) * WINDOW_MS;
          const { distance } = simulator.judge({ toMs, value: pattern[i % pattern.length]! });
          expect(distance === undefined || Number.isFinite(distance)).toBe(true);
          if (i < 2 * PER_DAY - 6) expect(distance).toBeUndefined();
        }
      },
    ),
    { numRuns: 25 },
  );
});
