// Runs the checks as steps, some at the same time. The last line is the total: `N passed, N failed`.
// --full also runs the long tests, Node 24, and all chaos scenarios. --list prints the steps as JSON.
// Other arguments select tests, for example the path test/unit.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { nodeBinary } from './node-versions.mjs';
import { NODE_22_EXCLUDED, NODE_22_TESTS, OLDER_NODE_TESTS, QUICK_BENCHES } from './suites.mjs';

/** The version in `node_modules`. */
const NEWEST_NODE = 26;

const BIN_DIR = resolve('node_modules', '.bin');
/** Options of this script. All other arguments are passed to vitest, for example paths of tests. */
const OPTIONS = ['--full', '--list'];
const isFull = process.argv.includes('--full');
const filters = process.argv.slice(2).filter((argument) => !OPTIONS.includes(argument));
/** Number of lines that are printed of a failure: the message, the difference, and the start of the stack. */
const FAILURE_LINES = 40;
const steps = listSteps();
if (process.argv.includes('--list')) {
  console.log(JSON.stringify(steps));
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'perfscope-test-'));
const searchPath = await createSearchPath();
const failures = [];
let passed = 0;
/** Number of long tests that were not run. */
let longTests = 0;

const testSteps = steps.filter(({ node }) => node);
const checks = steps.filter(({ command }) => command);
// More than two at the same time would need several gigabytes of memory.
await Promise.all([
  runCommands(checks.filter((_, i) => i % 2 === 0)),
  runCommands(checks.filter((_, i) => i % 2 === 1)),
]);
await runTests(testSteps.filter(({ node }) => node === NEWEST_NODE));
// These wait most of the time, and here the limits of the benchmarks don't matter.
await Promise.all([
  runTests(testSteps.filter(({ node }) => node !== NEWEST_NODE)),
  runChaos(),
  runBenches(),
]);
rmSync(folder, { recursive: true, force: true });
// Repeats the failures next to the total, because CI shows the end of a log first.
for (const failure of failures) console.log(`\nFAILED ${failure}`);
if (longTests > 0)
  console.log(`\nLong tests that were not run: ${longTests}. To run them, use npm run test:full.`);
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exit(failures.length > 0 || passed === 0 ? 1 : 0);

/** Returns the steps in order. A step with `node` runs tests on this major version. */
function listSteps() {
  if (filters.length > 0) return [{ name: 'tests', node: NEWEST_NODE, args: filters }];
  const tagFilter = isFull ? [] : ['--tags-filter=!long'];
  const olderNodes = isFull ? [22, 24] : [22];
  const olderTests = isFull ? OLDER_NODE_TESTS : NODE_22_TESTS;
  const excluded = isFull ? [] : NODE_22_EXCLUDED;
  return [
    { name: 'lint', command: 'biome', args: ['check', '.'] },
    { name: 'promises', command: 'oxlint', args: ['--type-aware', 'src'] },
    { name: 'types', command: 'tsc', args: ['--noEmit'] },
    { name: 'types of the web UI', command: 'tsc', args: ['--noEmit', '-p', 'src/web'] },
    { name: 'dead code', command: 'knip', args: ['--no-config-hints'] },
    { name: 'prose', command: 'node', args: ['scripts/lint-prose.mjs'] },
    { name: 'tests', node: NEWEST_NODE, args: tagFilter },
    ...olderNodes.map((node) => ({
      name: `tests on Node ${node}`,
      node,
      args: [...tagFilter, ...olderTests],
      excluded,
    })),
    { name: 'chaos', args: isFull ? ['--full'] : [] },
    ...QUICK_BENCHES.map((name) => ({ name: `bench ${name}`, args: [name, '--quick'] })),
  ];
}

/** Returns the `PATH` of all tests. The full suite runs QuestDB with the product's Java, as in production. */
async function createSearchPath() {
  const path = [BIN_DIR, process.env.PATH];
  if (isFull) return path.join(delimiter);
  const { createFastJava } = await import('./fast-java.ts');
  const java = await createFastJava().catch((error) => {
    console.log(`QuestDB starts without a class archive: ${error.message}`);
  });
  return [java, ...path].filter(Boolean).join(delimiter);
}

/** Runs checks one after another. The output of each is printed at its end, because other checks run at the same time. */
async function runCommands(commands) {
  for (const { name, command, args } of commands) {
    const child = spawn(join(BIN_DIR, command), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [text(child.stdout), text(child.stderr), once(child, 'close')];
    const [stdout, stderr, [code]] = await Promise.all(output);
    console.log(`\n== ${name}\n${stdout}${stderr}`);
    countStep(name, code === 0);
  }
}

function countStep(name, ok) {
  if (ok) passed += 1;
  else failures.push(name);
}

/** Runs steps with tests one after another. */
async function runTests(steps) {
  for (const { name, node, args, excluded } of steps) {
    console.log(`\n== ${name}`);
    await runVitest(name, node, args, excluded);
  }
}

/** Runs vitest on one Node version. Child processes find the same version first in the `PATH`. */
async function runVitest(name, major, args, excluded = []) {
  const node = major === NEWEST_NODE ? join(BIN_DIR, 'node') : nodeBinary(major);
  const report = join(folder, `${name.replaceAll(' ', '-')}.json`);
  const reporters = ['--reporter=default', '--reporter=./scripts/test-reporter.ts'];
  const { PERFSCOPE_TEST_SEED = isFull ? 'random' : '' } = process.env;
  const child = spawn(node, ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args], {
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: [join(node, '..'), searchPath].join(delimiter),
      PERFSCOPE_TEST_REPORT: report,
      PERFSCOPE_TEST_EXCLUDE: excluded.join(','),
      PERFSCOPE_TEST_SEED,
    },
  });
  await once(child, 'close');
  countTests(name, report);
}

/** Runs the benchmarks one after another. */
async function runBenches() {
  for (const { name, args } of steps.filter((step) => step.name.startsWith('bench '))) {
    countStep(name, await runBench(name, args));
  }
}

/** Checks that a benchmark measured every target. Ignores the limits, because a shared machine can be slow. */
async function runBench(name, args) {
  const { code, stdout } = await runProgram(['bench/main.ts', ...args, '--json'], process.env);
  console.log(`\n== ${name}\n${stdout}`);
  if (code !== 0) return false;
  const { bench, targets } = JSON.parse(stdout.trimEnd().split('\n').at(-1));
  const isMeasured = targets.every((target) => Number.isFinite(target.value));
  return bench === args[0] && targets.length > 0 && isMeasured;
}

/** Runs chaos scenarios. Each scenario counts as one test. */
async function runChaos() {
  const step = steps.find(({ name }) => name === 'chaos');
  if (!step) return;
  const args = ['test/chaos/main.ts', '--json', ...step.args];
  const { stdout } = await runProgram(args, { ...process.env, PATH: searchPath });
  console.log(`\n== chaos\n${stdout.slice(0, stdout.lastIndexOf('\n['))}`);
  try {
    for (const { name, faults } of JSON.parse(stdout.trimEnd().split('\n').at(-1))) {
      if (faults.length === 0) passed += 1;
      else failures.push(formatFailure(`chaos ${name}`, faults));
    }
  } catch (error) {
    failures.push(`chaos: no results were printed (${error.message})`);
  }
}

/** Runs a program with Node. Its messages are printed at once, and its output is returned when it has ended. */
async function runProgram(args, env) {
  const child = spawn(join(BIN_DIR, 'node'), args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code, stdout };
}

function countTests(name, report) {
  try {
    const {
      passed: count,
      skippedLong,
      failures: failed,
    } = JSON.parse(readFileSync(report, 'utf8'));
    passed += count;
    if (name === 'tests') longTests += skippedLong;
    const prefix = name === 'tests' ? '' : `${name}: `;
    for (const { title, errors } of failed) failures.push(formatFailure(prefix + title, errors));
  } catch (error) {
    failures.push(`${name}: no report was written (${error.message})`);
  }
}

function formatFailure(title, messages) {
  const lines = messages.join('\n').split('\n').slice(0, FAILURE_LINES);
  return [title, ...lines.map((line) => `  ${line.slice(0, 300)}`)].join('\n');
}
