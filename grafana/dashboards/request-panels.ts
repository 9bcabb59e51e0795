import { createPercentileSeries, createStat, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import {
  selectAverage,
  selectErrorRate,
  selectP95,
  selectPercentilesOverTime,
  selectRate,
  selectRatesOverTime,
} from '../sql/metric-queries.ts';
import type { MetricSelection } from '../sql/total-queries.ts';

/** The four figures of requests, side by side. */
export function createRequestStats(asked: MetricSelection) {
  return [
    createStat({
      title: 'Requests',
      unit: 'reqps',
      width: 6,
      decimals: 1,
      description: 'Requests per second over the range.',
      sql: selectRate(asked),
    }),
    createStat({
      title: 'Average response',
      unit: 'ms',
      width: 6,
      description: 'Mean duration of all requests. Coloured by the rule response-time.',
      sql: selectAverage(asked),
      thresholds: createRuleThresholds('response-time'),
    }),
    createStat({
      title: '95th percentile',
      unit: 'ms',
      width: 6,
      description: '95 of 100 requests were quicker than this.',
      sql: selectP95(asked),
      thresholds: createRuleThresholds('response-time'),
    }),
    createStat({
      title: 'Failed',
      unit: 'percent',
      width: 6,
      decimals: 2,
      description: 'Share of the requests that failed. Coloured by the rule error-rate.',
      sql: selectErrorRate(asked),
      thresholds: createRuleThresholds('error-rate'),
    }),
  ];
}

export function createRequestRates(asked: MetricSelection) {
  return createTimeSeries({
    title: 'Requests per second',
    unit: 'reqps',
    width: 12,
    description: 'All requests, and those of them that failed.',
    sql: selectRatesOverTime(asked),
  });
}

export function createResponseTimes(asked: MetricSelection) {
  return createPercentileSeries({
    title: 'Response time',
    unit: 'ms',
    width: 12,
    description: 'Percentiles of all requests, from merged histograms.',
    sql: selectPercentilesOverTime(asked),
    thresholds: createRuleThresholds('response-time'),
  });
}
