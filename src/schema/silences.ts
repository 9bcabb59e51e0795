import { defineTable, type RowOf } from './column.ts';
import { TENANT_COLUMNS } from './dimensions.ts';

/**
 * One change of one silence; the present one is its row with the greatest (timestamp, seq).
 * `matchers` and `recurrence` are JSON. A silence of an organization never reaches another's alerts.
 */
export const silences = defineTable({
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

export type SilenceRow = RowOf<typeof silences>;
