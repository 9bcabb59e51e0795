import { dashboard } from '../parts/dashboard.ts';
import { lines, spreadLines } from '../parts/panels.ts';
import { thresholdsOf } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/asked.ts';
import { beforeAndNow, jobsBeforeAndNow, p95BeforeAndNow } from '../sql/trends.ts';

export const trends = dashboard({
  name: 'trends',
  title: 'Perfscope / Trends',
  description: 'Each figure now, and in the same hours a week before.',
  ...narrowedBy('organization', 'property', 'service', 'environment'),
  last: '24h',
  refresh: '1m',
  rows: [
    {
      height: 8,
      panels: [
        lines({
          title: 'Requests per second',
          unit: 'reqps',
          width: 12,
          description: 'All requests.',
          sql: beforeAndNow(ALL_REQUESTS, 'amount / seconds'),
        }),
        lines({
          title: 'Average response',
          unit: 'ms',
          width: 12,
          description: 'Mean duration of all requests.',
          sql: beforeAndNow(ALL_REQUESTS, 'total / amount'),
          thresholds: thresholdsOf('response-time'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        spreadLines({
          title: '95th percentile',
          unit: 'ms',
          width: 12,
          description: '95 of 100 requests were quicker than this.',
          sql: p95BeforeAndNow(ALL_REQUESTS),
          thresholds: thresholdsOf('response-time'),
        }),
        lines({
          title: 'Failed requests',
          unit: 'percent',
          width: 12,
          description: 'Share of the requests that failed.',
          sql: beforeAndNow(ALL_REQUESTS, '100.0 * errors / amount'),
          thresholds: thresholdsOf('error-rate'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Average statement',
          unit: 'ms',
          width: 12,
          description: 'Mean duration of database statements.',
          sql: beforeAndNow(STATEMENTS, 'total / amount'),
          thresholds: thresholdsOf('database-time'),
        }),
        lines({
          title: 'Jobs that ended, per second',
          unit: 'ops',
          width: 12,
          description: 'Attempts of all queues, completed or failed.',
          sql: jobsBeforeAndNow(),
          empty: 'No job was seen',
        }),
      ],
    },
  ],
});
