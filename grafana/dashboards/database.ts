import { SLOW_QUERY_MS } from '../../src/windows/database.ts';
import { dashboard } from '../parts/dashboard.ts';
import { heatmap, lines, spreadLines, stat, table } from '../parts/panels.ts';
import { thresholdsOf } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import { STATEMENTS } from '../sql/asked.ts';
import { connections, connectionsOverTime, pendingOverTime } from '../sql/connections.ts';
import {
  average,
  errorRate,
  linesBy,
  p95,
  percentilesOverTime,
  RANKING_UNITS,
  ranking,
  rate,
  ratesOverTime,
  slowShare,
} from '../sql/figures.ts';
import { overTime } from '../sql/select.ts';
import { buckets, SECONDS } from '../sql/work.ts';

const NONE = 'No statement was measured: statements belong to no tenant unless one is set';

export const database = dashboard({
  name: 'database',
  title: 'Perfscope / Database',
  description: 'Statements and connections, as the services see them.',
  ...narrowedBy('organization', 'property', 'service', 'environment'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Statements',
          unit: 'ops',
          width: 4,
          decimals: 1,
          empty: NONE,
          description: 'Statements per second over the range.',
          sql: rate(STATEMENTS),
        }),
        stat({
          title: 'Average',
          unit: 'ms',
          width: 4,
          empty: NONE,
          description: 'Mean duration. Coloured by the rule database-time.',
          sql: average(STATEMENTS),
          thresholds: thresholdsOf('database-time'),
        }),
        stat({
          title: '95th percentile',
          unit: 'ms',
          width: 4,
          empty: NONE,
          description: '95 of 100 statements were quicker than this.',
          sql: p95(STATEMENTS),
          thresholds: thresholdsOf('database-time'),
        }),
        stat({
          title: 'Slow',
          unit: 'percent',
          width: 4,
          decimals: 1,
          empty: NONE,
          description: `Share of the statements that took longer than ${SLOW_QUERY_MS} ms. Coloured by the rule slow-queries.`,
          sql: slowShare(STATEMENTS, SLOW_QUERY_MS),
          thresholds: thresholdsOf('slow-queries'),
        }),
        stat({
          title: 'Failed',
          unit: 'percent',
          width: 4,
          decimals: 2,
          empty: NONE,
          description: 'Share of the statements that failed.',
          sql: errorRate(STATEMENTS),
        }),
        stat({
          title: 'Connections',
          unit: 'short',
          width: 4,
          description: 'Used and idle connections of all pools and processes, on average.',
          sql: connections(),
          empty: 'No pool was seen',
          decimals: 0,
        }),
      ],
    },
    {
      height: 8,
      panels: [
        spreadLines({
          title: 'Statement time',
          unit: 'ms',
          width: 12,
          empty: NONE,
          description: 'Percentiles, from merged histograms.',
          sql: percentilesOverTime(STATEMENTS),
          thresholds: thresholdsOf('database-time'),
        }),
        heatmap({
          title: 'Statement times',
          unit: 'short',
          width: 12,
          empty: NONE,
          description: 'How many statements took how long: each row is an octave of durations.',
          sql: buckets(STATEMENTS, overTime),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Statements per second',
          unit: 'ops',
          width: 12,
          empty: NONE,
          description: 'All statements, and those of them that failed.',
          sql: ratesOverTime(STATEMENTS),
        }),
        lines({
          title: 'Statements per second by operation',
          unit: 'ops',
          width: 12,
          stacked: true,
          empty: NONE,
          description: 'The ten most frequent operations.',
          sql: linesBy('operation', STATEMENTS, `amount / ${SECONDS}`),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Connections by state',
          unit: 'short',
          width: 12,
          stacked: true,
          description: 'Connections of all pools by state, mean of each interval.',
          sql: connectionsOverTime(),
          empty: 'No pool was seen',
        }),
        lines({
          title: 'Waiting for a connection',
          unit: 'short',
          width: 12,
          description: 'Callers that wait for a connection, by service: a pool that is too small.',
          sql: pendingOverTime(),
          empty: 'No pool was seen',
        }),
      ],
    },
    {
      height: 10,
      panels: [
        table({
          title: 'Statements that take most time',
          unit: 'short',
          width: 24,
          empty: NONE,
          description: 'The hundred statements that took most time in all, without their values.',
          sql: ranking(
            { endpoint: 'Statement', operation: 'Operation', service: 'Service' },
            STATEMENTS,
          ),
          units: { ...RANKING_UNITS, 'Per second': 'ops' },
        }),
      ],
    },
  ],
});
