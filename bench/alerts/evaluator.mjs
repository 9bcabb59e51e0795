// An evaluator in a process of its own, as the compiled product runs it: node evaluator.mjs RULES_FILE.
// A line on stdin asks how it goes.
import { createInterface } from 'node:readline';
import { preferSmallHeap } from '../../dist/server/startup/small-heap.js';

// As `serve` does, before anything else is loaded.
preferSmallHeap();
const { AlertEvaluator } = await import('../../dist/server/alerts/alert-evaluator.js');
const { readStartupConfig, findQuestdbTargets } = await import(
  '../../dist/core/config/startup-config.js'
);
const { QuestdbQueryClient } = await import('../../dist/storage/questdb/query-client.js');

const started = readStartupConfig('bench');
const queryClient = new QuestdbQueryClient(findQuestdbTargets(started).read);
let transitions = 0;
const quiet = { info: () => {}, warn: console.error, error: console.error };
const evaluator = new AlertEvaluator({
  queryClient,
  settings: started.settings,
  rulesFile: process.argv[2],
  log: quiet,
  add: () => {
    transitions += 1;
  },
  flush: async () => {},
  pipelineStats: () => ({ service: 'bench', instance: 'bench', spoolBytes: 0, droppedRows: 0 }),
  healthIntervalMs: 60_000,
});
evaluator.start();
createInterface({ input: process.stdin }).on('line', () => {
  const own = evaluator.ruleHealth.all.filter(({ rule }) => rule.startsWith('bench-'));
  const status = {
    transitions,
    late: evaluator.lateEvaluationCount,
    rules: own.length,
    groups: own.reduce((sum, { groups }) => sum + groups, 0),
    failures: evaluator.ruleHealth.failureCount,
    evaluations: evaluator.ruleHealth.evaluationCount,
    meanMs: own.reduce((sum, { durationMs }) => sum + durationMs, 0) / Math.max(1, own.length),
    oldestMs: Date.now() - Math.min(...own.map(({ evaluatedMs }) => evaluatedMs)),
    cpuMs: process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000,
  };
  process.stdout.write(`${JSON.stringify(status)}\n`);
});
