import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type { NotificationRow } from '../../../../src/core/schema/tables/notifications-table.ts';
import { Notifier } from '../../../../src/server/notifications/notifier.ts';
import {
  FAKED_TIMERS,
  makeKnownAlert,
  NOW,
  waitForDisk,
} from '../../../support/notifier-fixtures.ts';

const OUTAGE_MS = 180_000;
/** The longest backoff, plus the time for which the circuit breaker stays open. */
const RECOVERY_MS = 60_000 + 30_000;
const STEP_MS = 250;

const folder = mkdtempSync(join(tmpdir(), 'perfscope-outage-'));
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

it('delivers every message once after the receiver fails for three minutes', async () => {
  writeFileSync(
    join(folder, 'notify.yaml'),
    `receivers: [{ name: a, channels: [{ kind: slack, urlFile: s }] }]\nroute: { receivers: [a] }\n`,
  );
  vi.useFakeTimers({ ...FAKED_TIMERS, now: NOW });
  const rows: NotificationRow[] = [];
  const accepted: { id: string; atMs: number }[] = [];
  let attempts = 0;
  const alerts = Array.from({ length: 8 }, (_, i) => makeKnownAlert({ id: `o${i}` }));
  const notifier = new Notifier({
    add: (_table, added) => void rows.push(...(added as NotificationRow[])),
    flush: async () => {},
    log: { info: () => {}, warn: () => {}, error: (message) => expect.unreachable(message) },
    dataDir: folder,
    file: join(folder, 'notify.yaml'),
    timeZone: 'UTC',
    alerts: {
      isRestored: true,
      getSuppressions: () => [],
      findStored: async () => undefined,
      find: (id) => alerts.find((alert) => alert.id === id),
    },
    repeatMs: () => 4 * 3_600_000,
    createChannel: () => ({
      kind: 'slack',
      recipient: 'hooks.example',
      deliver: async ({ id }) => {
        attempts += 1;
        if (Date.now() < NOW + OUTAGE_MS) return { status: 'retryable', reason: 'HTTP 500' };
        accepted.push({ id, atMs: Date.now() - NOW });
        return { status: 'delivered' };
      },
    }),
  });
  await notifier.start();
  for (const alert of alerts) notifier.notify({ key: alert.id, alerts: [alert] });
  for (let ms = 0; ms < OUTAGE_MS + RECOVERY_MS + 60_000; ms += STEP_MS) {
    await waitForDisk();
    await vi.advanceTimersByTimeAsync(STEP_MS);
  }
  await waitForDisk();
  expect(accepted).toHaveLength(alerts.length);
  expect(new Set(accepted.map(({ id }) => id)).size).toBe(alerts.length);
  for (const { atMs } of accepted) expect(atMs).toBeLessThan(OUTAGE_MS + RECOVERY_MS + 5000);
  // With the breaker open, there is about one attempt every 30 s, plus the attempts before it opened.
  expect(attempts).toBeLessThan(40);
  expect(rows.filter(({ status }) => status === 'delivered')).toHaveLength(alerts.length);
  expect(rows.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(rows.some(({ reason }) => reason === 'circuit_open')).toBe(true);
  vi.useRealTimers();
  await notifier.stop();
});
