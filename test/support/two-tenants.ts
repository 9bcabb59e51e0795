import type { ColumnType } from '../../src/core/schema/table-definition.ts';
import {
  type AddRows,
  MEASUREMENT_TABLES,
  STATE_TABLES,
  type TableName,
} from '../../src/core/schema/table-registry.ts';
import { ERROR_KINDS } from '../../src/core/schema/tables/error-logs-table.ts';
import { RETURNED_ROWS_METRIC_NAME } from '../../src/core/suggestion-metrics.ts';
import { makeGauge, makeHistogram } from './alert-fixtures.ts';

/** An organization and one of its properties. Every text of their rows contains `mark`. */
export interface SeededTenant {
  readonly mark: string;
  readonly organizationId: string;
  readonly propertyId: string;
}

/** The callers' organization and property. */
export const ALPHA: SeededTenant = {
  mark: 'alphaq7',
  organizationId: 'alphaq7-org',
  propertyId: 'alphaq7-property',
};
/** Another property of the callers' organization. */
export const SISTER: SeededTenant = {
  mark: 'sisterq7x',
  organizationId: ALPHA.organizationId,
  propertyId: 'sisterq7x-property',
};
/** Another organization. */
export const BETA: SeededTenant = {
  mark: 'betaq7x',
  organizationId: 'betaq7x-org',
  propertyId: 'betaq7x-property',
};
/** Part of every host name. */
export const HOST_MARK = 'hostq7x';
const HOST = `web.${HOST_MARK}.example`;

const METRIC_TYPES = [
  'API_RESPONSE_TIME',
  'OUTGOING_REQUEST_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_DEPTH',
  'CUSTOM',
] as const;
/** Channel and recipient of each notification. */
const RECIPIENTS = [
  ['inApp', 'role:VIEWER'],
  ['inApp', 'role:PROPERTY_MGR'],
  ['inApp', 'role:ORG_ADMIN'],
  ['email', 'x***@mail.example'],
  ['webhook', HOST],
] as const;

type Values = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Values of the columns that can't contain any text, by table. A list gives one row for each entry. All
 * other columns are filled automatically, so that new columns are included.
 */
function getVariants(table: TableName, tenant: SeededTenant, now: number): readonly Values[] {
  const { mark, organizationId, propertyId } = tenant;
  const labels = JSON.stringify({
    organization: organizationId,
    property: propertyId,
    service: `${mark}-service`,
    instance: HOST,
    queueScope: toQueueScope(tenant),
  });
  const content = {
    status: 'firing',
    total: 1,
    alerts: [{ id: `${mark}-alert`, rule: mark, state: 'firing', severity: 'high', summary: mark }],
  };
  const variants: Readonly<Record<TableName, readonly Values[]>> = {
    performance_metrics: METRIC_TYPES.map((metricType) => ({
      metricType,
      id: `${mark}-${metricType}`,
      unit: 'ms',
      tags: JSON.stringify({ tag: mark }),
    })),
    metric_buckets: METRIC_TYPES.map((metricType, i) => ({ metricType, point: i + mark.length })),
    queue_metrics: ['completed', 'failed'].map((status) => ({ status, id: `${mark}-${status}` })),
    system_health: [{ status: 'healthy' }],
    error_logs: ERROR_KINDS.flatMap((kind) =>
      [`${mark}-fingerprint`, 'shared-fingerprint'].map((fingerprint) => ({
        kind,
        level: 'error',
        id: `${mark}-${kind}-${fingerprint}`,
        fingerprint: `${fingerprint}-${kind}`,
        context: JSON.stringify({
          text: mark,
          ...(kind === 'alert' && { labels: JSON.parse(labels) }),
        }),
      })),
    ),
    api_keys: [{ state: 'active', role: 'VIEWER', properties: JSON.stringify([propertyId]) }],
    audit_log: [{ detail: JSON.stringify({ text: mark }) }],
    alerts: [{ state: 'resolved', severity: 'critical', labels }],
    silences: [
      {
        matchers: JSON.stringify([`service="${mark}-service"`]),
        recurrence: undefined,
        endsAt: now + 6e6,
      },
    ],
    notifications: RECIPIENTS.flatMap(([channel, recipient], position) =>
      (['delivered', 'failed', 'suppressed'] as const).map((status, i) => ({
        channel,
        status,
        id: `${mark}-notification-${position}-${i}`,
        recipient,
        reason: status === 'suppressed' ? 'silenced' : status,
        content: JSON.stringify(content),
        readAt: undefined,
      })),
    ),
    incidents: [
      {
        state: 'open',
        severity: 'high',
        alerts: JSON.stringify([
          {
            id: `${mark}-alert`,
            rule: mark,
            state: 'resolved',
            severity: 'high',
            labels: JSON.parse(labels) as object,
            startedMs: now - 3000,
            endedMs: now - 2000,
            summary: mark,
            threadId: mark,
          },
        ]),
        causes: JSON.stringify({
          causes: [
            {
              kind: 'cpu',
              subject: HOST,
              text: `${mark} ${HOST}`,
              onsetMs: now - 3000,
              before: 1,
              now: 2,
              unit: '%',
              evidence: mark,
            },
          ],
          byTenant: {},
        }),
        tenants: JSON.stringify([{ organizationId, propertyId, requests: 5, failed: 4 }]),
        organizations: JSON.stringify([organizationId]),
        resolvedAt: undefined,
        mergedInto: undefined,
        splitFrom: undefined,
      },
    ],
    rule_decisions: [{ status: 'set', facts: JSON.stringify({ [`${mark}-fact`]: 1 }) }],
    objectives: [{ status: 'ok', labels }],
    forecasts: [{ kind: 'errorBudget', status: 'clear', labels }],
    metric_bands: [{ status: 'ready', metricType: 'API_RESPONSE_TIME', aggregate: 'p95' }],
    // Tenants see only deploys of versions that they use.
    deploys: [
      { source: 'recorded', version: `${mark}-serviceVersion`, findings: '[]', changes: '[]' },
    ],
    suggestion_dismissals: [{ state: 'dismissed', kind: 'n-plus-one', expiresAt: undefined }],
    notification_people: [
      { state: 'active', role: 'VIEWER', properties: JSON.stringify([propertyId]) },
    ],
  };
  return variants[table];
}

/** Adds rows for a tenant to every table, with a value in every column. */
export function addTenantRows(add: AddRows, tenant: SeededTenant, now: number): void {
  for (const { name: table, columns } of [...MEASUREMENT_TABLES, ...STATE_TABLES]) {
    const name = table as TableName;
    for (const variant of getVariants(name, tenant, now)) {
      const entries = Object.entries(columns as Readonly<Record<string, ColumnType>>).map(
        ([column, type]) => [column, toValue(column, type, tenant, now)],
      );
      add(name, [{ ...Object.fromEntries(entries), ...variant, timestamp: now - 2000 }] as never);
    }
  }
}

function toValue(column: string, type: ColumnType, tenant: SeededTenant, now: number) {
  if (column === 'organizationId') return tenant.organizationId;
  if (column === 'propertyId') return tenant.propertyId;
  if (column === 'instance') return HOST;
  if (column === 'queueScope') return toQueueScope(tenant);
  if (type === 'symbol' || type === 'varchar') return `${tenant.mark}-${column}`;
  if (type === 'boolean') return false;
  return type === 'timestamp' ? now - 3000 : 1;
}

/** Contains the host of the Redis server. */
function toQueueScope({ mark }: SeededTenant): string {
  return `${mark}@${HOST}:6379/0`;
}

/**
 * Adds rows for which alerts with explanations fire: slow and failing requests and failing jobs of the
 * tenant.
 */
export function addAlertingRows(add: AddRows, tenant: SeededTenant, now: number): void {
  const { mark, organizationId, propertyId } = tenant;
  const origin = { organizationId, propertyId, service: `${mark}-shop`, instance: HOST };
  for (const [minutesAgo, ms] of [
    // The business impact counts complete intervals of 10 minutes.
    [20, 100],
    [8, 100],
    [0, 6000],
  ] as const) {
    const { row, buckets } = makeHistogram(
      {
        ...origin,
        timestamp: now - minutesAgo * 60_000 - 1000,
        metricType: 'API_RESPONSE_TIME',
        endpoint: `/${mark}-rooms`,
        operation: 'GET',
      },
      { count: 50, ms, errors: 40 },
    );
    add('performance_metrics', [row]);
    add('metric_buckets', buckets);
  }
  for (let i = 0; i < 20; i++) {
    add('queue_metrics', [
      {
        ...origin,
        timestamp: now - 1000 - i,
        id: `${mark}-job-${i}`,
        queueName: `${mark}-mails`,
        queueScope: toQueueScope(tenant),
        jobId: `${mark}-${i}`,
        jobType: 'send',
        status: i % 2 ? 'failed' : 'completed',
        duration: 100,
        waitTime: 40,
        test: false,
      },
    ]);
  }
}

/** Adds evidence for suggestions: statements of the tenant that return many rows. */
export function addSuggestionRows(add: AddRows, tenant: SeededTenant, now: number): void {
  const { mark, organizationId, propertyId } = tenant;
  const origin = { organizationId, propertyId, service: `${mark}-shop`, instance: HOST };
  for (const column of ['name', 'price']) {
    const { row } = makeHistogram(
      {
        ...{ ...origin, timestamp: now - 2000, metricType: 'CUSTOM', unit: '1' },
        ...{ name: RETURNED_ROWS_METRIC_NAME, endpoint: `SELECT ${column} FROM ${mark}_rooms` },
      },
      { count: 40, ms: 900 },
    );
    add('performance_metrics', [row]);
  }
}

/** Adds the depth of a queue, and CPU and memory usage of a host. These rows have no tenant. */
export function addSharedRows(add: AddRows, now: number): void {
  const common = { service: `${HOST_MARK}-service`, instance: HOST };
  for (const [minutesAgo, value] of [
    [8, 10],
    [0, 93],
  ] as const) {
    const timestamp = now - minutesAgo * 60_000 - 1000;
    for (const metricType of ['CPU_USAGE', 'MEMORY_USAGE'] as const) {
      add('performance_metrics', [makeGauge({ ...common, timestamp, metricType, value })]);
    }
    for (const metricType of ['QUEUE_DEPTH', 'QUEUE_OLDEST_AGE'] as const) {
      const queue = { endpoint: `${BETA.mark}-payroll`, operation: 'waiting' };
      add('performance_metrics', [
        makeGauge({ ...common, ...queue, timestamp, metricType, value: value ** 2 * 100 }),
      ]);
    }
  }
}

/** Adds notifications about the callers' alerts that name another tenant and a host. */
export function addForeignNotifications(add: AddRows, now: number): void {
  const { organizationId, propertyId } = ALPHA;
  const common = { organizationId, propertyId, alertId: `${ALPHA.mark}-alert`, seq: 1, attempt: 1 };
  const desk = `${BETA.mark}-desk`;
  add('notifications', [
    {
      ...common,
      timestamp: now - 1500,
      id: `${ALPHA.mark}-unrouted`,
      status: 'suppressed',
      reason: 'no_recipient',
      receiver: desk,
      detail: 'the receiver has no recipient for this tenant',
    },
    {
      ...common,
      timestamp: now - 1400,
      id: `${ALPHA.mark}-silenced`,
      status: 'suppressed',
      reason: 'silenced',
      receiver: desk,
      detail: `admin: maintenance for ${BETA.mark}`,
    },
    {
      ...common,
      timestamp: now - 1300,
      id: `${ALPHA.mark}-webhook`,
      status: 'failed',
      reason: 'permanent',
      channel: 'webhook',
      receiver: 'operations',
      recipient: HOST,
      detail: `connect ECONNREFUSED ${HOST}`,
    },
  ]);
}

/** Alert rules and a maintenance window that name another tenant, and a rule that is grouped by host. */
export const FOREIGN_RULES = `
rules:
  - name: ${BETA.mark}-latency
    measure: { type: API_RESPONSE_TIME, aggregate: mean, filter: { organization: ${BETA.organizationId} }, groupBy: [organization, property] }
    thresholds: { warning: 1 }
    labels: { team: ${BETA.mark}-team }
  - name: ${BETA.mark}-depth
    measure: { aggregate: depth, groupBy: [queue] }
    thresholds: { warning: 1 }
  - name: ${BETA.mark}-only
    enabled: false
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [organization, property] }
    thresholds: { warning: 1 }
    tenants: [{ organization: ${BETA.organizationId} }]
  - name: ${SISTER.mark}-only
    enabled: false
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [organization, property] }
    thresholds: { warning: 1 }
    tenants: [{ organization: ${SISTER.organizationId}, property: ${SISTER.propertyId} }]
  - name: slow-host
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [organization, property, service, instance] }
    thresholds: { critical: 1 }
    annotations: { summary: "{{ $labels.instance }} is slow for {{ $labels.organization }}" }
maintenance:
  - name: ${BETA.mark}-window
    matchers: ['alertname="error-rate"']
    comment: ${BETA.mark} moves to another region
`;
