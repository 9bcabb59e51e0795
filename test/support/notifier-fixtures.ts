import { vi } from 'vitest';
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

/** Timers of the notifier. The disk, and so the journal, works on real time. */
export const FAKED_TIMERS = {
  toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
} satisfies Parameters<typeof vi.useFakeTimers>[0];

/** Waits for pending disk writes, which fake timers don't control. */
export async function waitForDisk(): Promise<void> {
  do {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  } while (process.getActiveResourcesInfo().some((kind) => /FSReq|CloseReq/.test(kind)));
}

/** Maximum time on the fake clock, in ms. */
const MAX_FAKE_MS = 600_000;

/**
 * Runs the fake timers one after the other until `condition` is met. No time passes while the disk is busy.
 *
 * @throws Error if the condition is not met after 10 minutes on the fake clock
 */
export async function runTimersUntil(condition: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + MAX_FAKE_MS;
  for (;;) {
    await waitForDisk();
    if (condition()) return;
    if (Date.now() > deadlineMs) throw new Error('the condition was not met within 10 minutes');
    if (vi.getTimerCount() > 0) await vi.advanceTimersToNextTimerAsync();
    else await vi.advanceTimersByTimeAsync(1000);
  }
}
