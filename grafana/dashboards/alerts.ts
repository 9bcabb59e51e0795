import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTable, createTimeSeries } from '../parts/panels.ts';
import { createZeroThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  selectAlertHistory,
  selectFiredOverTime,
  selectFiringAlerts,
  selectFiringCount,
  selectMeanTimeTo,
  selectRules,
} from '../sql/alert-queries.ts';

const NO_ALERT_TEXT = 'No alert fired';

export const alerts = createDashboard({
  name: 'alerts',
  title: 'Perfscope / Alerts',
  description:
    'What fires, what fired, and how long it took until somebody took it and it was over.',
  ...createFilters('organization', 'property', 'service'),
  last: '24h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Now',
          unit: 'short',
          width: 8,
          description: 'Alerts that fire, and those of them that nobody has acknowledged.',
          sql: selectFiringCount(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Time to acknowledge',
          unit: 'ms',
          width: 8,
          emptyText: 'None was acknowledged',
          description:
            'Mean time from firing until somebody took the alert, of those that began in the range.',
          sql: selectMeanTimeTo('acknowledged'),
        }),
        createStat({
          title: 'Time to resolve',
          unit: 'ms',
          width: 8,
          emptyText: 'None was resolved',
          description:
            'Mean time from firing until the alert was over, of those that began in the range.',
          sql: selectMeanTimeTo('resolved'),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Alerts that go on',
          unit: 'short',
          width: 24,
          emptyText: 'No alert goes on',
          description: 'Pending and firing ones at the end of the range, the worst first.',
          sql: selectFiringAlerts(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Alerts that began to fire',
          unit: 'short',
          width: 12,
          stacked: true,
          bars: true,
          emptyText: NO_ALERT_TEXT,
          description: 'Number in each interval, by rule.',
          sql: selectFiredOverTime(),
        }),
        createTable({
          title: 'By rule',
          unit: 'short',
          width: 12,
          emptyText: NO_ALERT_TEXT,
          description:
            'How often each rule fired in the range, and mean times to acknowledge and to resolve.',
          sql: selectRules(),
          units: { 'To acknowledge': 'ms', 'To resolve': 'ms', Longest: 'ms' },
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'History',
          unit: 'short',
          width: 24,
          emptyText: 'No alert changed',
          description: 'The last hundred changes of the range, the newest first.',
          sql: selectAlertHistory(),
        }),
      ],
    },
  ],
});
