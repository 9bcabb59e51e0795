import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/** The states of an alert: Prometheus' words, and `acknowledged` for firing and taken by somebody. */
export const ALERT_STATES = ['pending', 'firing', 'acknowledged', 'resolved'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/**
 * One state transition of one alert. The alert's present state is its row with the greatest
 * (timestamp, seq). `labels` is a JSON object with sorted keys: the names of the group that the
 * alert is about. `startedAt` is since when the data are bad, `firedAt` when it began to fire; a
 * resolved row without `firedAt` is a pending alert that never fired.
 */
export const alertsTable = defineTable({
  name: 'alerts',
  columns: {
    rule: 'symbol',
    state: 'symbol',
    severity: 'symbol',
    service: 'symbol',
    ...TENANT_COLUMNS,
    id: 'varchar',
    seq: 'long',
    value: 'double',
    threshold: 'double',
    labels: 'varchar',
    cause: 'varchar',
    author: 'varchar',
    comment: 'varchar',
    startedAt: 'timestamp',
    firedAt: 'timestamp',
  },
  dedupKeys: ['id', 'seq'],
});

export type AlertRow = InferRow<typeof alertsTable>;
