import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTable, createTimeSeries } from '../parts/panels.ts';
import { createZeroThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  selectBreakerCalls,
  selectBreakerStates,
  selectChangedSettings,
  selectDecisions,
  selectFailedDecisions,
  selectOpenBreakers,
  selectSettingValues,
} from '../sql/action-queries.ts';
import { selectScaling, selectScalingOverTime } from '../sql/scaling-queries.ts';

const NO_BREAKER_TEXT = 'No circuit breaker data';
const NO_DECISION_TEXT = 'No decisions';
const NO_QUEUE_TEXT = 'No queue recommendations';
const NO_SERVICE_TEXT = 'No service recommendations';
const SCALING_DESCRIPTION =
  'Updated every minute. The values match /api/performance/scaling without parameters.';

export const actions = createDashboard({
  name: 'actions',
  title: 'Perfscope / Actions',
  description:
    'Automatic actions: circuit breakers, business rule decisions, and capacity recommendations.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '6h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Open circuit breakers',
          unit: 'short',
          width: 8,
          emptyText: NO_BREAKER_TEXT,
          description: 'Circuit breakers whose latest state in the time range is open.',
          sql: selectOpenBreakers(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Changed settings',
          unit: 'short',
          width: 8,
          description:
            'Settings that differ from their default at the end of the time range. Dry runs are excluded.',
          sql: selectChangedSettings(),
        }),
        createStat({
          title: 'Decisions not applied',
          unit: 'short',
          width: 8,
          description: 'Decisions in the time range that a handler or webhook failed to apply.',
          sql: selectFailedDecisions(),
          thresholds: createZeroThresholds(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Circuit breaker state',
          unit: 'short',
          width: 12,
          max: 2,
          emptyText: NO_BREAKER_TEXT,
          description: 'Worst state in each interval: 0 is closed, 1 is half-open, 2 is open.',
          sql: selectBreakerStates(),
        }),
        createTimeSeries({
          title: 'Calls by outcome',
          unit: 'short',
          width: 12,
          emptyText: NO_BREAKER_TEXT,
          stacked: true,
          bars: true,
          description:
            'Calls to protected functions in each interval. If a fallback ran, the original outcome is counted too.',
          sql: selectBreakerCalls(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Setting values',
          unit: 'short',
          width: 24,
          emptyText: NO_DECISION_TEXT,
          description:
            'The values that rules assigned to each setting, by property or organization.',
          sql: selectSettingValues(),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Decisions',
          unit: 'short',
          width: 24,
          emptyText: NO_DECISION_TEXT,
          description:
            'Decisions with their reason and result, newest first. Renewals are excluded.',
          sql: selectDecisions(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Queue workers',
          unit: 'short',
          width: 12,
          emptyText: NO_QUEUE_TEXT,
          description: `Recommended and current number of workers. ${SCALING_DESCRIPTION}`,
          sql: selectScalingOverTime('queue'),
        }),
        createTimeSeries({
          title: 'Service replicas',
          unit: 'short',
          width: 12,
          emptyText: NO_SERVICE_TEXT,
          description: `Recommended and current number of replicas. ${SCALING_DESCRIPTION}`,
          sql: selectScalingOverTime('service'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTable({
          title: 'Recommendations',
          unit: 'short',
          width: 24,
          emptyText: NO_QUEUE_TEXT,
          description:
            'Latest recommendations in the time range, largest difference first. /api/performance/scaling explains each one.',
          sql: selectScaling(),
        }),
      ],
    },
  ],
});
