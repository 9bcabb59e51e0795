// Runs the compiled backtest in a separate process. Usage: node backtest-process.mjs RULES_FILE FROM_MS TO_MS
// Prints the result as JSON.
import { readFileSync } from 'node:fs';
import { preferSmallHeap } from '../../dist/server/startup/small-heap.js';

// Must run before other modules are loaded, as in `serve`.
preferSmallHeap();
const { readStartupConfig, findQuestdbTargets } = await import(
  '../../dist/core/config/startup-config.js'
);
const { QuestdbQueryClient } = await import('../../dist/storage/questdb/query-client.js');
const { loadAlertRules } = await import('../../dist/server/alerts/rules/load-alert-rules.js');
const { loadNotificationConfig } = await import(
  '../../dist/server/notifications/config/load-notification-config.js'
);
const { runBacktest } = await import('../../dist/server/backtest/run-backtest.js');

const [file = '', fromMs, toMs] = process.argv.slice(2);
const config = readStartupConfig('bench');
const queryClient = new QuestdbQueryClient(findQuestdbTargets(config).read);
const text = readFileSync(file, 'utf8');
const ruleSet = loadAlertRules(config.settings, { name: file, text });
const names = ruleSet.rules.map(({ name }) => name).filter((name) => name.startsWith('bench-'));
const startMs = performance.now();
const outcome = await runBacktest(
  {
    queryClient,
    healthIntervalMs: 60_000,
    notificationConfig: loadNotificationConfig('utc'),
    people: [],
    silences: [],
    acknowledgments: [],
  },
  {
    range: { fromMs: Number(fromMs), toMs: Number(toMs) },
    stepMs: 60_000,
    ruleSets: [ruleSet],
    ruleNames: names,
  },
);
const [set] = outcome.sets;
const report = {
  seconds: (performance.now() - startMs) / 1000,
  rules: set.rules.filter(({ skipped }) => skipped === undefined).length,
  alerts: set.rules.reduce((sum, { spans }) => sum + spans.length, 0),
  messages: set.messages.length,
  rows: outcome.rows,
  evaluations: outcome.evaluations,
  cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  peakMb: process.resourceUsage().maxRSS / 1024,
};
await queryClient.close();
process.stdout.write(`${JSON.stringify(report)}\n`);
