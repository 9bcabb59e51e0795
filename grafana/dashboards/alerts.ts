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

const NO_ALERT_TEXT = 'No alerts fired';

export const alerts = createDashboard({
  name: 'alerts',
  title: 'Perfscope / Alerts',
  description: 'Active and past alerts, and the time to acknowledge and resolve them.',
  ...createFilters('organization', 'property', 'service'),
  last: '24h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Firing now',
          unit: 'short',
          width: 8,
          description: 'Number of firing alerts, and how many of them are not acknowledged.',
          sql: selectFiringCount(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Time to acknowledge',
          unit: 'ms',
          width: 8,
          emptyText: 'No acknowledged alerts',
          description:
            'Mean time from firing to acknowledgment, for alerts that started firing in the time range.',
          sql: selectMeanTimeTo('acknowledged'),
        }),
        createStat({
          title: 'Time to resolve',
          unit: 'ms',
          width: 8,
          emptyText: 'No resolved alerts',
          description:
            'Mean time from firing to resolution, for alerts that started firing in the time range.',
          sql: selectMeanTimeTo('resolved'),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Active alerts',
          unit: 'short',
          width: 24,
          emptyText: 'No active alerts',
          description:
            'Alerts that are pending or firing at the end of the time range, most severe first.',
          sql: selectFiringAlerts(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Alerts fired',
          unit: 'short',
          width: 12,
          stacked: true,
          bars: true,
          emptyText: NO_ALERT_TEXT,
          description: 'Number of alerts that started firing in each interval, by rule.',
          sql: selectFiredOverTime(),
        }),
        createTable({
          title: 'Alerts by rule',
          unit: 'short',
          width: 12,
          emptyText: NO_ALERT_TEXT,
          description:
            'How often each rule fired in the time range, and its mean times to acknowledge and to resolve.',
          sql: selectRules(),
          units: { 'To acknowledge': 'ms', 'To resolve': 'ms', Longest: 'ms' },
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Alert history',
          unit: 'short',
          width: 24,
          emptyText: 'No alert state changes',
          description: 'The last 100 state changes in the time range, newest first.',
          sql: selectAlertHistory(),
        }),
      ],
    },
  ],
});
