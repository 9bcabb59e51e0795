import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { NODE_22_EXCLUDED, NODE_22_TESTS, QUICK_BENCHES } from '../../../scripts/suites.mjs';

interface Step {
  readonly name: string;
  readonly node?: number;
  readonly args: readonly string[];
  readonly excluded?: readonly string[];
}

/** Returns the steps of `npm test` with these arguments, without running them. */
function listSteps(...args: string[]): Step[] {
  const output = execFileSync(process.execPath, ['scripts/test.mjs', '--list', ...args]);
  return JSON.parse(output.toString()) as Step[];
}

const CHECKS = ['lint', 'promises', 'types', 'types of the web UI', 'dead code', 'prose'];
const BENCHES = QUICK_BENCHES.map((name) => `bench ${name}`);

it('runs all checks and a subset of the tests in CI', () => {
  const steps = listSteps();
  const names = [...CHECKS, 'tests', 'tests on Node 22', 'chaos', ...BENCHES];
  expect(steps.map(({ name }) => name)).toEqual(names);
  const [tests, olderTests] = steps.filter(({ node }) => node !== undefined);
  expect(tests).toEqual({ name: 'tests', node: 26, args: ['--tags-filter=!long'] });
  expect(olderTests?.node).toBe(22);
  expect(olderTests?.args).toEqual(['--tags-filter=!long', ...NODE_22_TESTS]);
  expect(olderTests?.excluded).toEqual(NODE_22_EXCLUDED);
  expect(steps.find(({ name }) => name === 'chaos')?.args).toEqual([]);
});

it('runs all tests, Node versions, and scenarios in the full suite', () => {
  const steps = listSteps('--full');
  const tests = ['tests', 'tests on Node 22', 'tests on Node 24'];
  expect(steps.map(({ name }) => name)).toEqual([...CHECKS, ...tests, 'chaos', ...BENCHES]);
  expect(JSON.stringify(steps)).not.toContain('tags-filter');
  expect(steps.find(({ name }) => name === 'tests')?.args).toEqual([]);
  const older = steps.filter(({ node }) => node === 22 || node === 24);
  for (const { args } of older) expect(args).toContain('test/unit');
  expect(steps.find(({ name }) => name === 'chaos')?.args).toEqual(['--full']);
});

it('runs only the selected tests, with the long tests', () => {
  const args = ['test/unit', '-t', 'a name'];
  expect(listSteps(...args)).toEqual([{ name: 'tests', node: 26, args }]);
});
