import { createCellLink } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createHeatmap, createTable, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { RANKING_UNITS, selectRanking, selectSeriesBy } from '../sql/metric-queries.ts';
import { REQUESTS } from '../sql/metric-selections.ts';
import { selectSampledRequests } from '../sql/sample-queries.ts';
import { selectOverTime } from '../sql/select-metrics.ts';
import { SECONDS, selectBuckets } from '../sql/total-queries.ts';
import { createRequestRates, createRequestStats, createResponseTimes } from './request-panels.ts';

export const api = createDashboard({
  name: 'api',
  title: 'Perfscope / API',
  description: 'Requests by endpoint: how many, how long, and how many failed.',
  ...createFilters('organization', 'property', 'service', 'environment', 'endpoint'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: createRequestStats(REQUESTS),
    },
    {
      height: 8,
      panels: [
        createResponseTimes(REQUESTS),
        createHeatmap({
          title: 'Response times',
          unit: 'short',
          width: 12,
          description: 'How many requests took how long: each row is an octave of durations.',
          sql: selectBuckets(REQUESTS, selectOverTime),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createRequestRates(REQUESTS),
        createTimeSeries({
          title: 'Requests per second by endpoint',
          unit: 'reqps',
          width: 12,
          stacked: true,
          description: 'The ten busiest endpoints of the range.',
          sql: selectSeriesBy('endpoint', REQUESTS, `amount / ${SECONDS}`),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response by endpoint',
          unit: 'ms',
          width: 12,
          description: 'The ten busiest endpoints of the range.',
          sql: selectSeriesBy('endpoint', REQUESTS, 'total / amount'),
          thresholds: createRuleThresholds('response-time'),
        }),
        createTimeSeries({
          title: 'Failed by service',
          unit: 'percent',
          width: 12,
          description: 'Share of the requests that failed, of the ten busiest services.',
          sql: selectSeriesBy('service', REQUESTS, '100.0 * errors / amount'),
          thresholds: createRuleThresholds('error-rate'),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Endpoints',
          unit: 'short',
          width: 24,
          description: 'The hundred endpoints whose requests took most time in all.',
          sql: selectRanking(
            { endpoint: 'Endpoint', operation: 'Method', service: 'Service' },
            REQUESTS,
          ),
          units: RANKING_UNITS,
          links: {
            Endpoint: createCellLink('Show only this endpoint', 'api', 'endpoint'),
            Service: createCellLink('Show the hosts of this service', 'system', 'service'),
          },
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response by version',
          unit: 'ms',
          width: 12,
          description: 'Mean duration under each version of the services.',
          sql: selectSeriesBy('service_version', REQUESTS, 'total / amount'),
        }),
        createTable({
          title: 'Single requests',
          unit: 'short',
          width: 12,
          description: 'The slowest of the slow and failed requests that were kept as samples.',
          sql: selectSampledRequests(),
          emptyText: 'No request was slow or failed',
          units: { Duration: 'ms' },
        }),
      ],
    },
  ],
});
