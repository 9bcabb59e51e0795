import { createCellLink } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTable, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  BY_QUEUE,
  selectDepth,
  selectDepthOverTime,
  selectJobRates,
  selectJobSeries,
  selectJobStat,
  selectOldestOverTime,
  selectQueues,
  selectQueueUsage,
} from '../sql/queue-queries.ts';

const NO_JOB_TEXT = 'No job was seen';

export const queues = createDashboard({
  name: 'queues',
  title: 'Perfscope / Queues',
  description: 'Jobs: how many wait, how long they take, how many fail, and for whom they run.',
  ...createFilters('organization', 'property', 'service', 'environment', 'queue'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Waiting',
          unit: 'short',
          width: 5,
          emptyText: NO_JOB_TEXT,
          description: 'Jobs that could run now. Coloured by the rule queue-depth.',
          sql: selectDepth(BY_QUEUE),
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createStat({
          title: 'Ended',
          unit: 'ops',
          width: 4,
          decimals: 2,
          emptyText: NO_JOB_TEXT,
          description: 'Attempts that ended, per second.',
          sql: selectJobStat('rate', BY_QUEUE),
        }),
        createStat({
          title: 'Failed',
          unit: 'percent',
          width: 5,
          decimals: 1,
          emptyText: NO_JOB_TEXT,
          description: 'Share of the attempts that failed. Coloured by the rule job-failure-rate.',
          sql: selectJobStat('failure', BY_QUEUE),
          thresholds: createRuleThresholds('job-failure-rate'),
        }),
        createStat({
          title: 'Processing',
          unit: 'ms',
          width: 5,
          emptyText: NO_JOB_TEXT,
          description: 'Mean time that an attempt ran. Coloured by the target.',
          sql: selectJobStat('processing', BY_QUEUE),
          thresholds: createRuleThresholds('target-queue-processing'),
        }),
        createStat({
          title: 'Wait',
          unit: 'ms',
          width: 5,
          emptyText: NO_JOB_TEXT,
          description: 'Mean time that a job waited, without its delay.',
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
          width: 12,
          emptyText: NO_JOB_TEXT,
          description: 'Jobs of each queue that could run, at the end of each interval.',
          sql: selectDepthOverTime(BY_QUEUE),
          thresholds: createRuleThresholds('queue-depth'),
        }),
        createTimeSeries({
          title: 'Age of the oldest waiting job',
          unit: 'ms',
          width: 12,
          emptyText: NO_JOB_TEXT,
          description: 'The greatest of each interval.',
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
          emptyText: NO_JOB_TEXT,
          description:
            'Jobs that became ready to run, and attempts that ended well, failed or stalled.',
          sql: selectJobRates(BY_QUEUE),
        }),
        createTimeSeries({
          title: 'Failed by queue',
          unit: 'percent',
          width: 12,
          emptyText: NO_JOB_TEXT,
          description: 'Share of the attempts that failed, by queue.',
          sql: selectJobSeries('failure', BY_QUEUE),
          thresholds: createRuleThresholds('job-failure-rate'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Processing time',
          unit: 'ms',
          width: 12,
          emptyText: NO_JOB_TEXT,
          description: 'Mean time that an attempt ran, by queue.',
          sql: selectJobSeries('processing', BY_QUEUE),
          thresholds: createRuleThresholds('target-queue-processing'),
        }),
        createTimeSeries({
          title: 'Wait by queue',
          unit: 'ms',
          width: 12,
          emptyText: NO_JOB_TEXT,
          description: 'Mean time that a job waited, without its delay, by queue.',
          sql: selectJobSeries('wait', BY_QUEUE),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Queues',
          unit: 'short',
          width: 14,
          emptyText: NO_JOB_TEXT,
          description: 'Every queue of the range.',
          sql: selectQueues(BY_QUEUE),
          units: { Oldest: 'ms', Failed: 'percent', Processing: 'ms', Wait: 'ms' },
          links: { Queue: createCellLink('Show only this queue', 'queues', 'queue') },
        }),
        createTable({
          title: 'Who uses the queues',
          unit: 'short',
          width: 10,
          emptyText: NO_JOB_TEXT,
          description: 'Share of each tenant in the running time of a queue.',
          sql: selectQueueUsage(BY_QUEUE),
          units: { Processing: 'ms', Share: 'percent', Wait: 'ms' },
        }),
      ],
    },
  ],
});
