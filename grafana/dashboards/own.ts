import { dashboard } from '../parts/dashboard.ts';
import { lines, stat, table } from '../parts/panels.ts';
import { NOTHING } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import {
  dropped,
  droppedOverTime,
  newestRows,
  refusedTenants,
  rollupTable,
  sizeTable,
  suspended,
  walTable,
} from '../sql/own.ts';

export const own = dashboard({
  name: 'own',
  title: 'Perfscope / Perfscope itself',
  description: 'Whether what is measured arrives, is stored, and is summed up.',
  ...narrowedBy('service', 'environment'),
  last: '1h',
  refresh: '1m',
  marks: [],
  rows: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Rows dropped',
          unit: 'short',
          width: 8,
          description:
            'Rows that processes have given up in the range, because the spool was full or rows were too old.',
          sql: dropped(),
          thresholds: NOTHING(),
        }),
        stat({
          title: 'Tenants refused',
          unit: 'short',
          width: 8,
          description: 'Names of tenants that requests gave and that could not be taken.',
          sql: refusedTenants(),
          thresholds: NOTHING(),
        }),
        stat({
          title: 'Suspended tables',
          unit: 'short',
          width: 8,
          description:
            'What is written to them cannot be read until they are resumed. Now, whatever the range.',
          sql: suspended(),
          thresholds: NOTHING(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Rows dropped by service',
          bars: true,
          unit: 'short',
          width: 12,
          empty: 'No row was dropped',
          description: 'In each interval, by service.',
          sql: droppedOverTime(),
        }),
        table({
          title: 'Latest health row',
          unit: 'short',
          width: 12,
          empty: 'No service reported',
          description: 'When each service was heard of last within the range.',
          sql: newestRows(),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        table({
          title: 'Tables',
          unit: 'short',
          width: 12,
          description: 'Rows and size of each table and roll-up. Now, whatever the range.',
          sql: sizeTable(),
          units: { 'On disk': 'bytes' },
        }),
        table({
          title: 'Roll-ups',
          unit: 'short',
          width: 12,
          empty: 'There is no roll-up: run perfscope migrate',
          description:
            'When each was summed up last, and how many transactions it has not seen. Now, whatever the range.',
          sql: rollupTable(),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        table({
          title: 'Behind',
          unit: 'short',
          width: 24,
          description:
            'Transactions that are written and cannot be read yet. Now, whatever the range.',
          sql: walTable(),
        }),
      ],
    },
  ],
});
