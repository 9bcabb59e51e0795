import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createStateTimeline, createTimeSeries } from '../parts/panels.ts';
import { createTable, longText, number, RELATIVE_TIME, TIME, text } from '../parts/tables.ts';
import { createZeroThresholds } from '../parts/thresholds.ts';
import { DECISION_MAPPING } from '../parts/value-mappings.ts';
import { createFilters } from '../parts/variables.ts';
import {
  BREAKER_STATES,
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
      height: 3,
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
        createStateTimeline({
          title: 'Circuit breaker state',
          unit: 'short',
          width: 12,
          description: 'Worst state of each circuit breaker in each interval.',
          sql: selectBreakerStates(),
          states: BREAKER_STATES,
        }),
        createTimeSeries({
          title: 'Calls by outcome',
          unit: 'short',
          width: 12,
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
          steps: true,
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
          width: 24,
          description:
            'Decisions with their reason and result, newest first. Renewals are excluded.',
          sql: selectDecisions(),
          columns: {
            Time: TIME,
            Rule: text(110, { wrap: true }),
            Setting: longText(130),
            Organization: text(110),
            Property: text(85),
            Status: text(80, { mappings: [DECISION_MAPPING] }),
            'Previous value': number(115),
            Value: number(65),
            Reason: longText(180),
            Author: text(90, { wrap: true }),
            'Dry run': text(75),
          },
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
          steps: true,
          description: `Recommended and current number of workers. ${SCALING_DESCRIPTION}`,
          sql: selectScalingOverTime('queue'),
        }),
        createTimeSeries({
          title: 'Service replicas',
          unit: 'short',
          width: 12,
          steps: true,
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
          width: 24,
          description:
            'Latest recommendations in the time range, largest difference first. /api/performance/scaling explains each one.',
          sql: selectScaling(),
          columns: {
            Kind: text(100),
            Name: longText(200),
            Current: number(110),
            Recommended: number(130),
            Difference: number(110),
            Updated: RELATIVE_TIME,
          },
        }),
      ],
    },
  ],
});
