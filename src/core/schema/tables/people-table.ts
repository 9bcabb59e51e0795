import { defineTable, type InferRow } from '../table-definition.ts';

/**
 * One change of one person who can be told of alerts, as the API makes it; `id` is the name, and the
 * present state is the row with the greatest (timestamp, seq). `properties` is a JSON array of names,
 * empty for all. Rows before the last have no addresses: they are blanked with each change.
 */
export const peopleTable = defineTable({
  name: 'notification_people',
  columns: {
    id: 'varchar',
    seq: 'long',
    state: 'symbol',
    role: 'symbol',
    organizationId: 'symbol',
    properties: 'varchar',
    email: 'varchar',
    phone: 'varchar',
    subject: 'varchar',
    author: 'varchar',
  },
  dedupKeys: ['id', 'seq'],
});

export type PersonRow = InferRow<typeof peopleTable>;
