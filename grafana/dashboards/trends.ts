import { createDashboard } from '../parts/create-dashboard.ts';
import { createPercentileSeries, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/metric-selections.ts';
import {
  selectJobsNowAndLastWeek,
  selectNowAndLastWeek,
  selectP95NowAndLastWeek,
} from '../sql/trend-queries.ts';

export const trends = createDashboard({
  name: 'trends',
  title: 'Perfscope / Trends',
  description: 'Each figure now, and in the same hours a week before.',
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
          sql: selectNowAndLastWeek(ALL_REQUESTS, 'amount / seconds'),
        }),
        createTimeSeries({
          title: 'Average response',
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
          description: '95 of 100 requests were quicker than this.',
          sql: selectP95NowAndLastWeek(ALL_REQUESTS),
          thresholds: createRuleThresholds('response-time'),
        }),
        createTimeSeries({
          title: 'Failed requests',
          unit: 'percent',
          width: 12,
          description: 'Share of the requests that failed.',
          sql: selectNowAndLastWeek(ALL_REQUESTS, '100.0 * errors / amount'),
          thresholds: createRuleThresholds('error-rate'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average statement',
          unit: 'ms',
          width: 12,
          description: 'Mean duration of database statements.',
          sql: selectNowAndLastWeek(STATEMENTS, 'total / amount'),
          thresholds: createRuleThresholds('database-time'),
        }),
        createTimeSeries({
          title: 'Jobs that ended, per second',
          unit: 'ops',
          width: 12,
          description: 'Attempts of all queues, completed or failed.',
          sql: selectJobsNowAndLastWeek(),
          emptyText: 'No job was seen',
        }),
      ],
    },
  ],
});
