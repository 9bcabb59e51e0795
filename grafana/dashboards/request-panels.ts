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

/** Creates the four request statistics: rate, average, 95th percentile, and error rate. */
export function createRequestStats(selection: MetricSelection) {
  return [
    createStat({
      title: 'Requests',
      unit: 'reqps',
      width: 6,
      decimals: 1,
      description: 'Mean number of requests per second in the time range.',
      sql: selectRate(selection),
    }),
    createStat({
      title: 'Average response time',
      unit: 'ms',
      width: 6,
      description:
        'Mean duration of all requests. Colors show the thresholds of the response-time rule.',
      sql: selectAverage(selection),
      thresholds: createRuleThresholds('response-time'),
    }),
    createStat({
      title: '95th percentile',
      unit: 'ms',
      width: 6,
      description: '95% of requests were faster than this.',
      sql: selectP95(selection),
      thresholds: createRuleThresholds('response-time'),
    }),
    createStat({
      title: 'Error rate',
      unit: 'percent',
      width: 6,
      decimals: 2,
      description:
        'Percentage of requests that failed. Colors show the thresholds of the error-rate rule.',
      sql: selectErrorRate(selection),
      thresholds: createRuleThresholds('error-rate'),
    }),
  ];
}

export function createRequestRates(selection: MetricSelection) {
  return createTimeSeries({
    title: 'Requests per second',
    unit: 'reqps',
    width: 12,
    description: 'All requests and failed requests.',
    sql: selectRatesOverTime(selection),
  });
}

export function createResponseTimes(selection: MetricSelection) {
  return createPercentileSeries({
    title: 'Response time',
    unit: 'ms',
    width: 12,
    description: 'Percentiles of all requests, calculated from merged histograms.',
    sql: selectPercentilesOverTime(selection),
    thresholds: createRuleThresholds('response-time'),
  });
}
