import { OBJECTIVE_KINDS } from '../../../src/server/alerts/objectives/objective.ts';
import { OBJECTIVE_STATUSES } from '../../../src/server/alerts/objectives/objective-status.ts';
import type { TableDescriptions } from './table-description.ts';

const toBurnRateMeaning = (long: string, short: string) =>
  `Burn rate: the lower value of the last ${long} and the last ${short}, for a period of 30 days. Shorter periods have shorter windows. Empty if there is too little data.`;

/** Describes the table of error budgets. */
export const OBJECTIVE_TABLES: TableDescriptions<'objectives'> = {
  objectives: {
    row: [
      'A row is the error budget of one group of an objective at one time.',
      'The server writes a row when the budget changes, at most every 5 minutes, and once per hour.',
    ],
    columns: {
      timestamp: { meaning: 'Time at which the budget was computed.' },
      objective: { meaning: 'Name of the objective.' },
      kind: { meaning: 'Kind of the objective.', values: Object.keys(OBJECTIVE_KINDS) },
      status: {
        meaning: '`waiting` means that there is too little data to compute the budget.',
        values: OBJECTIVE_STATUSES,
      },
      service: { meaning: 'Service, if the objective is grouped by service.' },
      endpoint: { meaning: 'Endpoint, if the objective is grouped by endpoint.' },
      queueName: { meaning: 'Queue, if the objective is grouped by queue.' },
      organizationId: { meaning: 'Organization, if the objective is grouped by organization.' },
      propertyId: { meaning: 'Property, if the objective is grouped by property.' },
      labels: { meaning: 'JSON object with sorted keys. Identifies the group.' },
      target: { unit: '%', meaning: 'Required share of good events.' },
      threshold: { unit: 'ms', meaning: 'Longest good duration. Empty for other kinds.' },
      periodDays: { unit: 'd', meaning: 'Length of the period.' },
      good: { meaning: 'Number of good events in the period.' },
      total: { meaning: 'Number of events in the period.' },
      achieved: { unit: '%', meaning: 'Share of good events in the period.' },
      budgetRemaining: {
        unit: '%',
        meaning: 'Share of the error budget that remains. Negative if the budget is exceeded.',
      },
      eventsRemaining: {
        meaning: 'Number of events that can still fail. Negative if the budget is exceeded.',
      },
      burnRateFast: { meaning: toBurnRateMeaning('hour', '5 minutes') },
      burnRateMedium: { meaning: toBurnRateMeaning('6 hours', '30 minutes') },
      burnRateSlow: { meaning: toBurnRateMeaning('3 days', '6 hours') },
      exhaustedAt: {
        meaning:
          'When the budget runs out at the rate of the last 6 hours, or of the last 84 minutes for an objective over 7 days. Empty if it does not run out.',
      },
    },
  },
};
