import { createCellLink } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createRateStat, createStat, createTimeSeries } from '../parts/panels.ts';
import {
  createTable,
  duration,
  longText,
  number,
  percent,
  ruleColors,
  text,
} from '../parts/tables.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  BY_QUEUE,
  selectDepth,
  selectDepthOverTime,
  selectJobRate,
  selectJobRates,
  selectJobSeries,
  selectJobStat,
  selectOldestOverTime,
  selectQueues,
  selectQueueUsage,
  selectStatesOverTime,
} from '../sql/queue-queries.ts';
import { QUEUE_USAGE_COLUMNS } from './tables.ts';

const NO_JOB_TEXT = 'No job data';

export const queues = createDashboard({
  name: 'queues',
  title: 'Perfscope / Queues',
  description: 'Queue depth, processing times, failures, and usage by tenant.',
  ...createFilters('organization', 'property', 'service', 'environment', 'queue'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 3,
      panels: [
        createStat({
          title: 'Jobs waiting now',
          unit: 'short',
          width: 5,
          emptyText: NO_JOB_TEXT,
          description:
            'Jobs that are ready to run. Colors show the thresholds of the queue-depth rule.',
          sql: selectDepth(BY_QUEUE),
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createRateStat({
          title: 'Finished attempts',
          noun: 'job',
          width: 4,
          emptyText: NO_JOB_TEXT,
          description:
            'Job attempts that completed or failed, since the first job in the time range.',
          sql: selectJobRate(BY_QUEUE),
        }),
        createStat({
          title: 'Failure rate',
          unit: 'percent',
          width: 5,
          decimals: 1,
          emptyText: NO_JOB_TEXT,
          description:
            'Percentage of job attempts that failed. Colors show the thresholds of the job-failure-rate rule.',
          sql: selectJobStat('failure', BY_QUEUE),
          thresholds: createRuleThresholds('job-failure-rate'),
        }),
        createStat({
          title: 'Average processing time',
          unit: 'ms',
          width: 5,
          emptyText: NO_JOB_TEXT,
          description: 'Mean run time of a job attempt. Colors show the target.',
          sql: selectJobStat('processing', BY_QUEUE),
          thresholds: createRuleThresholds('target-queue-processing'),
        }),
        createStat({
          title: 'Average wait time',
          unit: 'ms',
          width: 5,
          emptyText: NO_JOB_TEXT,
          description: 'Mean time that a job waited to run. A scheduled delay is not included.',
          sql: selectJobStat('wait', BY_QUEUE),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Waiting jobs',
          unit: 'short',
          width: 8,
          description: 'Jobs in each queue that were ready to run at the end of each interval.',
          sql: selectDepthOverTime(BY_QUEUE),
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createTimeSeries({
          title: 'Jobs by state',
          unit: 'short',
          width: 8,
          stacked: true,
          description: 'Jobs in all queues at the end of each interval, by state.',
          sql: selectStatesOverTime(BY_QUEUE),
        }),
        createTimeSeries({
          title: 'Age of the oldest waiting job',
          unit: 'ms',
          width: 8,
          description: 'Maximum age in each interval.',
          sql: selectOldestOverTime(BY_QUEUE),
          thresholds: createRuleThresholds('oldest-waiting-job'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Jobs per second',
          unit: 'ops',
          width: 12,
          description:
            'Jobs that became ready to run, and attempts that completed, failed, or stalled.',
          sql: selectJobRates(BY_QUEUE),
        }),
        createTimeSeries({
          title: 'Failure rate by queue',
          unit: 'percent',
          width: 12,
          description: 'Percentage of job attempts that failed, by queue.',
          sql: selectJobSeries('failure', BY_QUEUE),
          thresholds: createRuleThresholds('job-failure-rate'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Processing time by queue',
          unit: 'ms',
          width: 12,
          description: 'Mean run time of a job attempt, by queue.',
          sql: selectJobSeries('processing', BY_QUEUE),
          thresholds: createRuleThresholds('target-queue-processing'),
        }),
        createTimeSeries({
          title: 'Wait time by queue',
          unit: 'ms',
          width: 12,
          description:
            'Mean time that a job waited to run, by queue. A scheduled delay is not included.',
          sql: selectJobSeries('wait', BY_QUEUE),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Queues',
          width: 24,
          description: 'All queues with finished jobs or processed messages in the time range.',
          sql: selectQueues(BY_QUEUE),
          columns: {
            Queue: longText(220, {
              links: createCellLink('Show only this queue', 'queues', 'queue'),
            }),
            Scope: text(200),
            Waiting: number(90, 'short', ruleColors('queue-depth')),
            Oldest: duration(100, ruleColors('oldest-waiting-job')),
            Completed: number(100),
            'Failed jobs': number(100),
            Failed: percent(90, ruleColors('job-failure-rate')),
            Processing: duration(110, ruleColors('target-queue-processing')),
            Wait: duration(100),
            Stalled: number(90),
          },
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Queue usage by tenant',
          width: 24,
          description: 'Each tenant’s share of a queue’s processing time.',
          sql: selectQueueUsage(BY_QUEUE),
          columns: QUEUE_USAGE_COLUMNS,
        }),
      ],
    },
  ],
});
