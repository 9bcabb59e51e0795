import { createCellLink } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTimeSeries } from '../parts/panels.ts';
import { createTable, longText, text } from '../parts/tables.ts';
import {
  createRuleThresholds,
  createZeroColors,
  createZeroThresholds,
} from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { selectFiringAlerts, selectFiringCount } from '../sql/alert-queries.ts';
import { selectHostSeries, selectStatusCounts } from '../sql/host-queries.ts';
import { selectAverage, selectFailedSharesOverTime, selectRanking } from '../sql/metric-queries.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/metric-selections.ts';
import { selectDepth, selectDepthOverTime, selectJobStat } from '../sql/queue-queries.ts';
import {
  createApdexStat,
  createBudgetStat,
  createRequestRates,
  createRequestStats,
  createResponseTimes,
  FAILED_LINES,
} from './request-panels.ts';
import { ACTIVE_ALERT_COLUMNS, REQUEST_COLUMNS } from './tables.ts';

export const overview = createDashboard({
  name: 'overview',
  title: 'Perfscope / Overview',
  description: 'Current state of requests, database statements, jobs, hosts, and alerts.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '15m',
  refresh: '10s',
  rows: [
    {
      height: 3,
      panels: [
        ...createRequestStats(ALL_REQUESTS),
        createStat({
          title: 'Firing alerts',
          unit: 'short',
          width: 4,
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
      height: 3,
      panels: [
        createApdexStat(ALL_REQUESTS),
        createBudgetStat(ALL_REQUESTS),
        createStat({
          title: 'Statement time',
          unit: 'ms',
          width: 4,
          description:
            'Mean duration of database statements. Colors show the thresholds of the database-time rule.',
          sql: selectAverage(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: 'Jobs waiting now',
          unit: 'short',
          width: 4,
          description:
            'Jobs in all queues that are ready to run. Colors show the thresholds of the queue-depth rule.',
          sql: selectDepth(),
          emptyText: 'No queue data',
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createStat({
          title: 'Job failure rate',
          unit: 'percent',
          width: 4,
          decimals: 1,
          description:
            'Percentage of job attempts that failed. Colors show the thresholds of the job-failure-rate rule.',
          sql: selectJobStat('failure'),
          emptyText: 'No finished jobs',
          thresholds: createRuleThresholds('job-failure-rate'),
        }),
        createStat({
          title: 'Processes',
          unit: 'short',
          width: 4,
          description:
            'Processes that send health data at the end of the time range, and how many of them are not healthy. Tenant filters don’t apply to processes.',
          sql: selectStatusCounts(),
        }).overrideByName('Not healthy', createZeroColors()),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Failed and aborted requests',
          unit: 'percent',
          width: 8,
          description: 'Percentage of requests that failed, and that the client aborted.',
          sql: selectFailedSharesOverTime(ALL_REQUESTS),
          thresholds: createRuleThresholds('error-rate'),
          lines: FAILED_LINES,
        }),
        createTimeSeries({
          title: 'Waiting jobs',
          unit: 'short',
          width: 8,
          description: 'Jobs in each queue that were ready to run at the end of each interval.',
          sql: selectDepthOverTime(),
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
          thresholds: createRuleThresholds('cpu'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTable({
          title: 'Active alerts',
          width: 24,
          description:
            'Alerts that are pending or firing at the end of the time range, most severe first.',
          sql: selectFiringAlerts(),
          columns: ACTIVE_ALERT_COLUMNS,
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Endpoints by total time',
          width: 24,
          description: 'The endpoints whose requests took the most time in total.',
          sql: selectRanking({ endpoint: 'Endpoint', operation: 'Method' }, ALL_REQUESTS, {
            withAborted: true,
          }),
          columns: {
            Endpoint: longText(300, {
              links: createCellLink('Show this endpoint', 'api', 'endpoint'),
            }),
            Method: text(80),
            ...REQUEST_COLUMNS,
          },
        }),
      ],
    },
  ],
});
