import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VARIABLES } from '../../../src/core/config/setting-definitions.ts';

const ROW_PATTERN = /^\| `(\w+)` +\|[^|]*\| (.*?) +\|$/gm;

it('docs/configuration.md lists every setting with its description', () => {
  const rows = readFileSync('docs/configuration.md', 'utf8').matchAll(ROW_PATTERN);
  const documented = new Map([...rows].map(([, name, description]) => [name, description]));
  for (const [name, { description }] of Object.entries(VARIABLES)) {
    expect([name, documented.get(name)]).toEqual([name, description]);
  }
});
