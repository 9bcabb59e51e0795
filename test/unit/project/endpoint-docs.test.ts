import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatEndpointDocs } from '../../../scripts/generate-endpoint-docs.ts';

const page = readFileSync('docs/http-api.md', 'utf8');

it('docs/http-api.md matches the endpoints (run "npm run endpoints" to update it)', () => {
  expect(page).toBe(formatEndpointDocs());
});

it('each parameter has a meaning', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` +\|[^|]*\| (.*?) +\|$/gm)];
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter(([, , meaning]) => !meaning).map(([, name]) => name)).toEqual([]);
});
