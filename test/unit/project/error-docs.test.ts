import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatErrorDocs } from '../../../scripts/generate-error-docs.ts';

it('docs/errors.md matches the error catalog (run "npm run errors" to update it)', () => {
  expect(readFileSync('docs/errors.md', 'utf8')).toBe(formatErrorDocs());
});
