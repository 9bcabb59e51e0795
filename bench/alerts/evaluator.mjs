// Runs the compiled alert evaluator in a separate process. Usage: node evaluator.mjs RULES_FILE
// For each line on stdin, it prints a status report as JSON.
import { createInterface } from 'node:readline';
import { preferSmallHeap } from '../../dist/server/startup/small-heap.js';

// Must run before other modules are loaded, as in `serve`.
preferSmallHeap();
const { AlertEvaluator } = await import('../../dist/server/alerts/alert-evaluator.js');
const { readStartupConfig, findQuestdbTargets } = await import(
  '../../dist/core/config/startup-config.js'
);
const { QuestdbQueryClient } = await import('../../dist/storage/questdb/query-client.js');

const config = readStartupConfig('bench');
const queryClient = new QuestdbQueryClient(findQuestdbTargets(config).read);
let transitions = 0;
const log = { info: () => {}, warn: console.error, error: console.error };
const evaluator = new AlertEvaluator({
  queryClient,
  settings: config.settings,
  rulesFile: process.argv[2],
  log,
  add: () => {
    transitions += 1;
  },
  flush: async () => {},
  pipelineStats: () => ({ service: 'bench', instance: 'bench', spoolBytes: 0, droppedRows: 0 }),
  healthIntervalMs: 60_000,
});
evaluator.start();
createInterface({ input: process.stdin }).on('line', () => {
  const benchRules = evaluator.ruleHealth.all.filter(({ rule }) => rule.startsWith('bench-'));
  const deploys = evaluator.deploys.recent.filter(({ look }) => look > 0);
  const status = {
    deploys: deploys.length,
    comparedSeries: deploys.reduce((sum, { comparedSeries }) => sum + comparedSeries, 0),
    regressions: deploys.filter(({ findings }) => findings.length > 0).length,
    objectiveGroups: evaluator.rulesFile.ruleSet.objectives.reduce(
      (sum, objective) => sum + evaluator.objectives.listStatuses(objective).length,
      0,
    ),
    transitions,
    late: evaluator.lateEvaluationCount,
    rules: benchRules.length,
    groups: benchRules.reduce((sum, { groups }) => sum + groups, 0),
    failures: evaluator.ruleHealth.failureCount,
    evaluations: evaluator.ruleHealth.evaluationCount,
    meanMs:
      benchRules.reduce((sum, { durationMs }) => sum + durationMs, 0) /
      Math.max(1, benchRules.length),
    oldestMs: Date.now() - Math.min(...benchRules.map(({ evaluatedMs }) => evaluatedMs)),
    cpuMs: process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000,
  };
  process.stdout.write(`${JSON.stringify(status)}\n`);
});
