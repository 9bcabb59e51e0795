import { createCellLink } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createHeatmap, createTable, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  RANKING_UNITS,
  selectRanking,
  selectSampledRequests,
  selectSeriesBy,
} from '../sql/metric-queries.ts';
import { REQUESTS } from '../sql/metric-selections.ts';
import { selectOverTime } from '../sql/select-metrics.ts';
import { SECONDS, selectBuckets } from '../sql/total-queries.ts';
import { createRequestRates, createRequestStats, createResponseTimes } from './request-panels.ts';

export const api = createDashboard({
  name: 'api',
  title: 'Perfscope / API',
  description: 'Request rates, response times, and errors by endpoint.',
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
          title: 'Response time distribution',
          unit: 'short',
          width: 12,
          description:
            'Number of requests by duration. Each upper bound is twice the bound below it.',
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
          description: 'The 10 busiest endpoints in the time range.',
          sql: selectSeriesBy('endpoint', REQUESTS, `amount / ${SECONDS}`),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response time by endpoint',
          unit: 'ms',
          width: 12,
          description: 'The 10 busiest endpoints in the time range.',
          sql: selectSeriesBy('endpoint', REQUESTS, 'total / amount'),
          thresholds: createRuleThresholds('response-time'),
        }),
        createTimeSeries({
          title: 'Error rate by service',
          unit: 'percent',
          width: 12,
          description: 'Percentage of requests that failed, for the 10 busiest services.',
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
          description: 'The 100 endpoints whose requests took the most time in total.',
          sql: selectRanking(
            { endpoint: 'Endpoint', operation: 'Method', service: 'Service' },
            REQUESTS,
          ),
          units: RANKING_UNITS,
          links: {
            Endpoint: createCellLink('Show only this endpoint', 'api', 'endpoint'),
            Service: createCellLink('Show this service’s hosts', 'system', 'service'),
          },
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response time by version',
          unit: 'ms',
          width: 12,
          description: 'Mean response time for each service version.',
          sql: selectSeriesBy('service_version', REQUESTS, 'total / amount'),
        }),
        createTable({
          title: 'Slow and failed requests',
          unit: 'short',
          width: 12,
          description: 'Stored samples of slow and failed requests, slowest first.',
          sql: selectSampledRequests(),
          emptyText: 'No slow or failed requests',
          units: { Duration: 'ms' },
        }),
      ],
    },
  ],
});
