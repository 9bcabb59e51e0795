import { randomUUID } from 'node:crypto';
import type { Alert } from '../../../core/alerts/alert.ts';
import { AlertSeverity, isAlertSeverity } from '../../../core/schema/enums.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { createPlannedMessage } from '../planning/group-messages.ts';
import type { Target } from '../routing/notification-target.ts';

/** An alert as one with these labels would be; `alertname` and `severity` are its own. */
export function createSampleAlert(labels: Readonly<Record<string, string>>, now: number): Alert {
  const { alertname = 'sample', severity, ...rest } = labels;
  return {
    id: `sample-${randomUUID()}`,
    rule: alertname,
    state: 'firing',
    labels: rest,
    severity: isAlertSeverity(severity) ? severity : AlertSeverity.WARNING,
    annotations: { summary: 'This is a sample: nothing is wrong' },
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

/** A message of kind `test` that tells a target of `alert`. */
export function createSampleDelivery(
  target: Target,
  alert: Alert,
  timeZone: string,
  now: number,
): Delivery {
  const groupKey = JSON.stringify({ sample: alert.id });
  const occasion = { kind: 'test', level: 0, timeZone, now } as const;
  const { message } = createPlannedMessage(target, groupKey, [alert], undefined, occasion);
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
