import { expect, it } from 'vitest';
import { HOUR_MS } from '../../../../src/core/duration.ts';
import type { Forecast } from '../../../../src/server/forecasts/forecast.ts';
import type { ForecastSubject } from '../../../../src/server/forecasts/forecast-subject.ts';
import {
  explainForecast,
  getTimeToLimit,
} from '../../../../src/server/forecasts/observe-forecasts.ts';
import { findRule, loadTestRules } from '../../../support/alert-rule-fixtures.ts';

const NOW = Date.UTC(2026, 5, 1);
const FORECAST: Forecast = {
  ...{ status: 'limit', isReliable: true, value: 81, limit: 100, slopePerDay: 6.1 },
  expectedMs: NOW + 74 * HOUR_MS,
  earliestMs: NOW + 57 * HOUR_MS,
  latestMs: NOW + 98 * HOUR_MS,
  errors: [
    { horizonMs: 168 * HOUR_MS, forecasts: 12, error: 1.2, naive: 38, seasonalNaive: undefined },
  ],
};
const SUBJECT: ForecastSubject = {
  ...{ id: 'f1', kind: 'disk', name: 'Disk of host web-1', unit: '%', labels: {} },
};

it('reads thresholds as durations, and compares from above', () => {
  const set = loadTestRules(
    `rules:
  - { name: queue-full-soon, forecast: queue, thresholds: { warning: 6h, high: 90m } }
  - { name: disk-full-soon, thresholds: { warning: 5d } }`,
  );
  expect(findRule(set, 'queue-full-soon')).toMatchObject({
    source: { kind: 'forecast', subject: 'queue' },
    direction: 'below',
    levels: [
      { severity: 'warning', threshold: 6 * HOUR_MS },
      { severity: 'high', threshold: 1.5 * HOUR_MS },
    ],
  });
  expect(findRule(set, 'disk-full-soon').levels[0]!.threshold).toBe(120 * HOUR_MS);
});

it.each([
  ['{ name: x, forecast: disks, thresholds: { warning: 6h } }', '`forecast`'],
  ['{ name: x, forecast: disk, thresholds: { warning: soon } }', '`warning`'],
  ['{ name: x, forecast: disk, thresholds: { warning: 1h, high: 6h } }', '`high`'],
  ['{ name: x, forecast: disk, internal: spool_lag, thresholds: { warning: 1 } }', 'exactly one'],
  ['{ name: x, forecast: disk, noData: alert }', '`noData: alert`'],
  ['{ name: x, internal: spool_lag, thresholds: { warning: 6h } }', '`warning`'],
])('rejects %s', (rule, message) => {
  expect(() => loadTestRules(`rules:\n  - ${rule}`)).toThrow(message);
});

it('uses only reliable forecasts for alerts', () => {
  expect(getTimeToLimit(FORECAST, NOW)).toBe(74 * HOUR_MS);
  expect(getTimeToLimit(FORECAST, NOW + 80 * HOUR_MS)).toBe(0);
  expect(getTimeToLimit({ ...FORECAST, isReliable: false }, NOW)).toBe(Number.POSITIVE_INFINITY);
  expect(getTimeToLimit({ ...FORECAST, status: 'clear' }, NOW)).toBe(Number.POSITIVE_INFINITY);
  expect(getTimeToLimit({ ...FORECAST, status: 'waiting' }, NOW)).toBe(Number.POSITIVE_INFINITY);
  expect(getTimeToLimit({ status: 'reached', limit: 1 }, NOW)).toBe(0);
});

it('explains an alert with the interval, the growth, and the errors', () => {
  const entry = { subject: SUBJECT, forecast: FORECAST, limitReason: undefined, computedMs: NOW };
  expect(explainForecast(entry, NOW)?.split('; ')).toEqual([
    'between 2 d 9 h and 4 d 2 h (80 % interval)',
    'now 81 % of 100 %, 6.1 % more per day',
    'in 12 tests over 7 d, the error was 1.2 % (repeating the last value: 38 %)',
  ]);
});
