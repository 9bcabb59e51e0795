// All checks, each as a step; the last line is the true total.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

// Their figures are shown, not judged; `start` is what the first test of the product does anyway.
const QUICK_BENCHES = ['write', 'record', 'overhead'];
const folder = mkdtempSync(join(tmpdir(), 'perfscope-test-'));
const report = join(folder, 'report.json');
const only = process.argv.slice(2);
const failures = [];
let passed = 0;

if (only.length === 0) {
  step('lint', 'biome', ['check', '.']);
  step('types', 'tsc', ['--noEmit']);
  step('dead code', 'knip', ['--no-config-hints']);
}
run('tests', 'vitest', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...only,
]);
countTests();
if (only.length === 0) {
  for (const name of QUICK_BENCHES) count(`bench ${name}`, bench(name));
}
rmSync(folder, { recursive: true, force: true });
// Once more beside the total: whoever sees only the end of the output sees what failed.
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exit(failures.length > 0 || passed === 0 ? 1 : 0);

function step(name, command, args) {
  count(name, run(name, command, args));
}

function count(name, ok) {
  if (ok) passed += 1;
  else failures.push(name);
}

// A bench is checked for having measured, never for how fast a shared machine was.
function bench(name) {
  console.log(`\n== bench ${name}`);
  const { status, stdout } = spawnSync(
    join('node_modules', '.bin', 'node'),
    ['bench/main.ts', name, '--quick', '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' },
  );
  console.log(stdout);
  if (status !== 0) return false;
  const { bench: said, targets } = JSON.parse(stdout.trimEnd().split('\n').at(-1));
  const measured = targets.every((target) => Number.isFinite(target.value));
  return said === name && targets.length > 0 && measured;
}

function run(name, command, args) {
  console.log(`\n== ${name}`);
  return spawnSync(join('node_modules', '.bin', command), args, { stdio: 'inherit' }).status === 0;
}

function countTests() {
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    for (const file of testResults) countFile(file);
  } catch (error) {
    failures.push(`tests: there is no report of them (${error.message})`);
  }
}

function countFile({ name, status, message, assertionResults }) {
  const where = relative(process.cwd(), name);
  const bad = assertionResults.filter((test) => test.status === 'failed');
  passed += assertionResults.filter((test) => test.status === 'passed').length;
  for (const test of bad)
    failures.push(excerpt(`${where} > ${test.fullName}`, test.failureMessages));
  if (status === 'failed' && bad.length === 0) failures.push(excerpt(where, [message]));
}

function excerpt(what, messages) {
  const lines = messages.join('\n').split('\n').slice(0, 12);
  return [what, ...lines.map((line) => `  ${line.slice(0, 300)}`)].join('\n');
}
