import { randomUUID } from 'node:crypto';
import type { Alert } from '../../../core/alerts/alert.ts';
import { AlertSeverity, isAlertSeverity } from '../../../core/schema/enums.ts';
import type { Delivery } from '../delivery/delivery-record.ts';
import { createPlannedMessage } from '../planning/group-messages.ts';
import type { Target } from '../routing/notification-target.ts';

/**
 * Creates an alert for tests of routes and receivers.
 *
 * @param labels `alertname` sets the rule, and `severity` the severity (default: `warning`)
 */
export function createSampleAlert(labels: Readonly<Record<string, string>>, now: number): Alert {
  const { alertname = 'sample', severity, ...rest } = labels;
  return {
    id: `sample-${randomUUID()}`,
    rule: alertname,
    state: 'firing',
    labels: rest,
    severity: isAlertSeverity(severity) ? severity : AlertSeverity.WARNING,
    annotations: { summary: 'Sample alert. No action is needed.' },
    runbook: undefined,
    value: 1,
    threshold: 1,
    cause: undefined,
    author: undefined,
    comment: undefined,
    startedMs: now,
    firedMs: now,
    changedMs: now,
  };
}

/** Creates a delivery of a `test` message about `alert`. */
export function createSampleDelivery(
  target: Target,
  alert: Alert,
  timeZone: string,
  now: number,
): Delivery {
  const groupKey = JSON.stringify({ sample: alert.id });
  const context = { kind: 'test', level: 0, timeZone, now } as const;
  const { message } = createPlannedMessage(target, groupKey, [alert], undefined, context);
  return {
    id: message.id,
    target,
    message,
    decidedMs: now,
    deadlineMs: now,
    attempt: 1,
    rows: 0,
  };
}
