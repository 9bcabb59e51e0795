// Runs every check as a step. The last line is the total: `N passed, N failed`.
// With arguments, runs only the tests that match them: npm test -- test/unit
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative, resolve } from 'node:path';
import { nodeBinary } from './node-versions.mjs';

/** Benchmarks to run once in quick mode. The end-to-end tests cover the rest of `start`. */
const QUICK_BENCHES = ['write', 'record', 'overhead', 'agent-start', 'exit'];
/** On these versions, only the tests of code that runs inside an application are run. */
const OLDER_NODE_VERSIONS = [22, 24];
const HOST_SAFETY_TESTS = [
  'test/unit',
  'test/host-safety',
  'test/e2e/transparent-instrumentation.test.ts',
  'test/e2e/crashes.test.ts',
  'test/e2e/exit.test.ts',
];
const BIN_DIR = resolve('node_modules', '.bin');
const folder = mkdtempSync(join(tmpdir(), 'perfscope-test-'));
const filters = process.argv.slice(2);
const failures = [];
let passed = 0;

if (filters.length === 0) {
  runStep('lint', 'biome', ['check', '.']);
  runStep('promises', 'oxlint', ['--type-aware', 'src']);
  runStep('types', 'tsc', ['--noEmit']);
  runStep('dead code', 'knip', ['--no-config-hints']);
  runStep('prose', 'node', ['scripts/lint-prose.mjs']);
}
runTests('tests', join(BIN_DIR, 'node'), filters);
if (filters.length === 0) {
  for (const major of OLDER_NODE_VERSIONS) {
    runTests(`tests on Node ${major}`, nodeBinary(major), HOST_SAFETY_TESTS);
  }
  runChaos();
  for (const name of QUICK_BENCHES) countStep(`bench ${name}`, runBench(name));
}
rmSync(folder, { recursive: true, force: true });
// Repeats the failures next to the total, because CI shows the end of a log first.
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exit(failures.length > 0 || passed === 0 ? 1 : 0);

function runStep(name, command, args) {
  console.log(`\n== ${name}`);
  countStep(name, spawnSync(join(BIN_DIR, command), args, { stdio: 'inherit' }).status === 0);
}

function countStep(name, ok) {
  if (ok) passed += 1;
  else failures.push(name);
}

/** Runs vitest on one Node version. Child processes find the same version first in the `PATH`. */
function runTests(name, node, filters) {
  console.log(`\n== ${name}`);
  const report = join(folder, `${name.replaceAll(' ', '-')}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const path = [join(resolve(node), '..'), BIN_DIR, process.env.PATH].join(delimiter);
  spawnSync(node, ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...filters], {
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  countTests(name, report);
}

/** Checks that a benchmark measured every target. Ignores the limits, because a shared machine can be slow. */
function runBench(name) {
  console.log(`\n== bench ${name}`);
  const { status, stdout } = spawnSync(
    join(BIN_DIR, 'node'),
    ['bench/main.ts', name, '--quick', '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' },
  );
  console.log(stdout);
  if (status !== 0) return false;
  const { bench, targets } = JSON.parse(stdout.trimEnd().split('\n').at(-1));
  const isMeasured = targets.every((target) => Number.isFinite(target.value));
  return bench === name && targets.length > 0 && isMeasured;
}

/** Runs the short form of the chaos scenarios. Each scenario counts as one test. */
function runChaos() {
  console.log('\n== chaos');
  const { stdout } = spawnSync(join(BIN_DIR, 'node'), ['test/chaos/main.ts', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  console.log(stdout.slice(0, stdout.lastIndexOf('\n[')));
  try {
    for (const { name, faults } of JSON.parse(stdout.trimEnd().split('\n').at(-1))) {
      if (faults.length === 0) passed += 1;
      else failures.push(formatFailure(`chaos ${name}`, faults));
    }
  } catch (error) {
    failures.push(`chaos: no results were printed (${error.message})`);
  }
}

function countTests(name, report) {
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    for (const file of testResults) countFile(name, file);
  } catch (error) {
    failures.push(`${name}: no report was written (${error.message})`);
  }
}

function countFile(run, { name, status, message, assertionResults }) {
  const file = run === 'tests' ? relative(process.cwd(), name) : `${run}: ${relative('.', name)}`;
  const failed = assertionResults.filter((test) => test.status === 'failed');
  passed += assertionResults.filter((test) => test.status === 'passed').length;
  for (const test of failed) {
    failures.push(formatFailure(`${file} > ${test.fullName}`, test.failureMessages));
  }
  if (status === 'failed' && failed.length === 0) failures.push(formatFailure(file, [message]));
}

function formatFailure(title, messages) {
  const lines = messages.join('\n').split('\n').slice(0, 12);
  return [title, ...lines.map((line) => `  ${line.slice(0, 300)}`)].join('\n');
}
