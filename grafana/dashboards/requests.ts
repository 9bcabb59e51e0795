import { lines, spreadLines, stat } from '../parts/panels.ts';
import { thresholdsOf } from '../parts/thresholds.ts';
import {
  average,
  errorRate,
  p95,
  percentilesOverTime,
  rate,
  ratesOverTime,
} from '../sql/figures.ts';
import type { Asked } from '../sql/work.ts';

/** The four figures of requests, side by side. */
export function requestStats(asked: Asked) {
  return [
    stat({
      title: 'Requests',
      unit: 'reqps',
      width: 6,
      decimals: 1,
      description: 'Requests per second over the range.',
      sql: rate(asked),
    }),
    stat({
      title: 'Average response',
      unit: 'ms',
      width: 6,
      description: 'Mean duration of all requests. Coloured by the rule response-time.',
      sql: average(asked),
      thresholds: thresholdsOf('response-time'),
    }),
    stat({
      title: '95th percentile',
      unit: 'ms',
      width: 6,
      description: '95 of 100 requests were quicker than this.',
      sql: p95(asked),
      thresholds: thresholdsOf('response-time'),
    }),
    stat({
      title: 'Failed',
      unit: 'percent',
      width: 6,
      decimals: 2,
      description: 'Share of the requests that failed. Coloured by the rule error-rate.',
      sql: errorRate(asked),
      thresholds: thresholdsOf('error-rate'),
    }),
  ];
}

export function requestRates(asked: Asked) {
  return lines({
    title: 'Requests per second',
    unit: 'reqps',
    width: 12,
    description: 'All requests, and those of them that failed.',
    sql: ratesOverTime(asked),
  });
}

export function responseTimes(asked: Asked) {
  return spreadLines({
    title: 'Response time',
    unit: 'ms',
    width: 12,
    description: 'Percentiles of all requests, from merged histograms.',
    sql: percentilesOverTime(asked),
    thresholds: thresholdsOf('response-time'),
  });
}
