// Alerts that fire and end, grouped and told as the compiled product does it:
// node storm.mjs FOLDER ALERTS SECONDS. Prints one JSON object when all is delivered.
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
/** As often as an evaluator looks at all alerts. */
const TURN_MS = 1000;
/** For so long each alert fires. */
const FIRES_MS = 20_000;
const SET = {
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
  repeatMs: () => SET.notifications.repeatMs,
  createChannel,
  attemptTimeoutMs: 5000,
});
await notifier.start();

function alertOf(i, state, now) {
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

function change(i, ends) {
  const now = Date.now();
  const alert = alertOf(i, ends ? 'resolved' : 'firing', now);
  if (ends) live.delete(alert.id);
  else live.set(alert.id, alert);
  const transition = { state: alert.state, id: alert.id, timestamp: now, firedAt: now };
  gate.recordTransition(transition, alert, SET);
  counts.transitions += 1;
}

const beginMs = Date.now();
const total = 2 * alerts;
const lifeMs = Math.min(FIRES_MS, 500 * seconds);
/** How many alerts have begun when so much time has passed; the last ends with the last second. */
const dueAt = (ms) => Math.min(alerts, Math.floor((alerts * ms) / (1000 * seconds - lifeMs)));
let begun = 0;
let ended = 0;
for (;;) {
  const passedMs = Date.now() - beginMs;
  for (; begun < dueAt(passedMs); begun++) change(begun, false);
  for (; ended < Math.min(begun, dueAt(passedMs - lifeMs)); ended++) change(ended, true);
  counts.mostLive = Math.max(counts.mostLive, live.size);
  for (const telling of gate.evaluate([...live.values()], SET, [], Date.now())) {
    counts.tellings += 1;
    notifier.notify(telling);
  }
  notifier.onEvaluated(gate.listEvaluated());
  if (counts.transitions === total && [...gate.listEvaluated()].length === 0) break;
  await delay(TURN_MS);
}
await notifier.waitUntilJournaled();
const [deadlineMs, wanted] = [Date.now() + 60_000, counts.tellings];
while (counts.delivered < wanted && Date.now() < deadlineMs) await delay(100);
process.stdout.write(`${JSON.stringify({ ...counts, seconds: (Date.now() - beginMs) / 1000 })}\n`);
await notifier.stop();
process.exit(0);
