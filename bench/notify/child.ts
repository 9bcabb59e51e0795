// A notifier in a process of its own, which is killed at a stage of the delivery of one message:
// node child.ts FOLDER [STAGE]
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownAlert } from '../../src/notify/alert.ts';
import { Notifier } from '../../src/notify/notifier.ts';
import { openEntry } from '../../src/notify/open-entry.ts';

const [folder = '', stage = ''] = process.argv.slice(2);
const now = Date.now();
const alert: KnownAlert = {
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
function dieAt(here: string): void {
  if (stage === here) process.kill(process.pid, 'SIGKILL');
}

let idle: NodeJS.Timeout | undefined;
const notifier = new Notifier({
  // What the spool would keep.
  add: (_table, rows) => {
    dieAt('recording');
    for (const row of rows) appendFileSync(join(folder, 'rows'), `${JSON.stringify(row)}\n`);
    if (!rows.some((row) => 'status' in row && row.status === 'delivered')) return;
    clearTimeout(idle);
    idle = setTimeout(() => void notifier.stop().then(() => process.exit(0)), 300);
  },
  flush: async () => {},
  log: { info: () => {}, warn: console.error, error: console.error },
  dataDir: folder,
  file: join(folder, 'notify.yaml'),
  timeZone: 'UTC',
  alerts: {
    isRestored: true,
    find: () => alert,
    heldOf: () => [],
    stored: async () => alert,
  },
  repeatMs: () => 3_600_000,
  open: (entry, to) => {
    const channel = openEntry(entry, to);
    return {
      kind: channel.kind,
      recipient: channel.recipient,
      deliver: async (message, signal) => {
        dieAt('trying');
        const outcome = await channel.deliver(message, signal);
        dieAt('answered');
        return outcome;
      },
    };
  },
});
await notifier.start();
// The evaluator tells of what goes on again after a start.
notifier.tell({ key: '{"alertname":"error-rate"}', alerts: [alert] });
dieAt('deciding');
await notifier.settled();
dieAt('decided');
// Nothing is left to do where all was done before the start.
idle ??= setTimeout(() => void notifier.stop().then(() => process.exit(0)), 3000);
