import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatCommandDocs } from '../../../scripts/generate-command-docs.ts';
import { createCli } from '../../../src/cli/cli.ts';

const page = readFileSync('docs/commands.md', 'utf8');

it('docs/commands.md matches the help texts (run "npm run commands" to update it)', () => {
  expect(page).toBe(formatCommandDocs());
});

it('each command has a section', () => {
  const names = createCli().commands.map((command) => command.name());
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(page).toContain(`\n## perfscope ${name}\n`);
});
