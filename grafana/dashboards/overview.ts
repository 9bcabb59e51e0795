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
  description: 'How everything is now: requests, statements, jobs, hosts and alerts.',
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
          title: 'Average statement',
          unit: 'ms',
          width: 6,
          description: 'Mean duration of database statements. Coloured by the rule database-time.',
          sql: selectAverage(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: 'Waiting',
          unit: 'short',
          width: 6,
          description: 'Jobs of all queues that could run now. Coloured by the rule queue-depth.',
          sql: selectDepth(),
          emptyText: 'No queue was seen',
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createStat({
          title: 'Failed jobs',
          unit: 'percent',
          width: 6,
          decimals: 1,
          description: 'Share of the attempts that failed. Coloured by the rule job-failure-rate.',
          sql: selectJobStat('failure'),
          emptyText: 'No job has ended',
          thresholds: createRuleThresholds('job-failure-rate'),
        }),
        createStat({
          title: 'Firing',
          unit: 'short',
          width: 6,
          description: 'Alerts that fire, and those of them that nobody has acknowledged.',
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
          description: 'Share of the requests that failed.',
          sql: selectErrorRateOverTime(ALL_REQUESTS),
          thresholds: createRuleThresholds('error-rate'),
        }),
        createTimeSeries({
          title: 'Waiting jobs',
          unit: 'short',
          width: 8,
          description: 'Jobs of each queue that could run, at the end of each interval.',
          sql: selectDepthOverTime(),
          emptyText: 'No queue was seen',
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createTimeSeries({
          title: 'CPU of hosts',
          unit: 'percent',
          width: 8,
          max: 100,
          description: 'Mean of the hosts of each service. Hosts belong to no tenant.',
          sql: selectHostSeries('cpuUsage', 'service'),
          emptyText: 'No process reported its health',
          thresholds: createRuleThresholds('cpu'),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Alerts',
          unit: 'short',
          width: 12,
          description: 'Alerts that are pending or fire at the end of the range, the worst first.',
          sql: selectFiringAlerts(),
          emptyText: 'No alert goes on',
        }),
        createTable({
          title: 'Endpoints that take most time',
          unit: 'short',
          width: 12,
          description: 'Endpoints by the time that all their requests took together.',
          sql: selectRanking({ endpoint: 'Endpoint', operation: 'Method' }, ALL_REQUESTS),
          units: RANKING_UNITS,
          links: { Endpoint: createCellLink('Show this endpoint', 'api', 'endpoint') },
        }),
      ],
    },
  ],
});
