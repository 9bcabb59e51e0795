import { dashboard } from '../parts/dashboard.ts';
import { cellLink } from '../parts/links.ts';
import { lines, stat, table } from '../parts/panels.ts';
import { NOTHING, thresholdsOf } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import { firingCount, firingTable } from '../sql/alerts.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/asked.ts';
import { average, errorRateOverTime, RANKING_UNITS, ranking } from '../sql/figures.ts';
import { hostLines } from '../sql/hosts.ts';
import { depth, depthOverTime, jobFigure } from '../sql/queues.ts';
import { requestRates, requestStats, responseTimes } from './requests.ts';

export const overview = dashboard({
  name: 'overview',
  title: 'Perfscope / Overview',
  description: 'How everything is now: requests, statements, jobs, hosts and alerts.',
  ...narrowedBy('organization', 'property', 'service', 'environment'),
  last: '15m',
  refresh: '10s',
  rows: [
    {
      height: 4,
      panels: requestStats(ALL_REQUESTS),
    },
    {
      height: 4,
      panels: [
        stat({
          title: 'Average statement',
          unit: 'ms',
          width: 6,
          description: 'Mean duration of database statements. Coloured by the rule database-time.',
          sql: average(STATEMENTS),
          thresholds: thresholdsOf('database-time'),
        }),
        stat({
          title: 'Waiting',
          unit: 'short',
          width: 6,
          description: 'Jobs of all queues that could run now. Coloured by the rule queue-depth.',
          sql: depth(),
          empty: 'No queue was seen',
          thresholds: thresholdsOf('queue-depth'),
        }),
        stat({
          title: 'Failed jobs',
          unit: 'percent',
          width: 6,
          decimals: 1,
          description: 'Share of the attempts that failed. Coloured by the rule job-failure-rate.',
          sql: jobFigure('failure'),
          empty: 'No job has ended',
          thresholds: thresholdsOf('job-failure-rate'),
        }),
        stat({
          title: 'Firing',
          unit: 'short',
          width: 6,
          description: 'Alerts that fire, and those of them that nobody has acknowledged.',
          sql: firingCount(),
          thresholds: NOTHING(),
        }),
      ],
    },
    {
      height: 8,
      panels: [requestRates(ALL_REQUESTS), responseTimes(ALL_REQUESTS)],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Failed requests',
          unit: 'percent',
          width: 8,
          description: 'Share of the requests that failed.',
          sql: errorRateOverTime(ALL_REQUESTS),
          thresholds: thresholdsOf('error-rate'),
        }),
        lines({
          title: 'Waiting jobs',
          unit: 'short',
          width: 8,
          description: 'Jobs of each queue that could run, at the end of each interval.',
          sql: depthOverTime(),
          empty: 'No queue was seen',
          thresholds: thresholdsOf('queue-depth'),
        }),
        lines({
          title: 'CPU of hosts',
          unit: 'percent',
          width: 8,
          max: 100,
          description: 'Mean of the hosts of each service. Hosts belong to no tenant.',
          sql: hostLines('cpuUsage', 'service'),
          empty: 'No process reported its health',
          thresholds: thresholdsOf('cpu'),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        table({
          title: 'Alerts',
          unit: 'short',
          width: 12,
          description: 'Alerts that are pending or fire at the end of the range, the worst first.',
          sql: firingTable(),
          empty: 'No alert goes on',
        }),
        table({
          title: 'Endpoints that take most time',
          unit: 'short',
          width: 12,
          description: 'Endpoints by the time that all their requests took together.',
          sql: ranking({ endpoint: 'Endpoint', operation: 'Method' }, ALL_REQUESTS),
          units: RANKING_UNITS,
          links: { Endpoint: cellLink('Show this endpoint', 'api', 'endpoint') },
        }),
      ],
    },
  ],
});
