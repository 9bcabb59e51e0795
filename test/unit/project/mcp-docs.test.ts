import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatMcpDocs } from '../../../scripts/generate-mcp-docs.ts';

it('docs/mcp.md lists the tools (run "npm run mcp-tools" to update it)', () => {
  expect(readFileSync('docs/mcp.md', 'utf8')).toBe(formatMcpDocs());
});
