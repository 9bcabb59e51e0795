// Runs a notifier that delivers one message and is killed at the given stage.
// Usage: node notifier-process.ts FOLDER [STAGE]
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Alert } from '../../src/core/alerts/alert.ts';
import { createChannel } from '../../src/server/notifications/channels/create-channel.ts';
import { createSampleAlert } from '../../src/server/notifications/message/sample-message.ts';
import { Notifier } from '../../src/server/notifications/notifier.ts';
import { createKillAtStage } from '../../test/support/kill-at-stage.ts';

const [folder = '', stage = ''] = process.argv.slice(2);
const now = Date.now();
const alert: Alert = {
  ...createSampleAlert(
    { alertname: 'error-rate', severity: 'critical', organization: 'anna' },
    now,
  ),
  id: 'alert-1',
};

const killAtStage = createKillAtStage(stage);
let idleTimer: NodeJS.Timeout | undefined;
const notifier = new Notifier({
  // Replaces the spool: writes the rows to a file.
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
// After a start, the evaluator sends ongoing alerts again.
notifier.notify({ key: '{"alertname":"error-rate"}', alerts: [alert] });
killAtStage('deciding');
await notifier.waitUntilJournaled();
killAtStage('decided');
// Stops if the first process already finished all work.
idleTimer ??= setTimeout(() => void notifier.stop().then(() => process.exit(0)), 3000);
