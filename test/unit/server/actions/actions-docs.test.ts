import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FACTS } from '../../../../src/server/actions/business-rules/business-rule.ts';
import { loadTestRules as loadAlertRules } from '../../../support/alert-rule-fixtures.ts';
import { loadTestRules } from '../../../support/business-rule-fixtures.ts';

const DOCS = readFileSync('docs/actions.md', 'utf8');
const YAML_BLOCKS = [...DOCS.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);

it('has valid example files in the documentation and in the demo', () => {
  const [alerts = '', rules = '', webhooks = ''] = YAML_BLOCKS;
  expect(loadAlertRules(alerts).rules.map(({ name }) => name)).toContain('gateway-slow');
  expect(loadTestRules(rules + webhooks).rules.map(({ name }) => name)).toEqual([
    'demand-pricing',
    'invoice-workers',
  ]);
  const demoRules = loadTestRules(readFileSync('demo/business-rules.yaml', 'utf8'));
  expect(demoRules.rules.map(({ event }) => event)).toEqual([
    ...['demand.high', 'capacity.workers', 'capacity.reports'],
  ]);
});

it('documents every fact', () => {
  const documentedFacts = [...DOCS.matchAll(/^\| `(\w+)` +\| (\S+) +\| .* \| (.*?) +\|$/gm)]
    .map(([, name, unit, about]) => [name, unit, about])
    .filter(([name = '']) => name in FACTS);
  const facts = Object.entries(FACTS).map(([name, { unit, about }]) => [name, unit, about]);
  expect(documentedFacts).toEqual(facts);
});
