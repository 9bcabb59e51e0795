import { dashboard } from '../parts/dashboard.ts';
import { lines, stat, table } from '../parts/panels.ts';
import { NOTHING } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import {
  breakerCalls,
  breakerStates,
  decisionTable,
  failedDecisions,
  openBreakers,
  settingsAway,
  settingValues,
} from '../sql/actions.ts';
import { scalingOverTime, scalingTable } from '../sql/scaling.ts';

const NO_BREAKER = 'No function is protected';
const NO_DECISION = 'No rule decided anything';
const NO_QUEUE = 'No queue was recommended anything';
const NO_SERVICE = 'No service was recommended anything';
const SAME = 'As /api/performance/scaling recommends without parameters, each minute.';

export const actions = dashboard({
  name: 'actions',
  title: 'Perfscope / Actions',
  description:
    'What measurements change: breakers, decisions of business rules, and recommended capacity.',
  ...narrowedBy('organization', 'property', 'service', 'environment'),
  last: '6h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Open breakers',
          unit: 'short',
          width: 8,
          empty: NO_BREAKER,
          description: 'Breakers whose newest state in the range is open.',
          sql: openBreakers(),
          thresholds: NOTHING(),
        }),
        stat({
          title: 'Settings away from their default',
          unit: 'short',
          width: 8,
          description: 'At the end of the range, without dry runs.',
          sql: settingsAway(),
        }),
        stat({
          title: 'Not applied',
          unit: 'short',
          width: 8,
          description: 'Decisions of the range that a handler or a webhook did not take.',
          sql: failedDecisions(),
          thresholds: NOTHING(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'State of breakers',
          unit: 'short',
          width: 12,
          max: 2,
          empty: NO_BREAKER,
          description: 'The worst of each interval: 0 closed, 1 half-open, 2 open.',
          sql: breakerStates(),
        }),
        lines({
          title: 'Calls by outcome',
          unit: 'short',
          width: 12,
          empty: NO_BREAKER,
          stacked: true,
          bars: true,
          description:
            'Calls of protected functions in each interval; a fallback stands beside what it answered for.',
          sql: breakerCalls(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Values of settings',
          unit: 'short',
          width: 24,
          empty: NO_DECISION,
          description: 'What rules have set each setting to, by property or organization.',
          sql: settingValues(),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        table({
          title: 'Decisions',
          unit: 'short',
          width: 24,
          empty: NO_DECISION,
          description:
            'What was decided and why, and what became of it, the newest first; renewals are left out.',
          sql: decisionTable(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Workers of queues',
          unit: 'short',
          width: 12,
          empty: NO_QUEUE,
          description: `Recommended and present workers. ${SAME}`,
          sql: scalingOverTime('queue'),
        }),
        lines({
          title: 'Replicas of services',
          unit: 'short',
          width: 12,
          empty: NO_SERVICE,
          description: `Recommended and present replicas. ${SAME}`,
          sql: scalingOverTime('service'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        table({
          title: 'Recommendations',
          unit: 'short',
          width: 24,
          empty: NO_QUEUE,
          description:
            'The newest of the range, the greatest difference first. /api/performance/scaling says why.',
          sql: scalingTable(),
        }),
      ],
    },
  ],
});
