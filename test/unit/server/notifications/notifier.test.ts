import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import type { NotificationRow } from '../../../../src/core/schema/tables/notifications-table.ts';
import type {
  DeliveryOutcome,
  Message,
} from '../../../../src/server/notifications/channels/channel.ts';
import { Notifier, type NotifierOptions } from '../../../../src/server/notifications/notifier.ts';
import { makeKnownAlert, NOW } from '../../../support/notifier-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

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
let answer: (message: Message, signal: AbortSignal) => Promise<DeliveryOutcome>;
const live = new Map<string, Alert>();
const stored = new Map<string, Alert>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-notifier-'));
  writeFileSync(join(folder, 'notify.yaml'), FILE);
  [now, rows, sent] = [NOW, [], []];
  answer = async () => ({ status: 'delivered' });
  live.clear();
  stored.clear();
});
afterEach(async () => {
  await notifier.stop();
  rmSync(folder, { recursive: true });
});

async function begin(more: Partial<NotifierOptions> = {}): Promise<void> {
  // An attempt that hangs may end in the next test.
  const own = rows;
  notifier = new Notifier({
    add: (_table, added) => void own.push(...(added as NotificationRow[])),
    flush: async () => {},
    log: { info: () => {}, warn: () => {}, error: (message) => expect.unreachable(message) },
    dataDir: folder,
    file: join(folder, 'notify.yaml'),
    timeZone: 'UTC',
    alerts: {
      isRestored: true,
      find: (id) => live.get(id),
      getSuppressions: () => [],
      findStored: async (id) => stored.get(id),
    },
    repeatMs: () => 4 * 3_600_000,
    createChannel: (entry) => ({
      kind: entry.kind,
      recipient: 'url' in entry ? String(entry.url) : '',
      deliver: (message, signal) => {
        sent.push(message);
        return answer(message, signal);
      },
    }),
    now: () => now,
    random: () => 0,
    ...more,
  });
  await notifier.start();
}

function tell(...alerts: Alert[]): Promise<void> {
  for (const alert of alerts) {
    if (alert.state === 'resolved') live.delete(alert.id);
    else live.set(alert.id, alert);
    stored.set(alert.id, alert);
  }
  notifier.notify({ key: '{"alertname":"error-rate"}', alerts });
  return notifier.waitUntilJournaled();
}

const statuses = () => rows.map(({ status, reason }) => `${status} ${reason}`);
const seen = (condition: () => boolean) => waitFor(async () => condition());

it('tries again until it is delivered, and says so', async () => {
  let failures = 3;
  answer = async () =>
    failures-- > 0 ? { status: 'retryable', reason: 'answered 500' } : { status: 'delivered' };
  await begin();
  await tell(makeKnownAlert({ id: 'x' }));
  await seen(() => rows.length === 4);
  expect(statuses()).toEqual([...Array(3).fill('retrying retryable'), 'delivered delivered']);
  expect(rows.map(({ seq, attempt }) => [seq, attempt])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
  expect(rows[0]).toMatchObject({ alertId: 'x', receiver: 'a', detail: 'answered 500' });
});

it('says of an attempt in which the process ended that it may have arrived, and repeats it later', async () => {
  answer = () => new Promise(() => {});
  await begin();
  await tell(makeKnownAlert({ id: 'x' }));
  await seen(() => sent.length === 1);
  for (const start of [1, 2]) {
    await notifier.stop();
    // The longest wait: 1 s after the first attempt, 2 s after the second.
    await begin({ random: () => 1 });
    const began = performance.now();
    expect(statuses()).toEqual(Array(start).fill('retrying interrupted'));
    await seen(() => sent.length === start + 1);
    expect(performance.now() - began).toBeGreaterThan(start === 1 ? 0 : 900);
  }
  await notifier.stop();
  answer = async () => ({ status: 'delivered' });
  await begin();
  await seen(() => statuses().at(-1) === 'delivered delivered');
  expect(rows.map(({ seq, attempt, recipient }) => [seq, attempt, recipient])).toEqual([
    ...[1, 2, 3].map((n) => [n, n, 'https://a.example/']),
    [4, 4, 'https://a.example/'],
  ]);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
}, 30_000);

it('waits as it was asked to, also after a restart', async () => {
  answer = async () => ({ status: 'retryable', reason: 'answered 429', retryAfterMs: 240_000 });
  await begin();
  await tell(makeKnownAlert({ id: 'x' }));
  await seen(() => statuses().length === 1);
  await notifier.stop();
  answer = async () => ({ status: 'delivered' });
  now += 238_500;
  const began = performance.now();
  await begin();
  await seen(() => rows.length === 2);
  expect(performance.now() - began).toBeGreaterThan(1400);
  expect(statuses()).toEqual(['retrying retryable', 'delivered delivered']);
});

it('gives up at once what is refused for good, and after the deadline what is not', async () => {
  answer = async () => ({ status: 'permanent', reason: 'answered 400' });
  await begin();
  await tell(makeKnownAlert({ id: 'x' }));
  await seen(() => rows.length === 1);
  expect(statuses()).toEqual(['failed permanent']);
  answer = async () => {
    now += 11 * MINUTE_MS;
    return { status: 'retryable', reason: 'answered 500' };
  };
  await tell(makeKnownAlert({ id: 'y' }));
  await seen(() => rows.length === 2);
  expect(statuses()[1]).toBe('failed deadline');
});

it('leaves a broken channel alone, and tells of no end that nobody heard the beginning of', async () => {
  answer = async () => ({ status: 'retryable', reason: 'refused' });
  await begin({ circuitBreakMs: 60_000 });
  const first = Array.from({ length: 6 }, (_, i) => makeKnownAlert({ id: `x${i}` }));
  for (const [i, alert] of first.entries()) notifier.notify({ key: `g${i}`, alerts: [alert] });
  await seen(() => statuses().includes('retrying circuit_open'));
  const attempts = sent.length;
  const late = makeKnownAlert({ id: 'late' });
  notifier.notify({ key: 'late', alerts: [late] });
  await seen(() =>
    rows.some(({ alertId, reason }) => alertId === 'late' && reason === 'circuit_open'),
  );
  expect(sent.length).toBe(attempts);
  notifier.notify({ key: 'late', alerts: [{ ...late, state: 'resolved' }] });
  now += 61 * MINUTE_MS;
  await seen(() => rows.filter(({ alertId }) => alertId === 'late').length >= 3);
  const own = rows.filter(({ alertId }) => alertId === 'late');
  expect(own.map(({ reason }) => reason)).toEqual(['circuit_open', 'deadline', 'never_told']);
});

it('holds what is beyond the limit of a receiver, and loses none of it', async () => {
  await begin();
  const labels = { team: 'b' };
  for (let i = 0; i < 4; i++) {
    notifier.notify({ key: `g${i}`, alerts: [makeKnownAlert({ id: `b${i}`, labels })] });
  }
  await seen(() => statuses().filter((status) => status === 'retrying rate_limited').length === 2);
  expect(sent).toHaveLength(2);
  now += MINUTE_MS;
  await notifier.stop();
  await begin();
  await seen(() => sent.length === 4);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(4);
});

it('does not let a channel that hangs delay another, nor hang for ever itself', async () => {
  writeFileSync(
    join(folder, 'notify.yaml'),
    FILE.replace('receivers: [a]\n  routes', 'receivers: [a, n]\n  routes'),
  );
  answer = (message) =>
    message.receiver === 'a' ? new Promise(() => {}) : Promise.resolve({ status: 'delivered' });
  await begin({ attemptTimeoutMs: 50 });
  for (let i = 0; i < 20; i++)
    notifier.notify({ key: `g${i}`, alerts: [makeKnownAlert({ id: `h${i}` })] });
  await seen(
    () =>
      rows.filter(({ receiver, status }) => receiver === 'n' && status === 'delivered').length ===
      20,
  );
  expect(rows.some(({ receiver, status }) => receiver === 'a' && status === 'delivered')).toBe(
    false,
  );
  await seen(() =>
    rows.some(({ receiver, detail }) => receiver === 'a' && /no answer/.test(detail ?? '')),
  );
});

it('says why it is quiet by night, and tells in the morning', async () => {
  now = Date.UTC(2030, 0, 15, 23);
  await begin();
  const alert = makeKnownAlert({ id: 'n1', labels: { team: 'night' } });
  await tell(alert);
  expect(rows).toMatchObject([{ status: 'suppressed', reason: 'muted', detail: 'by night' }]);
  now = Date.UTC(2030, 0, 16, 6, 1);
  await notifier.tick();
  await seen(() => sent.length === 1);
  expect(sent[0]?.receiver).toBe('n');
});

it('collects what can wait, and sends it once at its time', async () => {
  await begin();
  const low = (id: string, more: Partial<Alert> = {}) =>
    makeKnownAlert({ id, labels: { team: 'low' }, ...more });
  await tell(low('l1'), low('l2'));
  await tell(low('l1'), low('l2'), low('l3'));
  await tell(low('l2', { state: 'resolved' }));
  now = Date.UTC(2030, 0, 15, 13, 59);
  await notifier.tick();
  expect(sent).toEqual([]);
  expect(new Set(statuses())).toEqual(new Set(['suppressed digest']));
  now += MINUTE_MS;
  await notifier.tick();
  await seen(() => sent.length === 1);
  expect(sent[0]).toMatchObject({ kind: 'digest', receiver: 'd', status: 'firing' });
  expect(sent[0]?.alerts.map(({ id, state }) => `${id} ${state}`).sort()).toEqual([
    ...['l1 firing', 'l2 resolved', 'l3 firing'],
  ]);
  await tell(low('l1', { state: 'resolved' }));
  now += 24 * 60 * MINUTE_MS;
  await notifier.tick();
  await seen(() => sent.length === 2);
  expect(sent[1]?.alerts.map(({ id }) => id)).toEqual(['l1']);
});

it('knows after a restart whom it has told, and tells them the end that it has missed', async () => {
  await begin();
  const alert = makeKnownAlert({ id: 'r1' });
  await tell(alert);
  await seen(() => sent.length === 1 && rows.length === 1);
  await notifier.stop();
  await begin();
  // The evaluator tells of what goes on again.
  await tell(alert);
  await notifier.tick();
  expect(sent).toHaveLength(1);
  await notifier.stop();
  live.clear();
  stored.set('r1', { ...alert, state: 'resolved', changedMs: NOW + MINUTE_MS });
  await begin();
  await notifier.tick();
  await seen(() => sent.length === 2);
  expect(sent[1]).toMatchObject({ status: 'resolved', groupKey: sent[0]?.groupKey, receiver: 'a' });
  await seen(() => rows.length === 2);
  now += 10 * MINUTE_MS;
  await notifier.tick();
  expect(sent).toHaveLength(2);
});

it('records a reason once, and again when it is another', async () => {
  await begin();
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

it('keeps the last good file while the new one is wrong', async () => {
  const said: string[] = [];
  await begin({
    log: { info: () => {}, warn: () => {}, error: (message) => void said.push(message) },
  });
  writeFileSync(join(folder, 'notify.yaml'), 'route: { receivers: [nobody] }');
  await notifier.tick();
  expect(said.join()).toMatch(/notify.yaml:1:22: unknown name `nobody`/);
  expect(notifier.file.problems).toHaveLength(1);
  await tell(makeKnownAlert({ id: 'k' }));
  await seen(() => sent.length === 1);
  expect(sent[0]?.receiver).toBe('a');
});
