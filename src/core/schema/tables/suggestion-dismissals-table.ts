import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/** `restored` suggestions are shown again. */
export const DISMISSAL_STATES = ['dismissed', 'restored'] as const;
export type DismissalState = (typeof DISMISSAL_STATES)[number];

/**
 * One change to a dismissal of a suggestion. The row with the greatest (timestamp, seq) has the current state. A
 * dismissal of a tenant hides the suggestion only from that tenant. Without a tenant, it hides it from everyone.
 */
export const suggestionDismissalsTable = defineTable({
  name: 'suggestion_dismissals',
  columns: {
    state: 'symbol',
    kind: 'symbol',
    ...TENANT_COLUMNS,
    id: 'varchar',
    seq: 'long',
    suggestionId: 'varchar',
    title: 'varchar',
    author: 'varchar',
    comment: 'varchar',
    expiresAt: 'timestamp',
  },
  dedupKeys: ['id', 'seq'],
});

export type SuggestionDismissalRow = InferRow<typeof suggestionDismissalsTable>;
