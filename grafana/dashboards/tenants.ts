import { createCellLink } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createTimeSeries } from '../parts/panels.ts';
import { createTable, duration, longText, number, percent, ruleColors } from '../parts/tables.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { selectSeriesBy } from '../sql/metric-queries.ts';
import { ALL_REQUESTS } from '../sql/metric-selections.ts';
import { selectQueueUsage } from '../sql/queue-queries.ts';
import { selectFailingTenants, selectTenants } from '../sql/tenant-queries.ts';
import { ABORTED_SHARE, ALL_COUNT, ERROR_RATE, SECONDS } from '../sql/total-queries.ts';
import { QUEUE_USAGE_COLUMNS } from './tables.ts';

const ORGANIZATION = longText(150, {
  links: createCellLink('Show only this organization', 'overview', 'organization'),
});

export const tenants = createDashboard({
  name: 'tenants',
  title: 'Perfscope / Tenants',
  description: 'Usage, response times, and errors by tenant.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '6h',
  refresh: '1m',
  rows: [
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Requests per second',
          unit: 'reqps',
          width: 12,
          stacked: true,
          description: 'The 10 busiest organizations.',
          sql: selectSeriesBy('organization_id', ALL_REQUESTS, `${ALL_COUNT} / ${SECONDS}`),
        }),
        createTimeSeries({
          title: 'Request time per second',
          unit: 'ms',
          width: 12,
          stacked: true,
          description: 'Total request duration per second, for the 10 busiest organizations.',
          sql: selectSeriesBy('organization_id', ALL_REQUESTS, `total / ${SECONDS}`),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response time',
          unit: 'ms',
          width: 8,
          description: 'The 10 busiest organizations.',
          sql: selectSeriesBy('organization_id', ALL_REQUESTS, 'total / amount'),
          thresholds: createRuleThresholds('response-time'),
        }),
        createTimeSeries({
          title: 'Failed requests',
          unit: 'percent',
          width: 8,
          description: 'The 10 busiest organizations.',
          sql: selectSeriesBy('organization_id', ALL_REQUESTS, ERROR_RATE),
          thresholds: createRuleThresholds('error-rate'),
        }),
        createTimeSeries({
          title: 'Aborted requests',
          unit: 'percent',
          width: 8,
          description: 'The 10 busiest organizations.',
          sql: selectSeriesBy('organization_id', ALL_REQUESTS, ABORTED_SHARE),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Usage by tenant',
          width: 24,
          description: 'Tenants by their share of the total request time.',
          sql: selectTenants(ALL_REQUESTS),
          columns: {
            Organization: ORGANIZATION,
            Property: longText(150),
            Requests: number(90),
            'Per minute': number(100),
            'Share of time': percent(115),
            Average: duration(95, ruleColors('response-time')),
            p95: duration(95),
            'Failed requests': number(125),
            Failed: percent(85, ruleColors('error-rate')),
            Aborted: percent(85),
          },
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Organizations by error rate',
          width: 10,
          description:
            'Organizations sorted by error rate, highest first. Equal rates are sorted by mean duration.',
          sql: selectFailingTenants(ALL_REQUESTS),
          columns: {
            Organization: ORGANIZATION,
            Failed: percent(75, ruleColors('error-rate')),
            Aborted: percent(80),
            Average: duration(85),
            Requests: number(90),
          },
        }),
        createTable({
          title: 'Queue usage by tenant',
          width: 14,
          description: 'Each tenant’s share of a queue’s processing time.',
          sql: selectQueueUsage(),
          columns: QUEUE_USAGE_COLUMNS,
        }),
      ],
    },
  ],
});
