import { createHash } from 'node:crypto';
import type { AlertRow } from '../schema/alerts.ts';
import type { ErrorLogRow } from '../schema/error-logs.ts';
import { AlertSeverity } from '../schema/metric-type.ts';
import type { Add } from '../schema/tables.ts';

/**
 * The entry that a critical alert makes, with its context. It is the same row whoever writes it and
 * however often: an alert has one.
 *
 * @returns undefined where the row is not one of a critical alert that fires
 */
export function errorOfAlert(alert: AlertRow): ErrorLogRow | undefined {
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
    endpoint: endpointOf(labels),
    context: JSON.stringify({
      value,
      threshold,
      labels: parsed(labels),
      startedAt: alert.startedAt,
    }),
    service: alert.service,
    organizationId: alert.organizationId,
    propertyId: alert.propertyId,
  };
}

/** The road of rows, on which every critical alert leaves its entry. */
export function withAlertEntries(add: Add): Add {
  return (table, rows) => {
    add(table, rows);
    if (table !== 'alerts') return;
    const entries = (rows as readonly AlertRow[]).flatMap((row) => errorOfAlert(row) ?? []);
    if (entries.length > 0) add('error_logs', entries);
  };
}

function endpointOf(labels: string | undefined): string | undefined {
  const { endpoint } = parsed(labels);
  return typeof endpoint === 'string' ? endpoint : undefined;
}

function parsed(labels: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(labels ?? '{}') as Record<string, unknown>;
  } catch {
    return {};
  }
}
