import { dashboard } from '../parts/dashboard.ts';
import { lines, stat, table } from '../parts/panels.ts';
import { NOTHING } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import {
  firedOverTime,
  firingCount,
  firingTable,
  history,
  ruleTable,
  timeTo,
} from '../sql/alerts.ts';

const NONE = 'No alert fired';

export const alerts = dashboard({
  name: 'alerts',
  title: 'Perfscope / Alerts',
  description:
    'What fires, what fired, and how long it took until somebody took it and it was over.',
  ...narrowedBy('organization', 'property', 'service'),
  last: '24h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Now',
          unit: 'short',
          width: 8,
          description: 'Alerts that fire, and those of them that nobody has acknowledged.',
          sql: firingCount(),
          thresholds: NOTHING(),
        }),
        stat({
          title: 'Time to acknowledge',
          unit: 'ms',
          width: 8,
          empty: 'None was acknowledged',
          description:
            'Mean time from firing until somebody took the alert, of those that began in the range.',
          sql: timeTo('acknowledged'),
        }),
        stat({
          title: 'Time to resolve',
          unit: 'ms',
          width: 8,
          empty: 'None was resolved',
          description:
            'Mean time from firing until the alert was over, of those that began in the range.',
          sql: timeTo('resolved'),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        table({
          title: 'Alerts that go on',
          unit: 'short',
          width: 24,
          empty: 'No alert goes on',
          description: 'Pending and firing ones at the end of the range, the worst first.',
          sql: firingTable(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Alerts that began to fire',
          unit: 'short',
          width: 12,
          stacked: true,
          bars: true,
          empty: NONE,
          description: 'Number in each interval, by rule.',
          sql: firedOverTime(),
        }),
        table({
          title: 'By rule',
          unit: 'short',
          width: 12,
          empty: NONE,
          description:
            'How often each rule fired in the range, and mean times to acknowledge and to resolve.',
          sql: ruleTable(),
          units: { 'To acknowledge': 'ms', 'To resolve': 'ms', Longest: 'ms' },
        }),
      ],
    },
    {
      height: 10,
      panels: [
        table({
          title: 'History',
          unit: 'short',
          width: 24,
          empty: 'No alert changed',
          description: 'The last hundred changes of the range, the newest first.',
          sql: history(),
        }),
      ],
    },
  ],
});
