import { SLOW_QUERY_MS } from '../../src/storage/queries/database-stats.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import {
  createHeatmap,
  createPercentileSeries,
  createStat,
  createTable,
  createTimeSeries,
} from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  selectConnections,
  selectConnectionsOverTime,
  selectPendingOverTime,
} from '../sql/connection-queries.ts';
import {
  RANKING_UNITS,
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

const NO_STATEMENT_TEXT =
  'No statement was measured: statements belong to no tenant unless one is set';

export const database = createDashboard({
  name: 'database',
  title: 'Perfscope / Database',
  description: 'Statements and connections, as the services see them.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Statements',
          unit: 'ops',
          width: 4,
          decimals: 1,
          emptyText: NO_STATEMENT_TEXT,
          description: 'Statements per second over the range.',
          sql: selectRate(STATEMENTS),
        }),
        createStat({
          title: 'Average',
          unit: 'ms',
          width: 4,
          emptyText: NO_STATEMENT_TEXT,
          description: 'Mean duration. Coloured by the rule database-time.',
          sql: selectAverage(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: '95th percentile',
          unit: 'ms',
          width: 4,
          emptyText: NO_STATEMENT_TEXT,
          description: '95 of 100 statements were quicker than this.',
          sql: selectP95(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: 'Slow',
          unit: 'percent',
          width: 4,
          decimals: 1,
          emptyText: NO_STATEMENT_TEXT,
          description: `Share of the statements that took longer than ${SLOW_QUERY_MS} ms. Coloured by the rule slow-queries.`,
          sql: selectSlowShare(STATEMENTS, SLOW_QUERY_MS),
          thresholds: createRuleThresholds('slow-queries'),
        }),
        createStat({
          title: 'Failed',
          unit: 'percent',
          width: 4,
          decimals: 2,
          emptyText: NO_STATEMENT_TEXT,
          description: 'Share of the statements that failed.',
          sql: selectErrorRate(STATEMENTS),
        }),
        createStat({
          title: 'Connections',
          unit: 'short',
          width: 4,
          description: 'Used and idle connections of all pools and processes, on average.',
          sql: selectConnections(),
          emptyText: 'No pool was seen',
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
          emptyText: NO_STATEMENT_TEXT,
          description: 'Percentiles, from merged histograms.',
          sql: selectPercentilesOverTime(STATEMENTS),
          thresholds: createRuleThresholds('database-time'),
        }),
        createHeatmap({
          title: 'Statement times',
          unit: 'short',
          width: 12,
          emptyText: NO_STATEMENT_TEXT,
          description: 'How many statements took how long: each row is an octave of durations.',
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
          emptyText: NO_STATEMENT_TEXT,
          description: 'All statements, and those of them that failed.',
          sql: selectRatesOverTime(STATEMENTS),
        }),
        createTimeSeries({
          title: 'Statements per second by operation',
          unit: 'ops',
          width: 12,
          stacked: true,
          emptyText: NO_STATEMENT_TEXT,
          description: 'The ten most frequent operations.',
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
          description: 'Connections of all pools by state, mean of each interval.',
          sql: selectConnectionsOverTime(),
          emptyText: 'No pool was seen',
        }),
        createTimeSeries({
          title: 'Waiting for a connection',
          unit: 'short',
          width: 12,
          description: 'Callers that wait for a connection, by service: a pool that is too small.',
          sql: selectPendingOverTime(),
          emptyText: 'No pool was seen',
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Statements that take most time',
          unit: 'short',
          width: 24,
          emptyText: NO_STATEMENT_TEXT,
          description: 'The hundred statements that took most time in all, without their values.',
          sql: selectRanking(
            { endpoint: 'Statement', operation: 'Operation', service: 'Service' },
            STATEMENTS,
          ),
          units: { ...RANKING_UNITS, 'Per second': 'ops' },
        }),
      ],
    },
  ],
});
