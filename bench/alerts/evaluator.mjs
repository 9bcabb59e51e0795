// An evaluator in a process of its own, as the compiled product runs it: node evaluator.mjs RULES_FILE.
// A line on stdin asks how it goes.
import { createInterface } from 'node:readline';
import { preferSmallHeap } from '../../dist/small-heap.js';

// As `serve` does, before anything else is loaded.
preferSmallHeap();
const { Evaluator } = await import('../../dist/alerts/evaluator.js');
const { readEnvironment } = await import('../../dist/config/environment.js');
const { knownQuestdb } = await import('../../dist/config/locate.js');
const { QuestdbStore } = await import('../../dist/questdb/store.js');

const started = readEnvironment('bench');
const store = new QuestdbStore(knownQuestdb(started).read);
let transitions = 0;
const quiet = { info: () => {}, warn: console.error, error: console.error };
const evaluator = new Evaluator({
  store,
  settings: started.settings,
  rulesFile: process.argv[2],
  log: quiet,
  add: () => {
    transitions += 1;
  },
  flush: async () => {},
  road: () => ({ service: 'bench', instance: 'bench', spoolBytes: 0, droppedRows: 0 }),
  healthIntervalMs: 60_000,
});
evaluator.start();
createInterface({ input: process.stdin }).on('line', () => {
  const own = evaluator.health.all.filter(({ rule }) => rule.startsWith('bench-'));
  const told = {
    transitions,
    late: evaluator.lateEvaluations,
    rules: own.length,
    groups: own.reduce((sum, { groups }) => sum + groups, 0),
    failures: evaluator.health.failures,
    evaluations: evaluator.health.evaluations,
    meanMs: own.reduce((sum, { durationMs }) => sum + durationMs, 0) / Math.max(1, own.length),
    oldestMs: Date.now() - Math.min(...own.map(({ evaluatedMs }) => evaluatedMs)),
    cpuMs: process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000,
  };
  process.stdout.write(`${JSON.stringify(told)}\n`);
});
