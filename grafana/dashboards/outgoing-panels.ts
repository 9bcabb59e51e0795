import { createPercentileSeries, createTimeSeries } from '../parts/panels.ts';
import { createTable, duration, longText, percent, ruleColors, text } from '../parts/tables.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { selectPercentilesOverTime, selectRanking, selectSeriesBy } from '../sql/metric-queries.ts';
import { OUTGOING_CALLS } from '../sql/metric-selections.ts';
import { SECONDS } from '../sql/total-queries.ts';
import { RANKING_COLUMNS } from './tables.ts';

/** Rows of panels for the calls of the services to other hosts. */
export const OUTGOING_ROWS = [
  {
    height: 8,
    panels: [
      createTimeSeries({
        title: 'Outgoing calls per second by host',
        unit: 'reqps',
        width: 8,
        stacked: true,
        description: 'Calls of the services to the 10 most frequent hosts.',
        sql: selectSeriesBy('endpoint', OUTGOING_CALLS, `amount / ${SECONDS}`),
      }),
      createTimeSeries({
        title: 'Failed outgoing calls per second by kind',
        unit: 'reqps',
        width: 8,
        stacked: true,
        description:
          'Outgoing calls that failed, by kind of error, such as refused, dns, timeout, or a status of 500 or more.',
        sql: selectSeriesBy('error_type', OUTGOING_CALLS, `errors / ${SECONDS}`),
      }),
      createPercentileSeries({
        title: 'Outgoing call time',
        unit: 'ms',
        width: 8,
        description:
          'Percentiles of the time from the start of an outgoing call to the end of the response body.',
        sql: selectPercentilesOverTime(OUTGOING_CALLS),
        thresholds: createRuleThresholds('outgoing-time'),
      }),
    ],
  },
  {
    height: 9,
    panels: [
      createTable({
        title: 'Outgoing calls',
        width: 24,
        description:
          'The 100 hosts with the most time in total. Without a URL template, the operation is only the method.',
        sql: selectRanking(
          { endpoint: 'Host', operation: 'Operation', service: 'Service' },
          OUTGOING_CALLS,
        ),
        columns: {
          Host: longText(300),
          Operation: text(160),
          Service: text(105),
          ...RANKING_COLUMNS,
          Average: duration(85, ruleColors('outgoing-time')),
          Failed: percent(75, ruleColors('outgoing-errors')),
        },
      }),
    ],
  },
];
