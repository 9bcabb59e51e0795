// A decider in a process of its own, which is killed at a stage of one decision:
// node decider.ts FOLDER NOW [STAGE]; QuestDB is named by the environment.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Decider } from '../../src/actions/rules/run/decider.ts';
import { externalQuestdb } from '../../src/config/external.ts';
import { parseSettings } from '../../src/config/settings.ts';
import { postDecision, refusalOfWebhook } from '../../src/open-actions.ts';
import { QuestdbStore } from '../../src/questdb/store.ts';
import type { DecisionRow } from '../../src/schema/rule-decisions.ts';
import type { Add } from '../../src/schema/tables.ts';
import { DroppedRows } from '../../src/write/dropped.ts';
import { Writer } from '../../src/write/writer.ts';

const [folder = '', nowText = '', stage = ''] = process.argv.slice(2);
const now = Number(nowText);
const { read, write } = externalQuestdb(parseSettings(process.env).settings)!;

/** SIGKILL: nothing of the process runs after it. */
function dieAt(here: string): void {
  if (stage === here) process.kill(process.pid, 'SIGKILL');
}

const log = { info: () => {}, warn: console.error, error: console.error };
const writer = new Writer({
  spoolDir: join(folder, 'spool'),
  spoolMaxBytes: 1e9,
  retentionDays: 30,
  log,
  bufferSize: 1e6,
  flushIntervalMs: 3_600_000,
  dropped: new DroppedRows(),
  // Then the row gets as far as the spool.
  target: () => (stage === 'spooled' ? undefined : write),
  prepare: async () => {},
});
let decided = false;
const add: Add = (table, rows) => {
  const isOutcome = rows.some((row) => (row as DecisionRow).author?.startsWith('webhook:'));
  dieAt(isOutcome ? 'recording' : 'deciding');
  decided ||= !isOutcome;
  writer.add(table, rows);
};
const store = new QuestdbStore(read);
const decider = new Decider({
  store,
  add,
  log,
  path: join(folder, 'rules.yaml'),
  now: () => now,
  refusal: refusalOfWebhook,
  flush: async () => {
    if (decided) dieAt('decided');
    const flushed = writer.flush(10_000);
    while (stage === 'spooled' && decided) {
      await delay(5);
      if (writer.spoolBytes > 0) dieAt('spooled');
    }
    await flushed;
  },
  post: async (...args) => {
    dieAt('stored');
    const outcome = await postDecision(...args);
    dieAt('answered');
    return outcome;
  },
});
await decider.runOnce(now);
await decider.stop();
await writer.close(10_000);
await store.close();
