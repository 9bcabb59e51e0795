// npm run bench -- NAME [LIBRARY…] [--json] [--quick] [--compare CHECKOUT] [--rounds N]
// Runs one benchmark and compares its results with the limits. With --compare, `agent-start`, `start`, and `overhead`
// also measure the agent of another checkout. `write` and `drain` also measure its row writer. --rounds changes the
// number of rounds of `overhead` and `library-overhead`, which measures the named libraries.
import { parseArgs } from 'node:util';
import type { BenchOptions, Report } from './report.ts';

const BENCHES: Record<string, () => Promise<(options: BenchOptions) => Promise<Report>>> = {
  'agent-start': async () => (await import('./start/agent-start.ts')).benchAgentStart,
  alerts: async () => (await import('./alerts.ts')).benchAlerts,
  backtest: async () => (await import('./backtest.ts')).benchBacktest,
  dashboards: async () => (await import('./dashboards.ts')).benchDashboards,
  disk: async () => (await import('./disk.ts')).benchDisk,
  drain: async () => (await import('./drain.ts')).benchDrain,
  exit: async () => (await import('./exit.ts')).benchExit,
  'first-chart': async () => (await import('./first-chart.ts')).benchFirstChart,
  ingest: async () => (await import('./ingest.ts')).benchIngest,
  intelligence: async () => (await import('./intelligence.ts')).benchIntelligence,
  lambda: async () => (await import('./lambda.ts')).benchLambda,
  'library-overhead': async () => (await import('./library-overhead.ts')).benchLibraryOverhead,
  notify: async () => (await import('./notify.ts')).benchNotify,
  overhead: async () => (await import('./overhead.ts')).benchOverhead,
  page: async () => (await import('./page.ts')).benchPage,
  query: async () => (await import('./query.ts')).benchQuery,
  record: async () => (await import('./record.ts')).benchRecord,
  scrub: async () => (await import('./scrub.ts')).benchScrub,
  start: async () => (await import('./start.ts')).benchStart,
  write: async () => (await import('./write.ts')).benchWrite,
};

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean' },
    quick: { type: 'boolean' },
    compare: { type: 'string' },
    rounds: { type: 'string' },
  },
  allowPositionals: true,
});
const [name = '', ...names] = positionals;
const loadBench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
const hasValidRounds = rounds === undefined || (Number.isInteger(rounds) && rounds > 0);
if (!loadBench || !hasValidRounds || (names.length > 0 && name !== 'library-overhead')) {
  console.error(
    'Usage: npm run bench -- NAME [LIBRARY…] [--json] [--quick] [--compare CHECKOUT] [--rounds N]',
  );
  console.error(`NAME is one of: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}

const run = await loadBench();
const log = (line: string) => console.error(`bench ${name}: ${line}`);
const { targets, details } = await run({
  quick: values.quick ?? false,
  compare: values.compare,
  rounds,
  names,
  log,
});
for (const [key, value] of Object.entries(details)) console.log(`${key}: ${value}`);
for (const { name: target, value, limit, unit, pass } of targets) {
  console.log(`${pass ? 'pass' : 'FAIL'}  ${target}: ${value} ${unit} (limit ${limit})`);
}
const pass = targets.every((target) => target.pass);
if (values.json) console.log(JSON.stringify({ bench: name, pass, targets, details }));
