import { dashboard } from '../parts/dashboard.ts';
import { cellLink } from '../parts/links.ts';
import { lines, stat, table } from '../parts/panels.ts';
import { thresholdsOf } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import {
  BY_QUEUE,
  depth,
  depthOverTime,
  jobFigure,
  jobLines,
  jobRates,
  oldestOverTime,
  queueTable,
  queueUsers,
} from '../sql/queues.ts';

const NONE = 'No job was seen';

export const queues = dashboard({
  name: 'queues',
  title: 'Perfscope / Queues',
  description: 'Jobs: how many wait, how long they take, how many fail, and for whom they run.',
  ...narrowedBy('organization', 'property', 'service', 'environment', 'queue'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Waiting',
          unit: 'short',
          width: 5,
          empty: NONE,
          description: 'Jobs that could run now. Coloured by the rule queue-depth.',
          sql: depth(BY_QUEUE),
          thresholds: thresholdsOf('queue-depth'),
        }),
        stat({
          title: 'Ended',
          unit: 'ops',
          width: 4,
          decimals: 2,
          empty: NONE,
          description: 'Attempts that ended, per second.',
          sql: jobFigure('rate', BY_QUEUE),
        }),
        stat({
          title: 'Failed',
          unit: 'percent',
          width: 5,
          decimals: 1,
          empty: NONE,
          description: 'Share of the attempts that failed. Coloured by the rule job-failure-rate.',
          sql: jobFigure('failure', BY_QUEUE),
          thresholds: thresholdsOf('job-failure-rate'),
        }),
        stat({
          title: 'Processing',
          unit: 'ms',
          width: 5,
          empty: NONE,
          description: 'Mean time that an attempt ran. Coloured by the target.',
          sql: jobFigure('processing', BY_QUEUE),
          thresholds: thresholdsOf('target-queue-processing'),
        }),
        stat({
          title: 'Wait',
          unit: 'ms',
          width: 5,
          empty: NONE,
          description: 'Mean time that a job waited, without its delay.',
          sql: jobFigure('wait', BY_QUEUE),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Waiting jobs',
          unit: 'short',
          width: 12,
          empty: NONE,
          description: 'Jobs of each queue that could run, at the end of each interval.',
          sql: depthOverTime(BY_QUEUE),
          thresholds: thresholdsOf('queue-depth'),
        }),
        lines({
          title: 'Age of the oldest waiting job',
          unit: 'ms',
          width: 12,
          empty: NONE,
          description: 'The greatest of each interval.',
          sql: oldestOverTime(BY_QUEUE),
          thresholds: thresholdsOf('oldest-waiting-job'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Jobs per second',
          unit: 'ops',
          width: 12,
          empty: NONE,
          description:
            'Jobs that became ready to run, and attempts that ended well, failed or stalled.',
          sql: jobRates(BY_QUEUE),
        }),
        lines({
          title: 'Failed by queue',
          unit: 'percent',
          width: 12,
          empty: NONE,
          description: 'Share of the attempts that failed, by queue.',
          sql: jobLines('failure', BY_QUEUE),
          thresholds: thresholdsOf('job-failure-rate'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Processing time',
          unit: 'ms',
          width: 12,
          empty: NONE,
          description: 'Mean time that an attempt ran, by queue.',
          sql: jobLines('processing', BY_QUEUE),
          thresholds: thresholdsOf('target-queue-processing'),
        }),
        lines({
          title: 'Wait by queue',
          unit: 'ms',
          width: 12,
          empty: NONE,
          description: 'Mean time that a job waited, without its delay, by queue.',
          sql: jobLines('wait', BY_QUEUE),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        table({
          title: 'Queues',
          unit: 'short',
          width: 14,
          empty: NONE,
          description: 'Every queue of the range.',
          sql: queueTable(BY_QUEUE),
          units: { Oldest: 'ms', Failed: 'percent', Processing: 'ms', Wait: 'ms' },
          links: { Queue: cellLink('Show only this queue', 'queues', 'queue') },
        }),
        table({
          title: 'Who uses the queues',
          unit: 'short',
          width: 10,
          empty: NONE,
          description: 'Share of each tenant in the running time of a queue.',
          sql: queueUsers(BY_QUEUE),
          units: { Processing: 'ms', Share: 'percent', Wait: 'ms' },
        }),
      ],
    },
  ],
});
