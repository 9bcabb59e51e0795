import { createCellLink } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createTable, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { selectSeriesBy } from '../sql/metric-queries.ts';
import { ALL_REQUESTS } from '../sql/metric-selections.ts';
import { selectQueueUsage } from '../sql/queue-queries.ts';
import { selectFailingTenants, selectTenants } from '../sql/tenant-queries.ts';
import { SECONDS } from '../sql/total-queries.ts';

const NO_TENANT_TEXT = 'No requests with a tenant';
const LINKS = {
  Organization: createCellLink('Show only this organization', 'overview', 'organization'),
};

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
          emptyText: NO_TENANT_TEXT,
          description: 'The 10 busiest organizations.',
          sql: selectSeriesBy('organization_id', ALL_REQUESTS, `amount / ${SECONDS}`),
        }),
        createTimeSeries({
          title: 'Request time per second',
          unit: 'ms',
          width: 12,
          stacked: true,
          emptyText: NO_TENANT_TEXT,
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
          width: 12,
          emptyText: NO_TENANT_TEXT,
          description: 'The 10 busiest organizations.',
          sql: selectSeriesBy('organization_id', ALL_REQUESTS, 'total / amount'),
          thresholds: createRuleThresholds('response-time'),
        }),
        createTimeSeries({
          title: 'Failed requests',
          unit: 'percent',
          width: 12,
          emptyText: NO_TENANT_TEXT,
          description: 'The 10 busiest organizations.',
          sql: selectSeriesBy('organization_id', ALL_REQUESTS, '100.0 * errors / amount'),
          thresholds: createRuleThresholds('error-rate'),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Usage by tenant',
          unit: 'short',
          width: 14,
          emptyText: NO_TENANT_TEXT,
          description: 'Tenants by their share of the total request time.',
          sql: selectTenants(ALL_REQUESTS),
          units: {
            'Per second': 'reqps',
            'Share of time': 'percent',
            Average: 'ms',
            p95: 'ms',
            Failed: 'percent',
          },
          links: LINKS,
        }),
        createTable({
          title: 'Organizations by error rate',
          unit: 'short',
          width: 10,
          emptyText: NO_TENANT_TEXT,
          description:
            'Organizations sorted by error rate, highest first. Equal rates are sorted by mean duration.',
          sql: selectFailingTenants(ALL_REQUESTS),
          units: { Failed: 'percent', Average: 'ms' },
          thresholds: createRuleThresholds('error-rate'),
          links: LINKS,
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Queue usage by tenant',
          unit: 'short',
          width: 24,
          emptyText: 'No job data',
          description: 'Each tenant’s share of a queue’s processing time.',
          sql: selectQueueUsage(),
          units: { Processing: 'ms', Share: 'percent', Wait: 'ms' },
        }),
      ],
    },
  ],
});
