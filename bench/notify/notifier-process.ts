// A notifier in a process of its own, which is killed at a stage of the delivery of one message:
// node child.ts FOLDER [STAGE]
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Alert } from '../../src/core/alerts/alert.ts';
import { createChannel } from '../../src/server/notifications/channels/create-channel.ts';
import { Notifier } from '../../src/server/notifications/notifier.ts';

const [folder = '', stage = ''] = process.argv.slice(2);
const now = Date.now();
const alert: Alert = {
  id: 'alert-1',
  rule: 'error-rate',
  state: 'firing',
  severity: 'critical',
  labels: { organization: 'anna' },
  annotations: { summary: 'errors' },
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

/** SIGKILL: nothing of the process runs after it. */
function killAtStage(here: string): void {
  if (stage === here) process.kill(process.pid, 'SIGKILL');
}

let idleTimer: NodeJS.Timeout | undefined;
const notifier = new Notifier({
  // What the spool would keep.
  add: (_table, rows) => {
    killAtStage('recording');
    for (const row of rows) appendFileSync(join(folder, 'rows'), `${JSON.stringify(row)}\n`);
    if (!rows.some((row) => 'status' in row && row.status === 'delivered')) return;
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => void notifier.stop().then(() => process.exit(0)), 300);
  },
  flush: async () => {},
  log: { info: () => {}, warn: console.error, error: console.error },
  dataDir: folder,
  file: join(folder, 'notify.yaml'),
  timeZone: 'UTC',
  alerts: {
    isRestored: true,
    find: () => alert,
    getSuppressions: () => [],
    findStored: async () => alert,
  },
  repeatMs: () => 3_600_000,
  createChannel: (config, options) => {
    const channel = createChannel(config, options);
    return {
      kind: channel.kind,
      recipient: channel.recipient,
      deliver: async (message, signal) => {
        killAtStage('trying');
        const outcome = await channel.deliver(message, signal);
        killAtStage('answered');
        return outcome;
      },
    };
  },
});
await notifier.start();
// The evaluator tells of what goes on again after a start.
notifier.notify({ key: '{"alertname":"error-rate"}', alerts: [alert] });
killAtStage('deciding');
await notifier.waitUntilJournaled();
killAtStage('decided');
// Nothing is left to do where all was done before the start.
idleTimer ??= setTimeout(() => void notifier.stop().then(() => process.exit(0)), 3000);
