import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runRuleTests } from '../../../../src/server/alerts/rule-tests/run-rule-tests.ts';
import { loadTestRules } from '../../../support/alert-rule-fixtures.ts';

const BLOCKS = [
  ...readFileSync('docs/alerts.md', 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm),
].map(([, text = '']) => text);

it('contains valid YAML examples', () => {
  const [rules = '', sql = '', suppression = '', tests = ''] = BLOCKS;
  expect(BLOCKS.length).toBe(4);
  expect(loadTestRules(rules).rules.map(({ name }) => name)).toContain('checkout-slow');
  expect(loadTestRules(`rules:\n${sql}`).rules.map(({ name }) => name)).toContain('stuck-imports');
  expect(loadTestRules(suppression).inhibit.map(({ name }) => name)).toContain('database-first');
  expect(runRuleTests(tests, 'docs', loadTestRules('').rules)).toEqual([
    { name: 'a burst of errors fires', failures: [] },
  ]);
});
