import { dashboard } from '../parts/dashboard.ts';
import { cellLink } from '../parts/links.ts';
import { lines, table } from '../parts/panels.ts';
import { thresholdsOf } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import { ALL_REQUESTS } from '../sql/asked.ts';
import { linesBy } from '../sql/figures.ts';
import { queueUsers } from '../sql/queues.ts';
import { sufferers, tenants as tenantTable } from '../sql/tenants.ts';
import { SECONDS } from '../sql/work.ts';

const NONE = 'No request named a tenant';
const LINKS = { Organization: cellLink('Show only this organization', 'overview', 'organization') };

export const tenants = dashboard({
  name: 'tenants',
  title: 'Perfscope / Tenants',
  description: 'Who uses what, and for whom it goes badly.',
  ...narrowedBy('organization', 'property', 'service', 'environment'),
  last: '6h',
  refresh: '1m',
  rows: [
    {
      height: 8,
      panels: [
        lines({
          title: 'Requests per second',
          unit: 'reqps',
          width: 12,
          stacked: true,
          empty: NONE,
          description: 'Of the ten busiest organizations.',
          sql: linesBy('organization_id', ALL_REQUESTS, `amount / ${SECONDS}`),
        }),
        lines({
          title: 'Share of time',
          unit: 'ms',
          width: 12,
          stacked: true,
          empty: NONE,
          description: 'Time per second that the requests of the ten busiest organizations took.',
          sql: linesBy('organization_id', ALL_REQUESTS, `total / ${SECONDS}`),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Average response',
          unit: 'ms',
          width: 12,
          empty: NONE,
          description: 'Of the ten busiest organizations.',
          sql: linesBy('organization_id', ALL_REQUESTS, 'total / amount'),
          thresholds: thresholdsOf('response-time'),
        }),
        lines({
          title: 'Failed requests',
          unit: 'percent',
          width: 12,
          empty: NONE,
          description: 'Of the ten busiest organizations.',
          sql: linesBy('organization_id', ALL_REQUESTS, '100.0 * errors / amount'),
          thresholds: thresholdsOf('error-rate'),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        table({
          title: 'Who uses what',
          unit: 'short',
          width: 14,
          empty: NONE,
          description: 'Tenants by the share of time that their requests took.',
          sql: tenantTable(ALL_REQUESTS),
          units: {
            'Per second': 'reqps',
            'Share of time': 'percent',
            Average: 'ms',
            p95: 'ms',
            Failed: 'percent',
          },
          links: LINKS,
        }),
        table({
          title: 'Who suffers',
          unit: 'short',
          width: 10,
          empty: NONE,
          description:
            'Organizations by the share of their requests that failed, then by mean duration.',
          sql: sufferers(ALL_REQUESTS),
          units: { Failed: 'percent', Average: 'ms' },
          thresholds: thresholdsOf('error-rate'),
          links: LINKS,
        }),
      ],
    },
    {
      height: 9,
      panels: [
        table({
          title: 'Who uses the queues',
          unit: 'short',
          width: 24,
          empty: 'No job was seen',
          description: 'Share of each tenant in the running time of a queue.',
          sql: queueUsers(),
          units: { Processing: 'ms', Share: 'percent', Wait: 'ms' },
        }),
      ],
    },
  ],
});
