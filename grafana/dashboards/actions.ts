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

const NO_BREAKER_TEXT = 'No function is protected';
const NO_DECISION_TEXT = 'No rule decided anything';
const NO_QUEUE_TEXT = 'No queue was recommended anything';
const NO_SERVICE_TEXT = 'No service was recommended anything';
const SCALING_DESCRIPTION =
  'As /api/performance/scaling recommends without parameters, each minute.';

export const actions = createDashboard({
  name: 'actions',
  title: 'Perfscope / Actions',
  description:
    'What measurements change: breakers, decisions of business rules, and recommended capacity.',
  ...createFilters('organization', 'property', 'service', 'environment'),
  last: '6h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Open breakers',
          unit: 'short',
          width: 8,
          emptyText: NO_BREAKER_TEXT,
          description: 'Breakers whose newest state in the range is open.',
          sql: selectOpenBreakers(),
          thresholds: createZeroThresholds(),
        }),
        createStat({
          title: 'Settings away from their default',
          unit: 'short',
          width: 8,
          description: 'At the end of the range, without dry runs.',
          sql: selectChangedSettings(),
        }),
        createStat({
          title: 'Not applied',
          unit: 'short',
          width: 8,
          description: 'Decisions of the range that a handler or a webhook did not take.',
          sql: selectFailedDecisions(),
          thresholds: createZeroThresholds(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'State of breakers',
          unit: 'short',
          width: 12,
          max: 2,
          emptyText: NO_BREAKER_TEXT,
          description: 'The worst of each interval: 0 closed, 1 half-open, 2 open.',
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
            'Calls of protected functions in each interval; a fallback stands beside what it answered for.',
          sql: selectBreakerCalls(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Values of settings',
          unit: 'short',
          width: 24,
          emptyText: NO_DECISION_TEXT,
          description: 'What rules have set each setting to, by property or organization.',
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
            'What was decided and why, and what became of it, the newest first; renewals are left out.',
          sql: selectDecisions(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Workers of queues',
          unit: 'short',
          width: 12,
          emptyText: NO_QUEUE_TEXT,
          description: `Recommended and present workers. ${SCALING_DESCRIPTION}`,
          sql: selectScalingOverTime('queue'),
        }),
        createTimeSeries({
          title: 'Replicas of services',
          unit: 'short',
          width: 12,
          emptyText: NO_SERVICE_TEXT,
          description: `Recommended and present replicas. ${SCALING_DESCRIPTION}`,
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
            'The newest of the range, the greatest difference first. /api/performance/scaling says why.',
          sql: selectScaling(),
        }),
      ],
    },
  ],
});
