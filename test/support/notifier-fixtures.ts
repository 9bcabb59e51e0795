import type { Alert } from '../../src/core/alerts/alert.ts';
import { loadNotificationConfig } from '../../src/server/notifications/config/load-notification-config.ts';
import type { NotificationConfig } from '../../src/server/notifications/config/notification-config.ts';

export const NOW = Date.UTC(2030, 0, 15, 12);

/**
 * Returns the YAML of a notification config that sends each message to all given webhooks. The webhooks can use
 * HTTP and private addresses.
 *
 * @param urls webhook URLs by receiver name
 * @param options additional YAML keys for each receiver
 */
export function formatNotifyFile(
  urls: Readonly<Record<string, string>>,
  secretFile: string,
  options?: string,
): string {
  const receivers = Object.entries(urls).map(([name, url]) => {
    const webhook = `{ kind: webhook, url: "${url}", secretFile: "${secretFile}", allowHttp: true, allowPrivate: true }`;
    const keys = [`name: ${name}`, `channels: [${webhook}]`, ...(options ? [options] : [])];
    return `  - { ${keys.join(', ')} }`;
  });
  return `
receivers:
${receivers.join('\n')}
route: { receivers: [${Object.keys(urls).join(', ')}] }
`;
}

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
