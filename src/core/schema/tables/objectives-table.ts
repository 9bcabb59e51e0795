import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/**
 * The error budget of one group of an objective at one time. A row is written after a change, and every hour.
 * `labels` is a JSON object with sorted keys that identifies the group.
 */
export const objectivesTable = defineTable({
  name: 'objectives',
  columns: {
    objective: 'symbol',
    kind: 'symbol',
    status: 'symbol',
    service: 'symbol',
    endpoint: 'symbol',
    queueName: 'symbol',
    ...TENANT_COLUMNS,
    labels: 'varchar',
    target: 'double',
    threshold: 'double',
    periodDays: 'long',
    good: 'long',
    total: 'long',
    achieved: 'double',
    budgetRemaining: 'double',
    eventsRemaining: 'double',
    burnRateFast: 'double',
    burnRateMedium: 'double',
    burnRateSlow: 'double',
    exhaustedAt: 'timestamp',
  },
  dedupKeys: ['objective', 'labels'],
  ttlMonths: 13,
});

export type ObjectiveRow = InferRow<typeof objectivesTable>;
