import type { Alert } from '../../src/core/alerts/alert.ts';
import { loadNotificationConfig } from '../../src/server/notifications/config/load-notification-config.ts';
import type { NotificationConfig } from '../../src/server/notifications/config/notification-config.ts';

export const NOW = Date.UTC(2030, 0, 15, 12);

export function loadTestPlan(text: string): NotificationConfig {
  return loadNotificationConfig('Europe/Vienna', { name: 'notify.yaml', text });
}

let lastId = 0;

export function makeKnownAlert(more: Partial<Alert> = {}): Alert {
  return {
    id: `a${lastId++}`,
    rule: 'error-rate',
    state: 'firing',
    severity: 'warning',
    labels: {},
    annotations: {},
    runbook: undefined,
    value: 1,
    threshold: 1,
    cause: undefined,
    author: undefined,
    comment: undefined,
    startedMs: NOW,
    firedMs: NOW,
    changedMs: NOW,
    ...more,
  };
}
