// Creates a burst of firing and resolved alerts, and groups and sends them with the compiled notifier.
// Usage: node storm.mjs FOLDER ALERTS SECONDS. Prints one JSON object when all messages are delivered.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NotificationGate } from '../../dist/server/alerts/suppression/notification-gate.js';
import { createChannel } from '../../dist/server/notifications/channels/create-channel.js';
import { Notifier } from '../../dist/server/notifications/notifier.js';
import { preferSmallHeap } from '../../dist/server/startup/small-heap.js';

preferSmallHeap();

const [folder = '', alertsText = '0', secondsText = '0'] = process.argv.slice(2);
const [alerts, seconds] = [Number(alertsText), Number(secondsText)];
const ALERTS_PER_GROUP = 20;
/** Interval at which the evaluator passes all alerts to the gate. */
const TICK_MS = 1000;
/** Maximum time that an alert fires. */
const MAX_FIRING_MS = 20_000;
const CONFIG = {
  intervalMs: 1000,
  rules: [],
  inhibit: [],
  maintenance: [],
  notifications: {
    groupBy: ['alertname', 'service'],
    waitMs: 1000,
    intervalMs: 2000,
    repeatMs: 3_600_000,
  },
  flapping: { transitions: 1e6, windowMs: 1_800_000 },
};

const live = new Map();
const gate = new NotificationGate();
const counts = { rows: 0, delivered: 0, tellings: 0, transitions: 0, mostLive: 0 };
const notifier = new Notifier({
  add: (_table, rows) => {
    counts.rows += rows.length;
    counts.delivered += rows.filter(
      ({ status, receiver }) => status === 'delivered' && receiver === 'good',
    ).length;
  },
  flush: async () => {},
  log: { info: () => {}, warn: console.error, error: console.error },
  dataDir: folder,
  file: join(folder, 'notify.yaml'),
  timeZone: 'UTC',
  alerts: {
    isRestored: true,
    find: (id) => live.get(id),
    getSuppressions: (id) => gate.getSuppressions(id),
    findStored: async () => undefined,
  },
  repeatMs: () => CONFIG.notifications.repeatMs,
  createChannel,
  attemptTimeoutMs: 5000,
});
await notifier.start();

function createAlert(i, state, now) {
  const group = Math.floor(i / ALERTS_PER_GROUP);
  const labels = { organization: `o${group % 10}`, service: `s${group}`, endpoint: `/e${i}` };
  return {
    id: `alert-${i}`,
    rule: 'error-rate',
    state,
    severity: 'high',
    labels,
    annotations: { summary: `errors of /e${i}`, sentMs: String(now) },
    value: 12,
    threshold: 10,
    startedMs: now,
    firedMs: now,
    changedMs: now,
  };
}

function changeState(i, isResolved) {
  const now = Date.now();
  const alert = createAlert(i, isResolved ? 'resolved' : 'firing', now);
  if (isResolved) live.delete(alert.id);
  else live.set(alert.id, alert);
  const transition = { state: alert.state, id: alert.id, timestamp: now, firedAt: now };
  gate.recordTransition(transition, alert, CONFIG);
  counts.transitions += 1;
}

const startMs = Date.now();
const total = 2 * alerts;
const firingMs = Math.min(MAX_FIRING_MS, 500 * seconds);
/** Returns how many alerts must have started after `ms`. The last alert resolves in the last second. */
const countDue = (ms) => Math.min(alerts, Math.floor((alerts * ms) / (1000 * seconds - firingMs)));
let started = 0;
let resolved = 0;
for (;;) {
  const elapsedMs = Date.now() - startMs;
  for (; started < countDue(elapsedMs); started++) changeState(started, false);
  for (; resolved < Math.min(started, countDue(elapsedMs - firingMs)); resolved++)
    changeState(resolved, true);
  counts.mostLive = Math.max(counts.mostLive, live.size);
  for (const notification of gate.evaluate([...live.values()], CONFIG, [], Date.now())) {
    counts.tellings += 1;
    notifier.notify(notification);
  }
  notifier.onEvaluated(gate.listEvaluated());
  if (counts.transitions === total && [...gate.listEvaluated()].length === 0) break;
  await delay(TICK_MS);
}
await notifier.waitUntilJournaled();
const deadlineMs = Date.now() + 60_000;
while (counts.delivered < counts.tellings && Date.now() < deadlineMs) await delay(100);
process.stdout.write(`${JSON.stringify({ ...counts, seconds: (Date.now() - startMs) / 1000 })}\n`);
await notifier.stop();
process.exit(0);
