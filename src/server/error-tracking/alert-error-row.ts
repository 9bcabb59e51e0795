import { createHash } from 'node:crypto';
import { AlertSeverity } from '../../core/schema/enums.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { AlertRow } from '../../core/schema/tables/alerts-table.ts';
import type { ErrorLogRow } from '../../core/schema/tables/error-logs-table.ts';

/**
 * Returns the `error_logs` row of a critical alert. Each alert has one row: the row's ID is always
 * the same, no matter which server writes the row.
 *
 * @returns undefined unless the row is from a firing critical alert
 */
export function toAlertErrorRow(alert: AlertRow): ErrorLogRow | undefined {
  const { id, rule = '', state, severity, value, threshold, labels, cause } = alert;
  if (state !== 'firing' || severity !== AlertSeverity.CRITICAL || id === undefined) return;
  const { summary } = parseLabels(alert.annotations);
  const description =
    typeof summary === 'string'
      ? summary
      : (cause ?? `value ${value ?? 'unknown'}, limit ${threshold ?? 'unknown'}`);
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
    message: `${rule}: ${description}`,
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

/** Wraps `add` so that each critical alert also adds a row to `error_logs`. */
export function withAlertErrorRows(add: AddRows): AddRows {
  return (table, rows) => {
    add(table, rows);
    if (table !== 'alerts') return;
    const errorRows = (rows as readonly AlertRow[]).flatMap((row) => toAlertErrorRow(row) ?? []);
    if (errorRows.length > 0) add('error_logs', errorRows);
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
