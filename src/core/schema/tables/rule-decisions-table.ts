import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/** What a rule did with its setting. */
export const DECISION_STATUSES = ['set', 'renewed', 'reset', 'expired'] as const;
export type DecisionStatus = (typeof DECISION_STATUSES)[number];

/** What became of a decision where it was to be applied. */
export const DECISION_OUTCOME_STATUSES = ['applied', 'delivered', 'failed'] as const;
export type DecisionOutcomeStatus = (typeof DECISION_OUTCOME_STATUSES)[number];

/**
 * One decision of a business rule, or with the same `id` and `seq` what became of it at `author`. An
 * `id` is of the time from a setting's first change until it is at its default again. `facts` is JSON:
 * the figures that led to it; `expiresAt` is when the default counts again by itself.
 */
export const ruleDecisionsTable = defineTable({
  name: 'rule_decisions',
  columns: {
    rule: 'symbol',
    event: 'symbol',
    setting: 'symbol',
    status: 'symbol',
    ...TENANT_COLUMNS,
    id: 'varchar',
    seq: 'long',
    author: 'varchar',
    value: 'double',
    previous: 'double',
    defaultValue: 'double',
    facts: 'varchar',
    reason: 'varchar',
    expiresAt: 'timestamp',
    dryRun: 'boolean',
  },
  dedupKeys: ['id', 'seq', 'author'],
});

export type RuleDecisionRow = InferRow<typeof ruleDecisionsTable>;
