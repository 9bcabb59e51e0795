import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTable, createTimeSeries } from '../parts/panels.ts';
import { createZeroThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  selectDropped,
  selectDroppedOverTime,
  selectNewestRows,
  selectRejectedTenants,
  selectRollups,
  selectSuspended,
  selectTableSizes,
  selectWalTables,
} from '../sql/self-monitoring-queries.ts';

export const selfMonitoring = createDashboard({
  name: 'own',
  title: 'Perfscope / Perfscope itself',
  description: 'Whether what is measured arrives, is stored, and is summed up.',
  ...createFilters('service', 'environment'),
  last: '1h',
  refresh: '1m',
  marks: [],
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Rows dropped',
          unit: 'short',
          width: 8,
          description:
            'Rows that processes have given up in the range, because the spool was full or rows were too old.',
          sql: selectDropped(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Tenants refused',
          unit: 'short',
          width: 8,
          description: 'Names of tenants that requests gave and that could not be taken.',
          sql: selectRejectedTenants(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Suspended tables',
          unit: 'short',
          width: 8,
          description:
            'What is written to them cannot be read until they are resumed. Now, whatever the range.',
          sql: selectSuspended(),
          thresholds: createZeroThresholds(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Rows dropped by service',
          bars: true,
          unit: 'short',
          width: 12,
          emptyText: 'No row was dropped',
          description: 'In each interval, by service.',
          sql: selectDroppedOverTime(),
        }),
        createTable({
          title: 'Latest health row',
          unit: 'short',
          width: 12,
          emptyText: 'No service reported',
          description: 'When each service was heard of last within the range.',
          sql: selectNewestRows(),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Tables',
          unit: 'short',
          width: 12,
          description: 'Rows and size of each table and roll-up. Now, whatever the range.',
          sql: selectTableSizes(),
          units: { 'On disk': 'bytes' },
        }),
        createTable({
          title: 'Roll-ups',
          unit: 'short',
          width: 12,
          emptyText: 'There is no roll-up: run perfscope migrate',
          description:
            'When each was summed up last, and how many transactions it has not seen. Now, whatever the range.',
          sql: selectRollups(),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Behind',
          unit: 'short',
          width: 24,
          description:
            'Transactions that are written and cannot be read yet. Now, whatever the range.',
          sql: selectWalTables(),
        }),
      ],
    },
  ],
});
