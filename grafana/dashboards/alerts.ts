import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTimeSeries } from '../parts/panels.ts';
import { createTable, duration, longText, number, TIME, text } from '../parts/tables.ts';
import { createZeroThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  selectAlertHistory,
  selectFiredOverTime,
  selectFiringAlerts,
  selectFiringCount,
  selectIncidentList,
  selectMeanTimeTo,
  selectNoise,
  selectRules,
  selectUnacknowledgedOverTime,
} from '../sql/alert-queries.ts';
import { selectDeploys } from '../sql/deploy-queries.ts';
import { ACTIVE_ALERT_COLUMNS, ALERT_HISTORY_COLUMNS, INCIDENT_COLUMNS } from './tables.ts';

export const alerts = createDashboard({
  name: 'alerts',
  title: 'Perfscope / Alerts',
  description: 'Incidents, active and past alerts, deploys, and the rules that fired most.',
  ...createFilters('organization', 'property', 'service'),
  last: '24h',
  refresh: '30s',
  rows: [
    {
      height: 3,
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
      height: 8,
      panels: [
        createTable({
          title: 'Incidents',
          width: 24,
          description:
            'Incidents that were open in the time range, open incidents first. The filters do not apply, because an incident can concern several tenants and services.',
          sql: selectIncidentList(),
          columns: INCIDENT_COLUMNS,
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Active alerts',
          width: 24,
          description:
            'Alerts that are pending or firing at the end of the time range, most severe first. A rule or a cause links to the measurements at that time.',
          sql: selectFiringAlerts(),
          columns: ACTIVE_ALERT_COLUMNS,
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTable({
          title: 'Deploys',
          width: 24,
          description:
            'Deploys that started in the time range, and the changes that the comparison of versions confirmed.',
          sql: selectDeploys(),
          columns: {
            Started: TIME,
            Service: text(110),
            Environment: text(110),
            Version: text(100),
            'Previous version': text(130),
            Author: text(110),
            'Confirmed changes': longText(260),
            Ended: TIME,
          },
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
          description: 'Number of alerts that started firing in each interval, by rule.',
          sql: selectFiredOverTime(),
        }),
        createTable({
          title: 'Alerts by rule',
          width: 12,
          description:
            'How often each rule fired in the time range, and its mean times to acknowledge and to resolve.',
          sql: selectRules(),
          columns: {
            Rule: longText(110),
            Fired: number(60),
            Acknowledged: number(120),
            'To acknowledge': duration(135),
            'To resolve': duration(95),
            Longest: duration(75),
          },
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Unacknowledged alerts',
          unit: 'short',
          width: 12,
          stacked: true,
          bars: true,
          description:
            'Number of alerts without an acknowledgment that started firing in each interval, by rule.',
          sql: selectUnacknowledgedOverTime(),
        }),
        createTable({
          title: 'Noise by rule',
          width: 12,
          description:
            'How often each rule fired in the time range, and how many alerts have no acknowledgment. `perfscope noise` suggests quieter rules.',
          sql: selectNoise(),
          columns: {
            Rule: longText(110),
            Fired: number(60),
            Unacknowledged: number(125),
            'Within 10 min': number(110),
            'Mean time': duration(90),
          },
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Alert history',
          width: 24,
          description: 'The last 100 state changes in the time range, newest first.',
          sql: selectAlertHistory(),
          columns: ALERT_HISTORY_COLUMNS,
        }),
      ],
    },
  ],
});
