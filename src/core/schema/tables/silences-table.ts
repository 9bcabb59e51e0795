import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/**
 * One change to a silence. The row with the greatest (timestamp, seq) has the current state.
 * `matchers` and `recurrence` are JSON. An organization's silence applies only to that
 * organization's alerts.
 */
export const silencesTable = defineTable({
  name: 'silences',
  columns: {
    ...TENANT_COLUMNS,
    id: 'varchar',
    seq: 'long',
    author: 'varchar',
    comment: 'varchar',
    matchers: 'varchar',
    recurrence: 'varchar',
    startsAt: 'timestamp',
    endsAt: 'timestamp',
  },
  dedupKeys: ['id', 'seq'],
});

export type SilenceRow = InferRow<typeof silencesTable>;
