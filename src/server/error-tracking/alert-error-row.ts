import { createHash } from 'node:crypto';
import { AlertSeverity } from '../../core/schema/enums.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { AlertRow } from '../../core/schema/tables/alerts-table.ts';
import type { ErrorLogRow } from '../../core/schema/tables/error-logs-table.ts';

/**
 * The entry that a critical alert makes, with its context. It is the same row whoever writes it and
 * however often: an alert has one.
 *
 * @returns undefined where the row is not one of a critical alert that fires
 */
export function toAlertErrorRow(alert: AlertRow): ErrorLogRow | undefined {
  const { id, rule = '', state, severity, value, threshold, labels, cause } = alert;
  if (state !== 'firing' || severity !== AlertSeverity.CRITICAL || id === undefined) return;
  const told = cause ?? `value ${value ?? 'unknown'}, limit ${threshold ?? 'unknown'}`;
  return {
    timestamp: alert.firedAt ?? alert.timestamp,
    id: `alert-${id}`,
    kind: 'alert',
    level: 'error',
    errorType: rule,
    count: 1,
    fingerprint: createHash('sha256')
      .update(`alert\n${rule}\n${labels}`)
      .digest('hex')
      .slice(0, 16),
    message: `${rule}: ${told}`,
    alertId: id,
    endpoint: getEndpoint(labels),
    context: JSON.stringify({
      value,
      threshold,
      labels: parseLabels(labels),
      startedAt: alert.startedAt,
    }),
    service: alert.service,
    organizationId: alert.organizationId,
    propertyId: alert.propertyId,
  };
}

/** The road of rows, on which every critical alert leaves its entry. */
export function withAlertErrorRows(add: AddRows): AddRows {
  return (table, rows) => {
    add(table, rows);
    if (table !== 'alerts') return;
    const entries = (rows as readonly AlertRow[]).flatMap((row) => toAlertErrorRow(row) ?? []);
    if (entries.length > 0) add('error_logs', entries);
  };
}

function getEndpoint(labels: string | undefined): string | undefined {
  const { endpoint } = parseLabels(labels);
  return typeof endpoint === 'string' ? endpoint : undefined;
}

function parseLabels(labels: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(labels ?? '{}') as Record<string, unknown>;
  } catch {
    return {};
  }
}
