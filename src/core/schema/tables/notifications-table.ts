import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/** What can become of a message: at the end, or for now. */
export const NOTIFICATION_STATUSES = ['delivered', 'retrying', 'failed', 'suppressed'] as const;
export type NotificationStatus = (typeof NOTIFICATION_STATUSES)[number];

/**
 * One delivery attempt, or one suppression with its reason. Attempts of one delivery have one `id`,
 * and so have the suppressions of one alert. `content` is JSON (`NotificationContent`) without any
 * secret; `recipient` is shown in part only. A row with `readAt` says that `author` has read it.
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
