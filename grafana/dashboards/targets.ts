import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTable, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds, createThresholds, getLimit } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { selectUptimeShare, selectUptimes } from '../sql/host-queries.ts';
import {
  selectAverage,
  selectErrorRate,
  selectErrorRateOverTime,
  selectSeriesBy,
} from '../sql/metric-queries.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/metric-selections.ts';
import { selectJobSeries, selectJobStat } from '../sql/queue-queries.ts';
import {
  selectErrorsMet,
  selectProcessingMet,
  selectTimeMet,
  selectUptimeMet,
} from '../sql/target-queries.ts';

/** The targets by the rules that watch them. */
const RESPONSE_TIME_RULE = 'target-response-time';
const ERROR_RATE_RULE = 'target-error-rate';
const PROCESSING_RULE = 'target-queue-processing';
const UPTIME_RULE = 'target-uptime';
const STATEMENT_RULE = 'target-database-time';

/** Of the time that a target was met; the alert's budget is not known here. */
const createTargetThresholds = () =>
  createThresholds([
    { value: null, color: 'red' },
    { value: 90, color: 'yellow' },
    { value: 99, color: 'green' },
  ]);
const MET_DESCRIPTION = 'Share of the intervals with anything measured in which it was met.';

export const targets = createDashboard({
  name: 'targets',
  title: 'Perfscope / Targets',
  description: 'The five targets, and for how much of the time they were met.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '24h',
  refresh: '1m',
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: `Average response < ${getLimit(RESPONSE_TIME_RULE)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean of the range. Coloured by the target.',
          sql: selectAverage(ALL_REQUESTS),
          thresholds: createRuleThresholds(RESPONSE_TIME_RULE),
        }),
        createStat({
          title: `Failed requests < ${getLimit(ERROR_RATE_RULE)} %`,
          unit: 'percent',
          width: 5,
          decimals: 2,
          description: 'Share of the requests of the range. Coloured by the target.',
          sql: selectErrorRate(ALL_REQUESTS),
          thresholds: createRuleThresholds(ERROR_RATE_RULE),
        }),
        createStat({
          title: `Processing of jobs < ${getLimit(PROCESSING_RULE)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean of the range. Coloured by the target.',
          sql: selectJobStat('processing'),
          emptyText: 'No job has ended',
          thresholds: createRuleThresholds(PROCESSING_RULE),
        }),
        createStat({
          title: `Uptime > ${getLimit(UPTIME_RULE)} %`,
          unit: 'percent',
          width: 4,
          decimals: 3,
          description:
            'Share of the minutes in which the services reported. Coloured by the target.',
          sql: selectUptimeShare(),
          emptyText: 'No process reported',
          thresholds: createRuleThresholds(UPTIME_RULE),
        }),
        createStat({
          title: `Average statement < ${getLimit(STATEMENT_RULE)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean of the range. Coloured by the target.',
          sql: selectAverage(STATEMENTS),
          thresholds: createRuleThresholds(STATEMENT_RULE),
        }),
      ],
    },
    {
      height: 4,
      panels: [
        createStat({
          title: 'Response met',
          unit: 'percent',
          width: 5,
          decimals: 1,
          description: MET_DESCRIPTION,
          sql: selectTimeMet(ALL_REQUESTS, getLimit(RESPONSE_TIME_RULE)),
          thresholds: createTargetThresholds(),
        }),
        createStat({
          title: 'Failures met',
          unit: 'percent',
          width: 5,
          decimals: 1,
          description: MET_DESCRIPTION,
          sql: selectErrorsMet(ALL_REQUESTS, getLimit(ERROR_RATE_RULE)),
          thresholds: createTargetThresholds(),
        }),
        createStat({
          title: 'Processing met',
          unit: 'percent',
          width: 5,
          decimals: 1,
          description: MET_DESCRIPTION,
          sql: selectProcessingMet(getLimit(PROCESSING_RULE)),
          emptyText: 'No job has ended',
          thresholds: createTargetThresholds(),
        }),
        createStat({
          title: 'Services that met it',
          unit: 'percent',
          width: 4,
          decimals: 1,
          description: 'Share of the services whose uptime of the range is within the target.',
          sql: selectUptimeMet(getLimit(UPTIME_RULE)),
          emptyText: 'No process reported',
          thresholds: createTargetThresholds(),
        }),
        createStat({
          title: 'Statements met',
          unit: 'percent',
          width: 5,
          decimals: 1,
          description: MET_DESCRIPTION,
          sql: selectTimeMet(STATEMENTS, getLimit(STATEMENT_RULE)),
          thresholds: createTargetThresholds(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response by service',
          unit: 'ms',
          width: 12,
          description: 'Of the ten busiest services, with the target.',
          sql: selectSeriesBy('service', ALL_REQUESTS, 'total / amount'),
          thresholds: createRuleThresholds(RESPONSE_TIME_RULE),
        }),
        createTimeSeries({
          title: 'Failed requests',
          unit: 'percent',
          width: 12,
          description: 'Share of all requests, with the target.',
          sql: selectErrorRateOverTime(ALL_REQUESTS),
          thresholds: createRuleThresholds(ERROR_RATE_RULE),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Processing of jobs',
          unit: 'ms',
          width: 8,
          description: 'Mean time that an attempt ran, by queue, with the target.',
          sql: selectJobSeries('processing'),
          emptyText: 'No job has ended',
          thresholds: createRuleThresholds(PROCESSING_RULE),
        }),
        createTimeSeries({
          title: 'Average statement by service',
          unit: 'ms',
          width: 8,
          description: 'Of the ten services with most statements, with the target.',
          sql: selectSeriesBy('service', STATEMENTS, 'total / amount'),
          thresholds: createRuleThresholds(STATEMENT_RULE),
        }),
        createTable({
          title: 'Uptime',
          unit: 'short',
          width: 8,
          emptyText: 'No process reported',
          description:
            'Share of the minutes in which a service reported; planned restarts count as down.',
          sql: selectUptimes(),
          units: { Up: 'percent' },
          thresholds: createRuleThresholds(UPTIME_RULE),
        }),
      ],
    },
  ],
});
