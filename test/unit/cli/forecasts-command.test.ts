import { expect, it } from 'vitest';
import { formatImpact } from '../../../src/cli/business-impact-command.ts';
import { formatForecasts } from '../../../src/cli/forecasts-command.ts';

type Forecast = Parameters<typeof formatForecasts>[0][number];

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 5, 1);
const toTime = (hours: number) => new Date(NOW_MS + hours * HOUR_MS).toISOString();
const FORECAST: Forecast = {
  ...{ id: 'f1', kind: 'disk', subject: 'Disk of host web-1', labels: { host: 'web-1' } },
  ...{ unit: '%', status: 'limit', value: 80, limit: 100, slopePerDay: 6, reliable: true },
  ...{ limitAt: toTime(80), earliestAt: toTime(60), latestAt: toTime(100) },
  ...{ timeToLimit: 80 * HOUR_MS, horizon: 168 * HOUR_MS, computedAt: toTime(0) },
  errors: [{ horizon: 168 * HOUR_MS, forecasts: 12, error: 1.5, naive: 20 }],
};

const toCells = (forecast: Forecast) => formatForecasts([forecast]).split('\n')[1]!.split(/ {2,}/);

it('shows when a limit is reached, with the interval and the errors', () => {
  expect(toCells(FORECAST)).toEqual([
    ...['Disk of host web-1', '80 %', '100 %', '6 %', 'in 3 d 8 h (2 d 12 h to 4 d 4 h)'],
    '1.5 % (20 %)',
  ]);
  const open = { ...FORECAST, latestAt: undefined };
  expect(toCells(open)).toContain('in 3 d 8 h (2 d 12 h to after 7 d)');
  const { limitAt: _, timeToLimit: __, ...clear } = FORECAST;
  expect(toCells({ ...clear, status: 'clear' })).toContain('not within 7 d');
  expect(toCells({ ...FORECAST, status: 'reached' })).toContain('now');
});

it('shows the sentences and the latency bands of a comparison', () => {
  const text = formatImpact({
    ...{ organizationId: 'anna', status: 'fewer', sentences: ['A sentence.'], missing: [] },
    ...{ intervals: 200, outcome: 300, exposure: 3000 },
    bands: [
      { from: 100, to: 250, intervals: 100, outcome: 200, exposure: 1500, rate: 0.133 },
      {
        ...{ from: 250, intervals: 100, outcome: 100, exposure: 1500, rate: 0.0667 },
        relative: { ratio: 0.5, lower: 0.4, upper: 0.62, pValue: 0.001 },
      },
    ],
  });
  const [title, sentence, , first, second] = text.split('\n');
  expect([title, sentence]).toEqual(['anna', 'A sentence.']);
  expect(first).toMatch(/^100 ms to 250 ms +100 +200 +13\.3/);
  expect(second).toMatch(/^from 250 ms +100 +100 +6\.67 +0\.5 \(0\.4 to 0\.62\)$/);
});
