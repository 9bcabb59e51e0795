// Generates docs/errors.md from the error catalog.
import { writeFileSync } from 'node:fs';
import { ERROR_EXPLANATIONS } from '../src/core/error-docs.ts';
import { ERROR_MESSAGES } from '../src/core/error-messages.ts';
import type { ErrorCode } from '../src/core/perfscope-error.ts';

const PAGE_FILE = 'docs/errors.md';
const LIST_PARAMS = new Set(['known', 'lines', 'problems']);

/** Replaces each parameter of a message by its name, such as `<reason>`. */
const PLACEHOLDERS = new Proxy({} as never, {
  get: (_target, name) =>
    LIST_PARAMS.has(String(name)) ? [`<${String(name)}>`] : `<${String(name)}>`,
});

function formatSection(code: ErrorCode): string {
  const { cause, action } = ERROR_EXPLANATIONS[code];
  const message = ERROR_MESSAGES[code](PLACEHOLDERS);
  return `## ${code}\n\n\`\`\`text\n${message}\n\`\`\`\n\n**Cause:** ${cause}\n\n**What to do:** ${action}\n`;
}

/** Returns the text of docs/errors.md. */
export function formatErrorDocs(): string {
  const codes = Object.keys(ERROR_MESSAGES) as ErrorCode[];
  return `# Error codes

Every Perfscope error has a code. Command output, log lines, and API responses (field \`code\`) contain it.
In the messages below, \`<name>\` stands for a value.

<!-- Generated from src/core/error-messages.ts by \`npm run errors\`. Don't edit this file. -->

${codes.map(formatSection).join('\n')}`;
}

if (import.meta.main) writeFileSync(PAGE_FILE, formatErrorDocs());
