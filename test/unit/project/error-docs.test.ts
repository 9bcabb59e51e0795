import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ERROR_CODES } from '../../../src/core/errors.ts';

it('the documentation lists every error code, and no other', () => {
  const text = readFileSync('docs/errors.md', 'utf8');
  const documented = [...text.matchAll(/^\| `(PS_\w+)`/gm)].map((match) => match[1]);
  expect(documented.toSorted()).toEqual(ERROR_CODES.toSorted());
});
