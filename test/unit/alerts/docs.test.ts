import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runRuleTests } from '../../../src/alerts/testing/run.ts';
import { load } from './support.ts';

const BLOCKS = [
  ...readFileSync('docs/alerts.md', 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm),
].map(([, text = '']) => text);

it('the files of the documentation are right', () => {
  const [rules = '', sql = '', quiet = '', tests = ''] = BLOCKS;
  expect(BLOCKS.length).toBe(4);
  expect(load(rules).rules.map(({ name }) => name)).toContain('checkout-slow');
  expect(load(`rules:\n${sql}`).rules.map(({ name }) => name)).toContain('stuck-imports');
  expect(load(quiet).inhibit.map(({ name }) => name)).toContain('database-first');
  expect(runRuleTests(tests, 'docs', load('').rules)).toEqual([
    { name: 'a burst of errors fires', failures: [] },
  ]);
});
