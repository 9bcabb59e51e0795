import { defineTable, type InferRow } from '../table-definition.ts';

/**
 * One change to a person who receives notifications, made through the API. `id` is the name. The
 * row with the greatest (timestamp, seq) has the current state. `properties` is a JSON array of
 * names. If empty, the person is responsible for all properties. Each change deletes the email
 * address and phone number from older rows.
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
