import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/** How a rule changed its setting. */
export const DECISION_STATUSES = ['set', 'renewed', 'reset', 'expired'] as const;
export type DecisionStatus = (typeof DECISION_STATUSES)[number];

/** The result of applying a decision in a service or sending it to a webhook. */
export const DECISION_OUTCOME_STATUSES = ['applied', 'delivered', 'failed'] as const;
export type DecisionOutcomeStatus = (typeof DECISION_OUTCOME_STATUSES)[number];

/**
 * One decision of a business rule, or the result of applying it in the service or webhook `author`.
 * A result has the same `id` and `seq` as its decision. All decisions from the first change to a
 * setting until its reset to the default have the same `id`. `facts` is a JSON object with the
 * values that led to the decision. At `expiresAt`, the default value applies again automatically.
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
