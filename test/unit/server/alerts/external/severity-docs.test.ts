import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { mapExternalSeverity } from '../../../../../src/server/alerts/external/external-alert-labels.ts';

it('docs/migrate.md lists how severities of other systems are mapped', () => {
  const rows = readFileSync('docs/migrate.md', 'utf8').matchAll(
    /^ {2}\| `(critical|high|medium)` +\| (.+?) +\|$/gm,
  );
  const listed = [...rows].flatMap(([, severity, values = '']) =>
    [...values.matchAll(/`(\w+)`/g)].map(([, value]) => [value, severity]),
  );
  expect(listed.length).toBeGreaterThan(10);
  expect(listed.map(([value]) => [value, mapExternalSeverity(value)])).toEqual(listed);
});
