import { defineTable, type InferRow } from '../table-definition.ts';

/** `merged` incidents became a part of an older incident. */
export const INCIDENT_STATES = ['open', 'resolved', 'merged'] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];

/**
 * One change of one incident. The row with the greatest (timestamp, seq) has the current state. `alerts`,
 * `commonLabels`, `causes`, `tenants`, `services`, `hosts`, `queues`, and `organizations` are JSON. An incident can
 * contain alerts of several tenants, so rows have no tenant columns, and only the server reads them.
 */
export const incidentsTable = defineTable({
  name: 'incidents',
  columns: {
    state: 'symbol',
    severity: 'symbol',
    id: 'varchar',
    seq: 'long',
    title: 'varchar',
    alerts: 'varchar',
    alertCount: 'long',
    commonLabels: 'varchar',
    causes: 'varchar',
    tenants: 'varchar',
    services: 'varchar',
    hosts: 'varchar',
    queues: 'varchar',
    organizations: 'varchar',
    startedAt: 'timestamp',
    lastAlertAt: 'timestamp',
    resolvedAt: 'timestamp',
    mergedInto: 'varchar',
    splitFrom: 'varchar',
    reopenedCount: 'long',
    author: 'varchar',
    comment: 'varchar',
  },
  dedupKeys: ['id', 'seq'],
});

export type IncidentRow = InferRow<typeof incidentsTable>;
