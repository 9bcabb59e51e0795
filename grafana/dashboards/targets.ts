import { getLimit } from '../parts/built-in-rules.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTimeSeries } from '../parts/panels.ts';
import { createTable } from '../parts/tables.ts';
import {
  createBudgetThresholds,
  createRuleThresholds,
  createThresholds,
} from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { selectUptimeShare, selectUptimes } from '../sql/host-queries.ts';
import {
  selectAverage,
  selectErrorRate,
  selectErrorRateOverTime,
  selectSeriesBy,
} from '../sql/metric-queries.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/metric-selections.ts';
import { selectBudgetsOverTime, selectErrorBudgets } from '../sql/objective-queries.ts';
import { selectJobSeries, selectJobStat } from '../sql/queue-queries.ts';
import {
  selectErrorsMet,
  selectProcessingMet,
  selectTimeMet,
  selectUptimeMet,
} from '../sql/target-queries.ts';
import { createBudgetSeries, createBudgetStat } from './request-panels.ts';
import { OBJECTIVE_COLUMNS, UPTIME_COLUMNS } from './tables.ts';

/** Names of the rules that check the targets. */
const RESPONSE_TIME_RULE = 'target-response-time';
const ERROR_RATE_RULE = 'target-error-rate';
const PROCESSING_RULE = 'target-queue-processing';
const UPTIME_RULE = 'target-uptime';
const STATEMENT_RULE = 'target-database-time';

/** Creates thresholds for the share of time in which a target was met, in percent. They ignore the rule's error budget. */
const createTargetThresholds = () =>
  createThresholds([
    { value: null, color: 'red' },
    { value: 90, color: 'yellow' },
    { value: 99, color: 'green' },
  ]);
const MET_DESCRIPTION =
  'Percentage of minutes in which the target was met. Minutes without data are excluded.';

export const targets = createDashboard({
  name: 'targets',
  title: 'Perfscope / Targets',
  description:
    'The five performance targets, the percentage of time they were met, and all error budgets.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '24h',
  refresh: '1m',
  rows: [
    {
      height: 3,
      panels: [
        createStat({
          title: `Response time < ${getLimit(RESPONSE_TIME_RULE)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean over the time range. Colors show the target.',
          sql: selectAverage(ALL_REQUESTS),
          thresholds: createRuleThresholds(RESPONSE_TIME_RULE),
        }),
        createStat({
          title: `Failed requests < ${getLimit(ERROR_RATE_RULE)} %`,
          unit: 'percent',
          width: 5,
          decimals: 2,
          description:
            'Percentage of requests in the time range that failed. Colors show the target.',
          sql: selectErrorRate(ALL_REQUESTS),
          thresholds: createRuleThresholds(ERROR_RATE_RULE),
        }),
        createStat({
          title: `Job processing < ${getLimit(PROCESSING_RULE)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean over the time range. Colors show the target.',
          sql: selectJobStat('processing'),
          emptyText: 'No finished jobs',
          thresholds: createRuleThresholds(PROCESSING_RULE),
        }),
        createStat({
          title: `Uptime > ${getLimit(UPTIME_RULE)} %`,
          unit: 'percent',
          width: 4,
          decimals: 3,
          description:
            'Percentage of minutes in which the services sent health data. Colors show the target.',
          sql: selectUptimeShare(),
          emptyText: 'No process sent health data',
          thresholds: createRuleThresholds(UPTIME_RULE),
        }),
        createStat({
          title: `Statement time < ${getLimit(STATEMENT_RULE)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean over the time range. Colors show the target.',
          sql: selectAverage(STATEMENTS),
          thresholds: createRuleThresholds(STATEMENT_RULE),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTable({
          title: 'Objectives',
          width: 15,
          description:
            'Error budget of each objective and group, as of the last record in the time range. The columns Fast and Slow show burn rates.',
          sql: selectErrorBudgets(),
          columns: OBJECTIVE_COLUMNS,
        }),
        createTimeSeries({
          title: 'Remaining error budgets',
          unit: 'percent',
          width: 9,
          description: 'Smallest remaining error budget of the groups of each objective.',
          sql: selectBudgetsOverTime(),
          thresholds: createBudgetThresholds(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response time by service',
          unit: 'ms',
          width: 12,
          description: 'The 10 busiest services, with the target.',
          sql: selectSeriesBy('service', ALL_REQUESTS, 'total / amount'),
          thresholds: createRuleThresholds(RESPONSE_TIME_RULE),
        }),
        createTimeSeries({
          title: 'Failed requests',
          unit: 'percent',
          width: 12,
          description: 'Percentage of requests that failed, with the target.',
          sql: selectErrorRateOverTime(ALL_REQUESTS),
          thresholds: createRuleThresholds(ERROR_RATE_RULE),
        }),
      ],
    },
    {
      height: 3,
      panels: [
        createStat({
          title: 'Response time met',
          unit: 'percent',
          width: 4,
          decimals: 1,
          description: MET_DESCRIPTION,
          sql: selectTimeMet(ALL_REQUESTS, getLimit(RESPONSE_TIME_RULE)),
          thresholds: createTargetThresholds(),
        }),
        createStat({
          title: 'Error rate met',
          unit: 'percent',
          width: 4,
          decimals: 1,
          description: MET_DESCRIPTION,
          sql: selectErrorsMet(ALL_REQUESTS, getLimit(ERROR_RATE_RULE)),
          thresholds: createTargetThresholds(),
        }),
        createStat({
          title: 'Job processing met',
          unit: 'percent',
          width: 4,
          decimals: 1,
          description: MET_DESCRIPTION,
          sql: selectProcessingMet(getLimit(PROCESSING_RULE)),
          emptyText: 'No finished jobs',
          thresholds: createTargetThresholds(),
        }),
        createStat({
          title: 'Uptime met',
          unit: 'percent',
          width: 4,
          decimals: 1,
          description: 'Percentage of services that met the uptime target in the time range.',
          sql: selectUptimeMet(getLimit(UPTIME_RULE)),
          emptyText: 'No process sent health data',
          thresholds: createTargetThresholds(),
        }),
        createStat({
          title: 'Statement time met',
          unit: 'percent',
          width: 4,
          decimals: 1,
          description: MET_DESCRIPTION,
          sql: selectTimeMet(STATEMENTS, getLimit(STATEMENT_RULE)),
          thresholds: createTargetThresholds(),
        }),
        createBudgetStat(ALL_REQUESTS),
      ],
    },
    {
      height: 8,
      panels: [
        createBudgetSeries(ALL_REQUESTS),
        createTable({
          title: 'Uptime',
          width: 12,
          description:
            'Percentage of minutes in which a service sent health data. Planned restarts count as downtime.',
          sql: selectUptimes(),
          columns: UPTIME_COLUMNS,
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Job processing time',
          unit: 'ms',
          width: 12,
          description: 'Mean run time of a job attempt by queue, with the target.',
          sql: selectJobSeries('processing'),
          thresholds: createRuleThresholds(PROCESSING_RULE),
        }),
        createTimeSeries({
          title: 'Average statement time by service',
          unit: 'ms',
          width: 12,
          description: 'The 10 services with the most statements, and the target.',
          sql: selectSeriesBy('service', STATEMENTS, 'total / amount'),
          thresholds: createRuleThresholds(STATEMENT_RULE),
        }),
      ],
    },
  ],
});
