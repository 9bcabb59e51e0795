import { expect, it } from 'vitest';
import type { ApiResponse } from '../../../src/client/api-types.ts';
import { toChartData } from '../../../src/web/data/trend-data.ts';

const minute = (count: number) => `2026-11-29T10:0${count}:00.000Z`;

function createTrends(series: ApiResponse<'trends'>['series']): ApiResponse<'trends'> {
  return {
    from: minute(0),
    to: minute(5),
    metricType: 'API_RESPONSE_TIME',
    step: '1m',
    timeZone: 'UTC',
    series,
    omittedSeries: 0,
    summary: {
      responseTime: {},
      p95ResponseTime: {},
      requestRate: {},
      errorRate: {},
      queryTime: {},
    },
  };
}

it('puts series on one time axis without gaps', () => {
  const trends = createTrends([
    {
      group: { service: 'a' },
      points: [
        { at: minute(1), rate: 5, p95: 10 },
        { at: minute(4), rate: 2, p95: 20 },
      ],
    },
    { group: { service: 'b' }, points: [{ at: minute(2), rate: 7, p95: 30 }] },
  ]);
  const { times, series } = toChartData(
    trends,
    ['rate', 'p95'],
    ({ service }, name) => `${service} ${name}`,
  );
  expect(times.map((time) => new Date(1000 * time).toISOString())).toEqual(
    [0, 1, 2, 3, 4].map(minute),
  );
  expect(series).toEqual([
    // Without measurements, the rate is zero, but a percentile is unknown.
    { label: 'a rate', values: [0, 5, 0, 0, 2] },
    { label: 'a p95', values: [null, 10, null, null, 20] },
    { label: 'b rate', values: [0, 0, 7, 0, 0] },
    { label: 'b p95', values: [null, null, 30, null, null] },
  ]);
});

it('keeps the earlier period next to the current one', () => {
  const trends = createTrends([
    { group: {}, points: [{ at: minute(1), p95: 10 }], compared: [{ at: minute(2), p95: 8 }] },
  ]);
  const { series } = toChartData(trends, ['p95'], () => 'p95');
  expect(series).toEqual([
    { label: 'p95', values: [null, 10, null, null, null], compared: [null, null, 8, null, null] },
  ]);
});

it('is empty without points', () => {
  expect(toChartData(createTrends([]), ['rate'], () => '').times).toEqual([]);
});
