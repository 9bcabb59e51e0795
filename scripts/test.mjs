// All checks, each as a step; the last line is the true total.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Their figures are shown, not judged; `start` is what the first test of the product does anyway.
const QUICK_BENCHES = ['write', 'record', 'overhead'];
const folder = mkdtempSync(join(tmpdir(), 'perfscope-test-'));
const report = join(folder, 'report.json');
const only = process.argv.slice(2);
let passed = 0;
let failed = 0;

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
  for (const name of QUICK_BENCHES) count(bench(name));
}
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

function step(name, command, args) {
  count(run(name, command, args));
}

function count(ok) {
  if (ok) passed += 1;
  else failed += 1;
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
    const result = JSON.parse(readFileSync(report, 'utf8'));
    passed += result.numPassedTests;
    failed += result.numFailedTests;
    const broken = result.testResults.filter(
      (file) =>
        file.status === 'failed' && file.assertionResults.every((t) => t.status !== 'failed'),
    );
    failed += broken.length;
  } catch (error) {
    console.log(`no report of the tests: ${error.message}`);
    failed += 1;
  }
}
