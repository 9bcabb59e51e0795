import { getLimit } from '../parts/built-in-rules.ts';
import {
  createPercentileSeries,
  createRateStat,
  createStat,
  createTimeSeries,
} from '../parts/panels.ts';
import {
  createAbortedThresholds,
  createApdexThresholds,
  createBudgetThresholds,
  createRuleThresholds,
} from '../parts/thresholds.ts';
import { NEUTRAL_COLOR } from '../parts/value-mappings.ts';
import {
  selectAbortedShare,
  selectApdex,
  selectAverage,
  selectBudgetLeft,
  selectBudgetLeftOverTime,
  selectErrorRate,
  selectP95,
  selectPercentilesOverTime,
  selectRate,
  selectStatusRatesOverTime,
} from '../sql/metric-queries.ts';
import type { MetricSelection } from '../sql/total-queries.ts';

/** Target time of the Apdex in ms: the target for the mean response time. */
export const APDEX_TARGET_MS = getLimit('target-response-time');

/** Creates five request statistics: rate, average, 95th percentile, error rate, and aborted share. */
export function createRequestStats(selection: MetricSelection) {
  return [
    createRateStat({
      title: 'Requests',
      noun: 'req',
      width: 4,
      description:
        'Mean number of requests, including aborted requests, since the first request in the time range.',
      sql: selectRate(selection),
    }),
    createStat({
      title: 'Average response time',
      unit: 'ms',
      width: 4,
      description:
        'Mean duration of finished requests. Colors show the thresholds of the response-time rule.',
      sql: selectAverage(selection),
      thresholds: createRuleThresholds('response-time'),
    }),
    createStat({
      title: '95th percentile',
      unit: 'ms',
      width: 4,
      description: '95% of finished requests were faster than this.',
      sql: selectP95(selection),
      thresholds: createRuleThresholds('response-time'),
    }),
    createStat({
      title: 'Error rate',
      unit: 'percent',
      width: 4,
      decimals: 2,
      description:
        'Percentage of requests that failed with a server error. Colors show the thresholds of the error-rate rule.',
      sql: selectErrorRate(selection),
      thresholds: createRuleThresholds('error-rate'),
    }),
    createStat({
      title: 'Aborted requests',
      unit: 'percent',
      width: 4,
      decimals: 2,
      description:
        'Percentage of requests that the client ended before the response. Yellow from 1 %, orange from 5 %, red from 20 %.',
      sql: selectAbortedShare(selection),
      thresholds: createAbortedThresholds(),
    }),
  ];
}

export function createApdexStat(selection: MetricSelection) {
  return createStat({
    title: 'Apdex',
    unit: 'short',
    width: 4,
    decimals: 2,
    description: `From 0 to 1, and 1 is best. Requests up to ${APDEX_TARGET_MS} ms count fully, and requests up to ${4 * APDEX_TARGET_MS} ms count half. Failed requests don’t count.`,
    sql: selectApdex(selection, APDEX_TARGET_MS),
    thresholds: createApdexThresholds(),
  });
}

/** Percentage of requests that can fail without missing the target. */
const ERROR_BUDGET = getLimit('target-error-rate');

export function createBudgetStat(selection: MetricSelection) {
  return createStat({
    title: 'Error budget left',
    unit: 'percent',
    width: 4,
    decimals: 1,
    description: `The target allows ${ERROR_BUDGET} % of the requests in the time range to fail. This is the part that is left. A negative value means that the target was missed.`,
    sql: selectBudgetLeft(selection, ERROR_BUDGET),
    thresholds: createBudgetThresholds(),
  });
}

export function createBudgetSeries(selection: MetricSelection) {
  return createTimeSeries({
    title: 'Error budget left over time',
    unit: 'percent',
    width: 12,
    description: `The part of the error budget that is left at each time. The budget is ${ERROR_BUDGET} % of the requests in the whole time range.`,
    sql: selectBudgetLeftOverTime(selection, ERROR_BUDGET),
    canBeNegative: true,
  });
}

/** Colors of the lines of `selectFailedSharesOverTime`. */
export const FAILED_LINES = { failed: { color: 'red' }, aborted: { color: 'purple' } } as const;

export function createRequestRates(selection: MetricSelection) {
  return createTimeSeries({
    title: 'Requests per second',
    unit: 'reqps',
    width: 12,
    stacked: true,
    description:
      'Requests by status code, and requests that the client aborted. “No status” includes measurements without a status code.',
    sql: selectStatusRatesOverTime(selection),
    lines: {
      '2xx': { color: 'green' },
      '3xx': { color: 'blue' },
      '4xx': { color: 'yellow' },
      '5xx': { color: 'red' },
      aborted: { color: 'purple' },
      'no status': { color: NEUTRAL_COLOR },
    },
  });
}

export function createResponseTimes(selection: MetricSelection) {
  return createPercentileSeries({
    title: 'Response time',
    unit: 'ms',
    width: 12,
    description: 'Percentiles of finished requests, calculated from merged histograms.',
    sql: selectPercentilesOverTime(selection),
    thresholds: createRuleThresholds('response-time'),
  });
}
