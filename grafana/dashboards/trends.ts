import { createDashboard } from '../parts/create-dashboard.ts';
import { createPercentileSeries, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { selectP95AndBand, selectRateAndBand } from '../sql/band-queries.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/metric-selections.ts';
import { ALL_COUNT, ERROR_RATE } from '../sql/total-queries.ts';
import {
  selectJobsNowAndLastWeek,
  selectNowAndLastWeek,
  selectP95NowAndLastWeek,
} from '../sql/trend-queries.ts';

const BAND_DESCRIPTION =
  'The dashed lines are the limits of normal values for each hour. They exist only for services that a rule with `aggregate: anomaly` watches, such as the built-in rules `request-rate-anomaly` and `response-time-anomaly`, which are off by default.';
const BAND_LINES = {
  'normal, lowest': { color: 'semi-dark-blue', isLimit: true },
  'normal, highest': { color: 'semi-dark-blue', isLimit: true },
};

export const trends = createDashboard({
  name: 'trends',
  title: 'Perfscope / Trends',
  description:
    'Current values compared with the same hours of the previous week, and with normal values.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '24h',
  refresh: '1m',
  rows: [
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Requests per second',
          unit: 'reqps',
          width: 12,
          description: 'All requests.',
          sql: selectNowAndLastWeek(ALL_REQUESTS, `${ALL_COUNT} / seconds`),
        }),
        createTimeSeries({
          title: 'Average response time',
          unit: 'ms',
          width: 12,
          description: 'Mean duration of all requests.',
          sql: selectNowAndLastWeek(ALL_REQUESTS, 'total / amount'),
          thresholds: createRuleThresholds('response-time'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createPercentileSeries({
          title: '95th percentile',
          unit: 'ms',
          width: 12,
          description: '95% of requests were faster than this.',
          sql: selectP95NowAndLastWeek(ALL_REQUESTS),
          thresholds: createRuleThresholds('response-time'),
        }),
        createTimeSeries({
          title: 'Failed requests',
          unit: 'percent',
          width: 12,
          description: 'Percentage of requests that failed.',
          sql: selectNowAndLastWeek(ALL_REQUESTS, ERROR_RATE),
          thresholds: createRuleThresholds('error-rate'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average statement time',
          unit: 'ms',
          width: 12,
          description: 'Mean duration of database statements.',
          sql: selectNowAndLastWeek(STATEMENTS, 'total / amount'),
          thresholds: createRuleThresholds('database-time'),
        }),
        createTimeSeries({
          title: 'Finished jobs per second',
          unit: 'ops',
          width: 12,
          description: 'Job attempts that completed or failed, in all queues.',
          sql: selectJobsNowAndLastWeek(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Requests per minute and normal values',
          unit: 'short',
          width: 12,
          description: `Requests of the selected services. ${BAND_DESCRIPTION}`,
          sql: selectRateAndBand(),
          lines: BAND_LINES,
        }),
        createPercentileSeries({
          title: '95th percentile and normal values',
          unit: 'ms',
          width: 12,
          description: `95% of requests were faster than this. ${BAND_DESCRIPTION}`,
          sql: selectP95AndBand(),
          lines: BAND_LINES,
        }),
      ],
    },
  ],
});
