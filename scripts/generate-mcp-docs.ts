// Generates the table of tools in docs/mcp.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { TOOLS } from '../src/mcp/mcp-server.ts';
import { formatMarkdownTable, replacePart } from './docs/markdown.ts';

const FILE = 'docs/mcp.md';

/** Returns the current text of docs/mcp.md. */
export function formatMcpDocs(): string {
  const rows = TOOLS.map(({ name, description }) => [`\`${name}\``, description]);
  const table = `${formatMarkdownTable([['Tool', 'Result'], ...rows])}\n`;
  const part = { file: FILE, name: 'tools', command: 'mcp-tools' };
  return replacePart(readFileSync(FILE, 'utf8'), part, table);
}

if (import.meta.main) writeFileSync(FILE, formatMcpDocs());
