import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTimeSeries } from '../parts/panels.ts';
import { createTable, longText, number, RELATIVE_TIME, text } from '../parts/tables.ts';
import { createZeroThresholds } from '../parts/thresholds.ts';
import { ROLLUP_MAPPING } from '../parts/value-mappings.ts';
import { createFilters } from '../parts/variables.ts';
import {
  selectDeadLetters,
  selectDropped,
  selectDroppedOverTime,
  selectNewestRows,
  selectOtlpItemsOverTime,
  selectOtlpLimitsOverTime,
  selectOtlpRejectedOverTime,
  selectOtlpSeriesOverTime,
  selectRejectedTenants,
  selectRollups,
  selectSpoolLagOverTime,
  selectSuspended,
  selectTableSizes,
  selectWaitingRowsOverTime,
  selectWalTables,
} from '../sql/self-monitoring-queries.ts';

export const selfMonitoring = createDashboard({
  name: 'own',
  title: 'Perfscope / Self-monitoring',
  description: 'Whether Perfscope receives, stores, and rolls up all data.',
  ...createFilters('service', 'environment'),
  last: '1h',
  refresh: '1m',
  annotations: () => [],
  rows: [
    {
      height: 3,
      panels: [
        createStat({
          title: 'Dropped rows',
          unit: 'short',
          width: 6,
          description:
            'Rows that processes dropped in the time range because the spool was full or the rows were too old.',
          sql: selectDropped(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Dead letters',
          unit: 'short',
          width: 6,
          description:
            'Rows that QuestDB rejected and that were set aside. To see them, run perfscope spool ls.',
          sql: selectDeadLetters(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Rejected tenant names',
          unit: 'short',
          width: 6,
          description: 'Number of requests with an invalid tenant name.',
          sql: selectRejectedTenants(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Suspended tables',
          unit: 'short',
          width: 6,
          description:
            'New rows in a suspended table can’t be read until the table is resumed. Current value, independent of the time range.',
          sql: selectSuspended(),
          thresholds: createZeroThresholds(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Dropped rows by service',
          bars: true,
          unit: 'short',
          width: 12,
          description: 'Number of rows dropped in each interval, by service.',
          sql: selectDroppedOverTime(),
        }),
        createTable({
          title: 'Latest health data',
          width: 12,
          description: 'When each service last sent health data in the time range.',
          sql: selectNewestRows(),
          columns: { Service: longText(150), 'Newest row': RELATIVE_TIME, Processes: number(100) },
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Waiting rows by service',
          unit: 'short',
          width: 12,
          description: 'Maximum number of rows in the spools in each interval, by service.',
          sql: selectWaitingRowsOverTime(),
        }),
        createTimeSeries({
          title: 'Oldest waiting row by service',
          unit: 'ms',
          width: 12,
          description: 'Maximum age of the oldest row in the spools in each interval, by service.',
          sql: selectSpoolLagOverTime(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'OTLP points and spans',
          bars: true,
          unit: 'short',
          width: 12,
          description:
            'Number of points and spans that the server received over OTLP in each interval, by outcome.',
          sql: selectOtlpItemsOverTime(),
        }),
        createTimeSeries({
          title: 'Rejected OTLP points and spans',
          bars: true,
          unit: 'short',
          width: 12,
          description:
            'Number of invalid points and spans in each interval, by reason. The response to the sender contains the same reasons.',
          sql: selectOtlpRejectedOverTime(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Cumulative OTLP series',
          unit: 'short',
          width: 12,
          description:
            'Maximum number of cumulative series whose last point the server keeps, in each interval. The limit is 200,000.',
          sql: selectOtlpSeriesOverTime(),
        }),
        createTimeSeries({
          title: 'Exceeded OTLP limits',
          bars: true,
          unit: 'short',
          width: 12,
          description:
            'Number of forgotten series, forgotten metrics of processes, and shortened texts in each interval. The server log contains the service with the most series.',
          sql: selectOtlpLimitsOverTime(),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Tables',
          width: 12,
          description:
            'Number of rows and size of each table and roll-up. Current values, independent of the time range.',
          sql: selectTableSizes(),
          columns: {
            Table: longText(200),
            Rows: number(70),
            'On disk': number(80, 'bytes'),
            'Oldest row': RELATIVE_TIME,
            'Newest row': RELATIVE_TIME,
          },
        }),
        createTable({
          title: 'Roll-ups',
          width: 12,
          description:
            'Last refresh of each roll-up, and the number of transactions it is behind. Current values, independent of the time range.',
          sql: selectRollups(),
          columns: {
            'Roll-up': longText(200),
            Status: text(70, { mappings: [ROLLUP_MAPPING] }),
            'Last refresh': RELATIVE_TIME,
            Pending: number(75),
            Reason: longText(120),
          },
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Pending transactions',
          width: 24,
          description:
            'Transactions that are written but can’t be read yet. Current values, independent of the time range.',
          sql: selectWalTables(),
          columns: { Table: longText(200), Pending: number(120), Suspended: text(120) },
        }),
      ],
    },
  ],
});
