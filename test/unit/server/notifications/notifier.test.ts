import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import type { NotificationRow } from '../../../../src/core/schema/tables/notifications-table.ts';
import type {
  DeliveryOutcome,
  Message,
} from '../../../../src/server/notifications/channels/channel.ts';
import { Notifier, type NotifierOptions } from '../../../../src/server/notifications/notifier.ts';
import {
  FAKED_TIMERS,
  makeKnownAlert,
  NOW,
  runTimersUntil,
} from '../../../support/notifier-fixtures.ts';

const HOOK = '{ kind: webhook, url: "https://NAME.example/", secretFile: s }';
const FILE = `
receivers:
  - { name: a, channels: [${HOOK.replace('NAME', 'a')}], deadline: 10m }
  - { name: b, channels: [${HOOK.replace('NAME', 'b')}], limit: { messages: 2, per: 1m } }
  - { name: n, channels: [${HOOK.replace('NAME', 'n')}] }
  - { name: d, channels: [${HOOK.replace('NAME', 'd')}] }
intervals:
  - { name: night, times: [{ every: day, from: "22:00", to: "06:00", timeZone: UTC }] }
digests:
  - { name: daily, at: ["14:00"] }
route:
  receivers: [a]
  routes:
    - { matchers: [team=b], receivers: [b] }
    - { matchers: [team=night], receivers: [n], muteTimes: [night] }
    - { matchers: [team=low], receivers: [d], digest: daily }
`;

let folder: string;
let now: number;
let notifier: Notifier;
let rows: NotificationRow[];
let sent: Message[];
let deliver: (message: Message, signal: AbortSignal) => Promise<DeliveryOutcome>;
const activeAlerts = new Map<string, Alert>();
const storedAlerts = new Map<string, Alert>();

beforeEach(() => {
  vi.useFakeTimers(FAKED_TIMERS);
  folder = mkdtempSync(join(tmpdir(), 'perfscope-notifier-'));
  writeFileSync(join(folder, 'notify.yaml'), FILE);
  [now, rows, sent] = [NOW, [], []];
  deliver = async () => ({ status: 'delivered' });
  activeAlerts.clear();
  storedAlerts.clear();
});
afterEach(async () => {
  await stopNotifier();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

async function startNotifier(options: Partial<NotifierOptions> = {}): Promise<void> {
  // A hanging attempt can end during the next test, so don't write to its rows.
  const ownRows = rows;
  notifier = new Notifier({
    add: (_table, added) => void ownRows.push(...(added as NotificationRow[])),
    flush: async () => {},
    log: { info: () => {}, warn: () => {}, error: (message) => expect.unreachable(message) },
    dataDir: folder,
    file: join(folder, 'notify.yaml'),
    timeZone: 'UTC',
    alerts: {
      isRestored: true,
      find: (id) => activeAlerts.get(id),
      getSuppressions: () => [],
      findStored: async (id) => storedAlerts.get(id),
    },
    repeatMs: () => 4 * 3_600_000,
    createChannel: (config) => ({
      kind: config.kind,
      recipient: 'url' in config ? String(config.url) : '',
      deliver: (message, signal) => {
        sent.push(message);
        return deliver(message, signal);
      },
    }),
    now: () => now,
    random: () => 0,
    ...options,
  });
  await notifier.start();
}

/** Stops the notifier. It waits for attempts in progress, on the fake clock. */
async function stopNotifier(): Promise<void> {
  let isStopped = false;
  const stopped = notifier.stop().finally(() => {
    isStopped = true;
  });
  await runTimersUntil(() => isStopped);
  await stopped;
}

function notify(...alerts: Alert[]): Promise<void> {
  for (const alert of alerts) {
    if (alert.state === 'resolved') activeAlerts.delete(alert.id);
    else activeAlerts.set(alert.id, alert);
    storedAlerts.set(alert.id, alert);
  }
  notifier.notify({ key: '{"alertname":"error-rate"}', alerts });
  return notifier.waitUntilJournaled();
}

const getStatuses = () => rows.map(({ status, reason }) => `${status} ${reason}`);

it('retries until the message is delivered, and records each attempt', async () => {
  let failures = 3;
  deliver = async () =>
    failures-- > 0 ? { status: 'retryable', reason: 'HTTP 500' } : { status: 'delivered' };
  await startNotifier();
  await notify(makeKnownAlert({ id: 'x' }));
  await runTimersUntil(() => rows.length === 4);
  expect(getStatuses()).toEqual([...Array(3).fill('retrying retryable'), 'delivered delivered']);
  expect(rows.map(({ seq, attempt }) => [seq, attempt])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
  expect(rows[0]).toMatchObject({ alertId: 'x', receiver: 'a', detail: 'HTTP 500' });
});

it('records interrupted attempts and retries them with backoff after a restart', async () => {
  deliver = () => new Promise(() => {});
  await startNotifier();
  await notify(makeKnownAlert({ id: 'x' }));
  await runTimersUntil(() => sent.length === 1);
  for (const start of [1, 2]) {
    await stopNotifier();
    // The longest backoff: 1 s after the first attempt, 2 s after the second.
    await startNotifier({ random: () => 1 });
    const startMs = Date.now();
    expect(getStatuses()).toEqual(Array(start).fill('retrying interrupted'));
    await runTimersUntil(() => sent.length === start + 1);
    expect(Date.now() - startMs).toBe(start === 1 ? 0 : 2000);
  }
  await stopNotifier();
  deliver = async () => ({ status: 'delivered' });
  await startNotifier();
  await runTimersUntil(() => getStatuses().at(-1) === 'delivered delivered');
  expect(rows.map(({ seq, attempt, recipient }) => [seq, attempt, recipient])).toEqual([
    ...[1, 2, 3].map((n) => [n, n, 'https://a.example/']),
    [4, 4, 'https://a.example/'],
  ]);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
});

it('waits as long as Retry-After specifies, even after a restart', async () => {
  deliver = async () => ({ status: 'retryable', reason: 'HTTP 429', retryAfterMs: 240_000 });
  await startNotifier();
  await notify(makeKnownAlert({ id: 'x' }));
  await runTimersUntil(() => getStatuses().length === 1);
  await stopNotifier();
  deliver = async () => ({ status: 'delivered' });
  now += 238_500;
  const startMs = Date.now();
  await startNotifier();
  await runTimersUntil(() => rows.length === 2);
  expect(Date.now() - startMs).toBe(1500);
  expect(getStatuses()).toEqual(['retrying retryable', 'delivered delivered']);
});

it('stops after a permanent failure or after the deadline', async () => {
  deliver = async () => ({ status: 'permanent', reason: 'HTTP 400' });
  await startNotifier();
  await notify(makeKnownAlert({ id: 'x' }));
  await runTimersUntil(() => rows.length === 1);
  expect(getStatuses()).toEqual(['failed permanent']);
  deliver = async () => {
    now += 11 * MINUTE_MS;
    return { status: 'retryable', reason: 'HTTP 500' };
  };
  await notify(makeKnownAlert({ id: 'y' }));
  await runTimersUntil(() => rows.length === 2);
  expect(getStatuses()[1]).toBe('failed deadline');
});

it('pauses a broken channel, and never sends the resolution of an alert that was not sent', async () => {
  deliver = async () => ({ status: 'retryable', reason: 'refused' });
  await startNotifier({ circuitBreakMs: 60_000 });
  const first = Array.from({ length: 6 }, (_, i) => makeKnownAlert({ id: `x${i}` }));
  for (const [i, alert] of first.entries()) notifier.notify({ key: `g${i}`, alerts: [alert] });
  await runTimersUntil(() => getStatuses().includes('retrying circuit_open'));
  const attempts = sent.length;
  const late = makeKnownAlert({ id: 'late' });
  notifier.notify({ key: 'late', alerts: [late] });
  await runTimersUntil(() =>
    rows.some(({ alertId, reason }) => alertId === 'late' && reason === 'circuit_open'),
  );
  expect(sent.length).toBe(attempts);
  notifier.notify({ key: 'late', alerts: [{ ...late, state: 'resolved' }] });
  now += 61 * MINUTE_MS;
  await runTimersUntil(() => rows.filter(({ alertId }) => alertId === 'late').length >= 3);
  const lateRows = rows.filter(({ alertId }) => alertId === 'late');
  expect(lateRows.map(({ reason }) => reason)).toEqual(['circuit_open', 'deadline', 'never_told']);
});

it('delays messages over the rate limit and delivers all of them', async () => {
  await startNotifier();
  const labels = { team: 'b' };
  for (let i = 0; i < 4; i++) {
    notifier.notify({ key: `g${i}`, alerts: [makeKnownAlert({ id: `b${i}`, labels })] });
  }
  await runTimersUntil(
    () => getStatuses().filter((status) => status === 'retrying rate_limited').length === 2,
  );
  expect(sent).toHaveLength(2);
  now += MINUTE_MS;
  await stopNotifier();
  await startNotifier();
  await runTimersUntil(() => sent.length === 4);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(4);
});

it('isolates a hanging channel and ends its attempts after the timeout', async () => {
  writeFileSync(
    join(folder, 'notify.yaml'),
    FILE.replace('receivers: [a]\n  routes', 'receivers: [a, n]\n  routes'),
  );
  deliver = (message) =>
    message.receiver === 'a' ? new Promise(() => {}) : Promise.resolve({ status: 'delivered' });
  await startNotifier({ attemptTimeoutMs: 50 });
  for (let i = 0; i < 20; i++)
    notifier.notify({ key: `g${i}`, alerts: [makeKnownAlert({ id: `h${i}` })] });
  await runTimersUntil(
    () =>
      rows.filter(({ receiver, status }) => receiver === 'n' && status === 'delivered').length ===
      20,
  );
  expect(rows.some(({ receiver, status }) => receiver === 'a' && status === 'delivered')).toBe(
    false,
  );
  await runTimersUntil(() =>
    rows.some(({ receiver, detail }) => receiver === 'a' && /no response/.test(detail ?? '')),
  );
});

it('records muted alerts and sends them when the mute time ends', async () => {
  now = Date.UTC(2030, 0, 15, 23);
  await startNotifier();
  const alert = makeKnownAlert({ id: 'n1', labels: { team: 'night' } });
  await notify(alert);
  expect(rows).toMatchObject([
    { status: 'suppressed', reason: 'muted', detail: 'interval: night' },
  ]);
  now = Date.UTC(2030, 0, 16, 6, 1);
  await notifier.tick();
  await runTimersUntil(() => sent.length === 1);
  expect(sent[0]?.receiver).toBe('n');
});

it('collects alerts for a digest and sends the digest once, at the scheduled time', async () => {
  await startNotifier();
  const low = (id: string, fields: Partial<Alert> = {}) =>
    makeKnownAlert({ id, labels: { team: 'low' }, ...fields });
  await notify(low('l1'), low('l2'));
  await notify(low('l1'), low('l2'), low('l3'));
  await notify(low('l2', { state: 'resolved' }));
  now = Date.UTC(2030, 0, 15, 13, 59);
  await notifier.tick();
  expect(sent).toEqual([]);
  expect(new Set(getStatuses())).toEqual(new Set(['suppressed digest']));
  now += MINUTE_MS;
  await notifier.tick();
  await runTimersUntil(() => sent.length === 1);
  expect(sent[0]).toMatchObject({ kind: 'digest', receiver: 'd', status: 'firing' });
  expect(sent[0]?.alerts.map(({ id, state }) => `${id} ${state}`).sort()).toEqual([
    ...['l1 firing', 'l2 resolved', 'l3 firing'],
  ]);
  await notify(low('l1', { state: 'resolved' }));
  now += 24 * 60 * MINUTE_MS;
  await notifier.tick();
  await runTimersUntil(() => sent.length === 2);
  expect(sent[1]?.alerts.map(({ id }) => id)).toEqual(['l1']);
});

it('does not repeat messages after a restart, and sends missed resolutions', async () => {
  await startNotifier();
  const alert = makeKnownAlert({ id: 'r1' });
  await notify(alert);
  await runTimersUntil(() => sent.length === 1 && rows.length === 1);
  await stopNotifier();
  await startNotifier();
  // After a restart, the evaluator reports active alerts again.
  await notify(alert);
  await notifier.tick();
  expect(sent).toHaveLength(1);
  await stopNotifier();
  activeAlerts.clear();
  storedAlerts.set('r1', { ...alert, state: 'resolved', changedMs: NOW + MINUTE_MS });
  await startNotifier();
  await notifier.tick();
  await runTimersUntil(() => sent.length === 2);
  expect(sent[1]).toMatchObject({ status: 'resolved', groupKey: sent[0]?.groupKey, receiver: 'a' });
  await runTimersUntil(() => rows.length === 2);
  now += 10 * MINUTE_MS;
  await notifier.tick();
  expect(sent).toHaveLength(2);
});

it('records a suppression reason only when it changes', async () => {
  await startNotifier();
  const alert = makeKnownAlert({ id: 'q' });
  const reasons = [
    'group_wait',
    'group_wait',
    'silenced',
    'silenced',
    'duplicate',
    'silenced',
  ] as const;
  for (const reason of reasons) {
    const suppression = { reason, by: 's', detail: reason, untilMs: undefined };
    notifier.onEvaluated([{ alert, suppressions: [suppression] }]);
  }
  expect(rows.map(({ reason }) => reason)).toEqual(['group_wait', 'silenced', 'silenced']);
});

it('keeps the last valid file while the new one is invalid', async () => {
  const errors: string[] = [];
  await startNotifier({
    log: { info: () => {}, warn: () => {}, error: (message) => void errors.push(message) },
  });
  writeFileSync(join(folder, 'notify.yaml'), 'route: { receivers: [nobody] }');
  await notifier.tick();
  expect(errors.join()).toMatch(/notify.yaml:1:22: unknown name `nobody`/);
  expect(notifier.file.problems).toHaveLength(1);
  await notify(makeKnownAlert({ id: 'k' }));
  await runTimersUntil(() => sent.length === 1);
  expect(sent[0]?.receiver).toBe('a');
});

it('starts the time of an escalation at the first attempt, even if the channel fails', async () => {
  const levels = '[{ after: 5m, receivers: [n] }]';
  writeFileSync(
    join(folder, 'notify.yaml'),
    FILE.replace(
      'route:\n  receivers: [a]',
      `escalations:\n  - { name: e, levels: ${levels} }\nroute:\n  receivers: [a]\n  escalation: e`,
    ),
  );
  deliver = async () => ({ status: 'retryable', reason: 'HTTP 500', retryAfterMs: 3_600_000 });
  await startNotifier();
  await notify(makeKnownAlert({ id: 'x' }));
  // The first attempt hasn't started yet.
  await notifier.tick();
  await runTimersUntil(() => sent.length === 1);
  now += MINUTE_MS;
  await notifier.tick();
  now += 5 * MINUTE_MS - 1000;
  await notifier.tick();
  await notifier.waitUntilJournaled();
  expect(sent.map(({ kind }) => kind)).toEqual(['route']);
  now += 1000;
  await notifier.tick();
  await runTimersUntil(() => sent.length === 2);
  expect(sent[1]).toMatchObject({ kind: 'escalation', receiver: 'n', level: 1 });
});

it('lists an alert as resolved in a digest if it ended while the server was stopped', async () => {
  await startNotifier();
  const alert = makeKnownAlert({ labels: { team: 'low' } });
  await notify(alert);
  await stopNotifier();
  activeAlerts.delete(alert.id);
  storedAlerts.set(alert.id, { ...alert, state: 'resolved' });
  now += 5 * MINUTE_MS;
  await startNotifier();
  await notifier.tick();
  now += 2 * 60 * MINUTE_MS;
  await notifier.tick();
  await runTimersUntil(() => sent.length === 1);
  expect(sent[0]?.alerts.map(({ id, state }) => [id, state])).toEqual([[alert.id, 'resolved']]);
});
