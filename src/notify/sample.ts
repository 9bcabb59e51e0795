import { randomUUID } from 'node:crypto';
import { AlertSeverity } from '../schema/metric-type.ts';
import { isSeverity } from '../schema/severity.ts';
import type { KnownAlert } from './alert.ts';
import type { Delivery } from './deliver/delivery.ts';
import { messageTo } from './route/decide.ts';
import type { Target } from './route/target.ts';

/** An alert as one with these labels would be; `alertname` and `severity` are its own. */
export function sampleAlert(labels: Readonly<Record<string, string>>, now: number): KnownAlert {
  const { alertname = 'sample', severity, ...rest } = labels;
  return {
    id: `sample-${randomUUID()}`,
    rule: alertname,
    state: 'firing',
    labels: rest,
    severity: isSeverity(severity) ? severity : AlertSeverity.WARNING,
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
export function sampleDelivery(
  target: Target,
  alert: KnownAlert,
  timeZone: string,
  now: number,
): Delivery {
  const groupKey = JSON.stringify({ sample: alert.id });
  const occasion = { kind: 'test', level: 0, timeZone, now } as const;
  const { message } = messageTo(target, groupKey, [alert], undefined, occasion);
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
