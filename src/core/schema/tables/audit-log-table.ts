import { defineTable, type InferRow } from '../table-definition.ts';

/** One administrative action: who did what to which object. `detail` is JSON without secrets. */
export const auditLogTable = defineTable({
  name: 'audit_log',
  columns: {
    id: 'varchar',
    seq: 'long',
    author: 'varchar',
    action: 'symbol',
    object: 'varchar',
    detail: 'varchar',
    address: 'varchar',
    organizationId: 'symbol',
    propertyId: 'symbol',
  },
  dedupKeys: ['id', 'seq'],
});

export type AuditLogRow = InferRow<typeof auditLogTable>;
