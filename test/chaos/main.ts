// npm run test:chaos -- [--full] [NAME…]: counts the rows while QuestDB, the network, the disk, and processes fail.
// The option --soak-minutes sets the length of the soak, and --dist another build. The option --markdown prints a
// Markdown table. With --json, the last line contains the results. With --list, only the names are printed.
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import type { ChaosSettings } from './chaos-run.ts';
import { formatMarkdown, formatTable } from './format-table.ts';
import { removeActiveRuns, runScenario } from './run-scenario.ts';
import type { Scenario, ScenarioResult } from './scenario.ts';
import { SCENARIOS } from './scenarios/scenarios.ts';

/** Number of scenarios that run at the same time, unless they disturb QuestDB. */
const PARALLEL = 3;
const MIN_FREE_BYTES = 5e9;

/** Creates the tables. */
const WARM_UP: Scenario = {
  name: 'warm-up',
  failure: '',
  run: async (run) => void (await run.startConnected()),
};

const USAGE =
  'Usage: npm run test:chaos -- [--full] [--soak-minutes N] [--dist DIR] [--json] [--markdown] [--list] [NAME…]';

const { values, positionals: names } = readArguments();
const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0 || values.list) {
  if (unknown.length > 0) console.error(`Unknown scenarios: ${unknown.join(', ')}`);
  for (const { name, failure } of SCENARIOS) console.log(`${name}: ${failure}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}
const settings: ChaosSettings = {
  dist: values.dist,
  isFull: values.full,
  soakMinutes: Number(values['soak-minutes']),
};
const scenarios = SCENARIOS.filter(({ name, isFull }) =>
  names.length > 0 ? names.includes(name) : values.full || !isFull,
);
const questdb = new ExternalQuestdb();
questdb.devMode = true;
const results = new Map<string, ScenarioResult>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await removeActiveRuns();
    await questdb.remove();
    printResults();
    process.exit(1);
  });
}
try {
  await questdb.start();
  await runScenario(WARM_UP, questdb, settings);
  const shared = scenarios.filter(({ isExclusive }) => !isExclusive);
  await Promise.all(Array.from({ length: PARALLEL }, () => runAll(shared)));
  await runAll(scenarios.filter(({ isExclusive }) => isExclusive));
} finally {
  await questdb.remove();
}
printResults();
const hasFailed = [...results.values()].some(({ faults }) => faults.length > 0);
process.exit(hasFailed || results.size < scenarios.length ? 1 : 0);

function readArguments() {
  try {
    const parsed = parseArgs({
      options: {
        full: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        markdown: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        dist: { type: 'string', default: 'dist' },
        'soak-minutes': { type: 'string', default: '60' },
      },
      allowPositionals: true,
    });
    if (!(Number(parsed.values['soak-minutes']) > 0)) {
      throw new Error('--soak-minutes must be a positive number');
    }
    if (!parsed.values.help) return parsed;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

/** Prints the finished scenarios in the order of the list. */
function printResults(): void {
  const ordered = scenarios.flatMap(({ name }) => results.get(name) ?? []);
  console.log(values.markdown ? formatMarkdown(ordered) : formatTable(ordered));
  if (values.json) console.log(JSON.stringify(ordered));
}

/** Runs the scenarios, and removes each from the list. Several callers can share the list. */
async function runAll(waiting: Scenario[]): Promise<void> {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { bavail, bsize } = statfsSync(tmpdir());
    if (bavail * bsize < MIN_FREE_BYTES) throw new Error('less than 5 GB of disk space is free');
    const result = await runScenario(next, questdb, settings);
    results.set(next.name, result);
    const outcome = result.skipped ?? (result.faults.join('; ') || 'passed');
    console.error(`chaos ${next.name}: ${outcome} (${result.seconds.toFixed(1)} s)`);
  }
}
