import { dashboard } from '../parts/dashboard.ts';
import { lines, stat, table } from '../parts/panels.ts';
import { limitOf, steps, thresholdsOf } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import { ALL_REQUESTS, STATEMENTS } from '../sql/asked.ts';
import { average, errorRate, errorRateOverTime, linesBy } from '../sql/figures.ts';
import { upShare, upTable } from '../sql/hosts.ts';
import { jobFigure, jobLines } from '../sql/queues.ts';
import { errorsMet, processingMet, timeMet, upMet } from '../sql/targets.ts';

/** The targets by the rules that watch them. */
const TIME = 'target-response-time';
const ERRORS = 'target-error-rate';
const PROCESSING = 'target-queue-processing';
const UPTIME = 'target-uptime';
const STATEMENT = 'target-database-time';

/** Of the time that a target was met; the alert's budget is not known here. */
const MET = () =>
  steps([
    { value: null, color: 'red' },
    { value: 90, color: 'yellow' },
    { value: 99, color: 'green' },
  ]);
const MET_OF = 'Share of the intervals with anything measured in which it was met.';

export const targets = dashboard({
  name: 'targets',
  title: 'Perfscope / Targets',
  description: 'The five targets, and for how much of the time they were met.',
  ...narrowedBy('organization', 'property', 'service', 'environment'),
  last: '24h',
  refresh: '1m',
  rows: [
    {
      height: 4,
      panels: [
        stat({
          title: `Average response < ${limitOf(TIME)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean of the range. Coloured by the target.',
          sql: average(ALL_REQUESTS),
          thresholds: thresholdsOf(TIME),
        }),
        stat({
          title: `Failed requests < ${limitOf(ERRORS)} %`,
          unit: 'percent',
          width: 5,
          decimals: 2,
          description: 'Share of the requests of the range. Coloured by the target.',
          sql: errorRate(ALL_REQUESTS),
          thresholds: thresholdsOf(ERRORS),
        }),
        stat({
          title: `Processing of jobs < ${limitOf(PROCESSING)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean of the range. Coloured by the target.',
          sql: jobFigure('processing'),
          empty: 'No job has ended',
          thresholds: thresholdsOf(PROCESSING),
        }),
        stat({
          title: `Uptime > ${limitOf(UPTIME)} %`,
          unit: 'percent',
          width: 4,
          decimals: 3,
          description:
            'Share of the minutes in which the services reported. Coloured by the target.',
          sql: upShare(),
          empty: 'No process reported',
          thresholds: thresholdsOf(UPTIME),
        }),
        stat({
          title: `Average statement < ${limitOf(STATEMENT)} ms`,
          unit: 'ms',
          width: 5,
          description: 'Mean of the range. Coloured by the target.',
          sql: average(STATEMENTS),
          thresholds: thresholdsOf(STATEMENT),
        }),
      ],
    },
    {
      height: 4,
      panels: [
        stat({
          title: 'Response met',
          unit: 'percent',
          width: 5,
          decimals: 1,
          description: MET_OF,
          sql: timeMet(ALL_REQUESTS, limitOf(TIME)),
          thresholds: MET(),
        }),
        stat({
          title: 'Failures met',
          unit: 'percent',
          width: 5,
          decimals: 1,
          description: MET_OF,
          sql: errorsMet(ALL_REQUESTS, limitOf(ERRORS)),
          thresholds: MET(),
        }),
        stat({
          title: 'Processing met',
          unit: 'percent',
          width: 5,
          decimals: 1,
          description: MET_OF,
          sql: processingMet(limitOf(PROCESSING)),
          empty: 'No job has ended',
          thresholds: MET(),
        }),
        stat({
          title: 'Services that met it',
          unit: 'percent',
          width: 4,
          decimals: 1,
          description: 'Share of the services whose uptime of the range is within the target.',
          sql: upMet(limitOf(UPTIME)),
          empty: 'No process reported',
          thresholds: MET(),
        }),
        stat({
          title: 'Statements met',
          unit: 'percent',
          width: 5,
          decimals: 1,
          description: MET_OF,
          sql: timeMet(STATEMENTS, limitOf(STATEMENT)),
          thresholds: MET(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Average response by service',
          unit: 'ms',
          width: 12,
          description: 'Of the ten busiest services, with the target.',
          sql: linesBy('service', ALL_REQUESTS, 'total / amount'),
          thresholds: thresholdsOf(TIME),
        }),
        lines({
          title: 'Failed requests',
          unit: 'percent',
          width: 12,
          description: 'Share of all requests, with the target.',
          sql: errorRateOverTime(ALL_REQUESTS),
          thresholds: thresholdsOf(ERRORS),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Processing of jobs',
          unit: 'ms',
          width: 8,
          description: 'Mean time that an attempt ran, by queue, with the target.',
          sql: jobLines('processing'),
          empty: 'No job has ended',
          thresholds: thresholdsOf(PROCESSING),
        }),
        lines({
          title: 'Average statement by service',
          unit: 'ms',
          width: 8,
          description: 'Of the ten services with most statements, with the target.',
          sql: linesBy('service', STATEMENTS, 'total / amount'),
          thresholds: thresholdsOf(STATEMENT),
        }),
        table({
          title: 'Uptime',
          unit: 'short',
          width: 8,
          empty: 'No process reported',
          description:
            'Share of the minutes in which a service reported; planned restarts count as down.',
          sql: upTable(),
          units: { Up: 'percent' },
          thresholds: thresholdsOf(UPTIME),
        }),
      ],
    },
  ],
});
