import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FACTS } from '../../../../src/server/actions/business-rules/business-rule.ts';
import { loadTestRules as loadAlerts } from '../../../support/alert-rule-fixtures.ts';
import { loadTestRules } from '../../../support/business-rule-fixtures.ts';

const TEXT = readFileSync('docs/actions.md', 'utf8');
const BLOCKS = [...TEXT.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);

it('the files of the documentation, and those that are shipped, are right', () => {
  const [alerts = '', rules = '', webhooks = ''] = BLOCKS;
  expect(loadAlerts(alerts).rules.map(({ name }) => name)).toContain('gateway-slow');
  expect(loadTestRules(rules + webhooks).rules.map(({ name }) => name)).toEqual([
    'demand-pricing',
    'invoice-workers',
  ]);
  const shipped = loadTestRules(readFileSync('demo/business-rules.yaml', 'utf8'));
  expect(shipped.rules.map(({ event }) => event)).toEqual([
    ...['demand.high', 'capacity.workers', 'capacity.reports'],
  ]);
});

it('the documentation lists every fact', () => {
  const listed = [...TEXT.matchAll(/^\| `(\w+)` +\| (\S+) +\| .* \| (.*?) +\|$/gm)]
    .map(([, name, unit, about]) => [name, unit, about])
    .filter(([name = '']) => name in FACTS);
  const facts = Object.entries(FACTS).map(([name, { unit, about }]) => [name, unit, about]);
  expect(listed).toEqual(facts);
});
