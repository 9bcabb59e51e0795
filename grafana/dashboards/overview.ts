import { createCellLink } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTable, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds, createZeroThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { selectFiringAlerts, selectFiringCount } from '../sql/alert-queries.ts';
import { selectHostSeries } from '../sql/host-queries.ts';
import {
  RANKING_UNITS,
  selectAverage,
  selectErrorRateOverTime,
  selectRanking,
} from '../sql/metric-queries.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/metric-selections.ts';
import { selectDepth, selectDepthOverTime, selectJobStat } from '../sql/queue-queries.ts';
import { createRequestRates, createRequestStats, createResponseTimes } from './request-panels.ts';

export const overview = createDashboard({
  name: 'overview',
  title: 'Perfscope / Overview',
  description: 'Current state of requests, database statements, jobs, hosts, and alerts.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '15m',
  refresh: '10s',
  rows: [
    {
      height: 4,
      panels: createRequestStats(ALL_REQUESTS),
    },
    {
      height: 4,
      panels: [
        createStat({
          title: 'Average statement time',
          unit: 'ms',
          width: 6,
          description:
            'Mean duration of database statements. Colors show the thresholds of the database-time rule.',
          sql: selectAverage(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: 'Jobs waiting now',
          unit: 'short',
          width: 6,
          description:
            'Jobs in all queues that are ready to run. Colors show the thresholds of the queue-depth rule.',
          sql: selectDepth(),
          emptyText: 'No queue data',
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createStat({
          title: 'Job failure rate',
          unit: 'percent',
          width: 6,
          decimals: 1,
          description:
            'Percentage of job attempts that failed. Colors show the thresholds of the job-failure-rate rule.',
          sql: selectJobStat('failure'),
          emptyText: 'No finished jobs',
          thresholds: createRuleThresholds('job-failure-rate'),
        }),
        createStat({
          title: 'Firing alerts',
          unit: 'short',
          width: 6,
          description: 'Number of firing alerts, and how many of them are not acknowledged.',
          sql: selectFiringCount(),
          thresholds: createZeroThresholds(),
        }),
      ],
    },
    {
      height: 8,
      panels: [createRequestRates(ALL_REQUESTS), createResponseTimes(ALL_REQUESTS)],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Failed requests',
          unit: 'percent',
          width: 8,
          description: 'Percentage of requests that failed.',
          sql: selectErrorRateOverTime(ALL_REQUESTS),
          thresholds: createRuleThresholds('error-rate'),
        }),
        createTimeSeries({
          title: 'Waiting jobs',
          unit: 'short',
          width: 8,
          description: 'Jobs in each queue that were ready to run at the end of each interval.',
          sql: selectDepthOverTime(),
          emptyText: 'No queue data',
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createTimeSeries({
          title: 'Host CPU',
          unit: 'percent',
          width: 8,
          max: 100,
          description:
            'Mean CPU usage of each service’s hosts. Tenant filters don’t apply to hosts.',
          sql: selectHostSeries('cpuUsage', 'service'),
          emptyText: 'No process sent health data',
          thresholds: createRuleThresholds('cpu'),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Active alerts',
          unit: 'short',
          width: 12,
          description:
            'Alerts that are pending or firing at the end of the time range, most severe first.',
          sql: selectFiringAlerts(),
          emptyText: 'No active alerts',
        }),
        createTable({
          title: 'Endpoints by total time',
          unit: 'short',
          width: 12,
          description: 'The endpoints whose requests took the most time in total.',
          sql: selectRanking({ endpoint: 'Endpoint', operation: 'Method' }, ALL_REQUESTS),
          units: RANKING_UNITS,
          links: { Endpoint: createCellLink('Show this endpoint', 'api', 'endpoint') },
        }),
      ],
    },
  ],
});
