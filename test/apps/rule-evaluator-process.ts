// Evaluates business rules once. With STAGE, the process kills itself at that stage of a decision.
// Usage: node rule-evaluator-process.ts FOLDER NOW [STAGE], with QuestDB set in the environment.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseSettings } from '../../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../../src/core/config/questdb-targets.ts';
import type { AddRows } from '../../src/core/schema/table-registry.ts';
import type { RuleDecisionRow } from '../../src/core/schema/tables/rule-decisions-table.ts';
import { BusinessRuleScheduler } from '../../src/server/actions/business-rules/business-rule-scheduler.ts';
import { postDecision, validateWebhookUrl } from '../../src/server/startup/create-actions.ts';
import { QuestdbQueryClient } from '../../src/storage/questdb/query-client.ts';
import { DroppedRowCounter } from '../../src/storage/spool/dropped-rows.ts';
import { RowWriter } from '../../src/storage/write/row-writer.ts';
import { createKillAtStage } from '../support/kill-at-stage.ts';

const [folder = '', nowText = '', stage = ''] = process.argv.slice(2);
const now = Number(nowText);
const { read, write } = getExternalQuestdbTargets(parseSettings(process.env).settings)!;

const killAtStage = createKillAtStage(stage);

const log = { info: () => {}, warn: console.error, error: console.error };
const writer = new RowWriter({
  isServer: true,
  spoolDir: join(folder, 'spool'),
  spoolMaxBytes: 1e9,
  retentionDays: 30,
  log,
  bufferSize: 1e6,
  flushIntervalMs: 3_600_000,
  dropped: new DroppedRowCounter(),
  // Without a target, rows stay in the spool.
  target: () => (stage === 'spooled' ? undefined : write),
  ensureTables: async () => {},
});
let hasDecided = false;
const add: AddRows = (table, rows) => {
  const isOutcome = rows.some((row) => (row as RuleDecisionRow).author?.startsWith('webhook:'));
  killAtStage(isOutcome ? 'recording' : 'deciding');
  hasDecided ||= !isOutcome;
  writer.add(table, rows);
};
const queryClient = new QuestdbQueryClient(read);
const evaluator = new BusinessRuleScheduler({
  queryClient,
  add,
  log,
  path: join(folder, 'rules.yaml'),
  now: () => now,
  validateWebhookUrl,
  flush: async () => {
    if (hasDecided) killAtStage('decided');
    const flushed = writer.flush(10_000);
    while (stage === 'spooled' && hasDecided) {
      await delay(5);
      if (writer.spoolBytes > 0) killAtStage('spooled');
    }
    await flushed;
  },
  post: async (...args) => {
    killAtStage('stored');
    const outcome = await postDecision(...args);
    killAtStage('answered');
    return outcome;
  },
});
await evaluator.runOnce(now);
await evaluator.stop();
await writer.close(10_000);
await queryClient.close();
