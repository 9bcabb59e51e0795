import { dashboard } from '../parts/dashboard.ts';
import { cellLink } from '../parts/links.ts';
import { heatmap, lines, table } from '../parts/panels.ts';
import { thresholdsOf } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import { REQUESTS } from '../sql/asked.ts';
import { linesBy, RANKING_UNITS, ranking } from '../sql/figures.ts';
import { sampledRequests } from '../sql/samples.ts';
import { overTime } from '../sql/select.ts';
import { buckets, SECONDS } from '../sql/work.ts';
import { requestRates, requestStats, responseTimes } from './requests.ts';

export const api = dashboard({
  name: 'api',
  title: 'Perfscope / API',
  description: 'Requests by endpoint: how many, how long, and how many failed.',
  ...narrowedBy('organization', 'property', 'service', 'environment', 'endpoint'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: requestStats(REQUESTS),
    },
    {
      height: 8,
      panels: [
        responseTimes(REQUESTS),
        heatmap({
          title: 'Response times',
          unit: 'short',
          width: 12,
          description: 'How many requests took how long: each row is an octave of durations.',
          sql: buckets(REQUESTS, overTime),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        requestRates(REQUESTS),
        lines({
          title: 'Requests per second by endpoint',
          unit: 'reqps',
          width: 12,
          stacked: true,
          description: 'The ten busiest endpoints of the range.',
          sql: linesBy('endpoint', REQUESTS, `amount / ${SECONDS}`),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Average response by endpoint',
          unit: 'ms',
          width: 12,
          description: 'The ten busiest endpoints of the range.',
          sql: linesBy('endpoint', REQUESTS, 'total / amount'),
          thresholds: thresholdsOf('response-time'),
        }),
        lines({
          title: 'Failed by service',
          unit: 'percent',
          width: 12,
          description: 'Share of the requests that failed, of the ten busiest services.',
          sql: linesBy('service', REQUESTS, '100.0 * errors / amount'),
          thresholds: thresholdsOf('error-rate'),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        table({
          title: 'Endpoints',
          unit: 'short',
          width: 24,
          description: 'The hundred endpoints whose requests took most time in all.',
          sql: ranking({ endpoint: 'Endpoint', operation: 'Method', service: 'Service' }, REQUESTS),
          units: RANKING_UNITS,
          links: {
            Endpoint: cellLink('Show only this endpoint', 'api', 'endpoint'),
            Service: cellLink('Show the hosts of this service', 'system', 'service'),
          },
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Average response by version',
          unit: 'ms',
          width: 12,
          description: 'Mean duration under each version of the services.',
          sql: linesBy('service_version', REQUESTS, 'total / amount'),
        }),
        table({
          title: 'Single requests',
          unit: 'short',
          width: 12,
          description: 'The slowest of the slow and failed requests that were kept as samples.',
          sql: sampledRequests(),
          empty: 'No request was slow or failed',
          units: { Duration: 'ms' },
        }),
      ],
    },
  ],
});
