import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  compareDurations,
  LONGEST_FILES,
  NODE_22_EXCLUDED,
  NODE_22_TESTS,
  OLDER_NODE_TESTS,
  QUICK_BENCHES,
} from '../../../scripts/suites.mjs';

it('names only tests and benchmarks that exist', () => {
  const excluded = NODE_22_EXCLUDED.map((path) => path.replace('/**', ''));
  const paths = [...NODE_22_TESTS, ...excluded, ...OLDER_NODE_TESTS, ...LONGEST_FILES];
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  expect(LONGEST_FILES).toHaveLength(new Set(LONGEST_FILES).size);
  const { stderr } = spawnSync(process.execPath, ['bench/main.ts'], { encoding: 'utf8' });
  const benches = stderr.match(/is one of: (.*)/)?.[1]?.split(', ');
  expect(benches).toEqual(expect.arrayContaining([...QUICK_BENCHES]));
});

it('tests on Node 22 all code that runs in an application', () => {
  const folders = ['agent', 'client', 'core', 'storage'].map((name) => `test/unit/${name}`);
  expect(NODE_22_TESTS).toEqual(expect.arrayContaining([...folders, 'test/host-safety']));
});

it('starts the longest files first, and keeps the order of the others', () => {
  const [longest = '', second = ''] = LONGEST_FILES;
  const files = ['test/b.test.ts', second, 'test/a.test.ts', longest];
  const sorted = [longest, second, 'test/b.test.ts', 'test/a.test.ts'];
  expect(files.toSorted(compareDurations)).toEqual(sorted);
});

/** Long tests are tagged, and the comment before them names the test in CI that covers their kind. */
it('explains for each long test what covers its kind in CI', () => {
  const unexplained: string[] = [];
  let longTests = 0;
  for (const path of globSync('test/**/*.test.ts', { exclude: ['**/node_modules'] })) {
    const lines = readFileSync(path, 'utf8').split('\n');
    lines.forEach((line, i) => {
      if (!/\btags: \[?'long'/.test(line)) return;
      longTests += 1;
      const before = lines.slice(Math.max(0, i - 8), i + 1).join('\n');
      if (!/\/\/ Long: .*\bCI\b/.test(before)) unexplained.push(`${path}:${i + 1}`);
    });
  }
  expect(unexplained).toEqual([]);
  expect(longTests).toBeGreaterThan(5);
});
