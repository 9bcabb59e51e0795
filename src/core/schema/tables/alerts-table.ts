import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/**
 * The states of an alert, as in Prometheus. `acknowledged` is a firing alert that a user is
 * handling.
 */
export const ALERT_STATES = ['pending', 'firing', 'acknowledged', 'resolved'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/**
 * One state transition of one alert. The row with the greatest (timestamp, seq) has the current
 * state. `labels` is a JSON object with sorted keys. It identifies the group that the alert is
 * about. `startedAt` is the time of the first violation, and `firedAt` the time at which the alert
 * fired. A resolved row without `firedAt` is a pending alert that never fired.
 *
 * Only alerts from other systems have `annotations` and `endsAt`. `annotations` is a JSON object. `endsAt` is
 * when the alert is resolved if its sender doesn't refresh it.
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
    annotations: 'varchar',
    endsAt: 'timestamp',
  },
  dedupKeys: ['id', 'seq'],
});

export type AlertRow = InferRow<typeof alertsTable>;
