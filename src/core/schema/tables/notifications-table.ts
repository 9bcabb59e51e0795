import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/** The results of a delivery attempt. `retrying` is temporary, and the others are final. */
export const NOTIFICATION_STATUSES = ['delivered', 'retrying', 'failed', 'suppressed'] as const;
export type NotificationStatus = (typeof NOTIFICATION_STATUSES)[number];

/**
 * One delivery attempt, or one suppression with its reason. All attempts of a delivery have the
 * same `id`, and so do all suppressions of an alert. `content` is JSON (`NotificationContent`)
 * without secrets. `recipient` is partly masked. A row with `readAt` records that `author` has read
 * the message.
 */
export const notificationsTable = defineTable({
  name: 'notifications',
  columns: {
    receiver: 'symbol',
    channel: 'symbol',
    status: 'symbol',
    reason: 'symbol',
    kind: 'symbol',
    ...TENANT_COLUMNS,
    id: 'varchar',
    seq: 'long',
    alertId: 'varchar',
    recipient: 'varchar',
    attempt: 'long',
    level: 'long',
    groupKey: 'varchar',
    detail: 'varchar',
    content: 'varchar',
    author: 'varchar',
    readAt: 'timestamp',
  },
  dedupKeys: ['id', 'seq'],
});

export type NotificationRow = InferRow<typeof notificationsTable>;
