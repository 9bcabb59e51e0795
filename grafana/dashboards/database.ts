import { SLOW_QUERY_MS } from '../../src/storage/queries/database-stats.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import {
  createHeatmap,
  createPercentileSeries,
  createRateStat,
  createStat,
  createTimeSeries,
} from '../parts/panels.ts';
import { createTable, longText, text } from '../parts/tables.ts';
import { createFailedThresholds, createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  selectConnections,
  selectConnectionsOverTime,
  selectPendingOverTime,
} from '../sql/gauge-queries.ts';
import {
  selectAverage,
  selectErrorRate,
  selectP95,
  selectPercentilesOverTime,
  selectRanking,
  selectRate,
  selectRatesOverTime,
  selectSeriesBy,
  selectSlowShare,
} from '../sql/metric-queries.ts';
import { STATEMENTS } from '../sql/metric-selections.ts';
import { selectOverTime } from '../sql/select-metrics.ts';
import { SECONDS, selectBuckets } from '../sql/total-queries.ts';
import { RANKING_COLUMNS } from './tables.ts';

const NO_STATEMENT_TEXT = 'No statements';

export const database = createDashboard({
  name: 'database',
  title: 'Perfscope / Database',
  description:
    'Database statements and connections, measured in the services. Tenant filters match only statements that were recorded with a tenant.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 3,
      panels: [
        createRateStat({
          title: 'Statements',
          noun: 'stmt',
          width: 4,
          emptyText: NO_STATEMENT_TEXT,
          description: 'Mean number of statements since the first statement in the time range.',
          sql: selectRate(STATEMENTS),
        }),
        createStat({
          title: 'Average time',
          unit: 'ms',
          width: 4,
          emptyText: NO_STATEMENT_TEXT,
          description: 'Mean duration. Colors show the thresholds of the database-time rule.',
          sql: selectAverage(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: '95th percentile',
          unit: 'ms',
          width: 4,
          emptyText: NO_STATEMENT_TEXT,
          description: '95% of statements were faster than this.',
          sql: selectP95(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: 'Slow statements',
          unit: 'percent',
          width: 4,
          decimals: 1,
          emptyText: NO_STATEMENT_TEXT,
          description: `Percentage of statements that took longer than ${SLOW_QUERY_MS} ms. Colors show the thresholds of the slow-queries rule.`,
          sql: selectSlowShare(STATEMENTS, SLOW_QUERY_MS),
          thresholds: createRuleThresholds('slow-queries'),
        }),
        createStat({
          title: 'Failed statements',
          unit: 'percent',
          width: 4,
          decimals: 2,
          emptyText: NO_STATEMENT_TEXT,
          description:
            'Percentage of statements that failed. Yellow from 0.1 %, orange from 1 %, red from 5 %.',
          sql: selectErrorRate(STATEMENTS),
          thresholds: createFailedThresholds(),
        }),
        createStat({
          title: 'Connections',
          unit: 'short',
          width: 4,
          description:
            'Open connections and the maximum at the end of the time range, in all pools of running processes.',
          sql: selectConnections(),
          emptyText: 'Not reported',
          decimals: 0,
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createPercentileSeries({
          title: 'Statement time',
          unit: 'ms',
          width: 12,
          description: 'Percentiles of statement duration, calculated from merged histograms.',
          sql: selectPercentilesOverTime(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createHeatmap({
          title: 'Statement time distribution',
          unit: 'short',
          width: 12,
          description:
            'Number of statements by duration. Each upper bound is twice the bound below it.',
          sql: selectBuckets(STATEMENTS, selectOverTime),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Statements per second',
          unit: 'ops',
          width: 12,
          description: 'All statements and failed statements.',
          sql: selectRatesOverTime(STATEMENTS),
        }),
        createTimeSeries({
          title: 'Statements per second by operation',
          unit: 'ops',
          width: 12,
          stacked: true,
          description: 'The 10 most frequent operations.',
          sql: selectSeriesBy('operation', STATEMENTS, `amount / ${SECONDS}`),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Connections by state',
          unit: 'short',
          width: 12,
          stacked: true,
          description:
            'Connections at the end of each interval in all pools of running processes, by state, and the maximum size of the pools.',
          lines: {
            used: { color: 'yellow' },
            idle: { color: 'green' },
            maximum: { color: 'red', isLimit: true },
          },
          sql: selectConnectionsOverTime(),
        }),
        createTimeSeries({
          title: 'Requests waiting for a connection',
          unit: 'short',
          width: 12,
          description:
            'Requests waiting for a database connection, by service. A value above 0 means the pool is too small.',
          sql: selectPendingOverTime(),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Statements by total time',
          width: 24,
          description:
            'The 100 statements that took the most time in total. Parameter values are not shown.',
          sql: selectRanking(
            { endpoint: 'Statement', operation: 'Operation', service: 'Service' },
            STATEMENTS,
          ),
          columns: {
            Statement: longText(300),
            Operation: text(100),
            Service: text(110),
            ...RANKING_COLUMNS,
          },
        }),
      ],
    },
  ],
});
