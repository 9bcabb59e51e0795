import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/**
 * One change of one silence; the present one is its row with the greatest (timestamp, seq).
 * `matchers` and `recurrence` are JSON. A silence of an organization never reaches another's alerts.
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
