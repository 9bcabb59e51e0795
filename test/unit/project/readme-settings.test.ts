import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VARIABLES } from '../../../src/core/config/environment-variables.ts';

it('the README lists every variable', () => {
  const text = readFileSync('README.md', 'utf8');
  const missing = Object.keys(VARIABLES).filter((name) => !text.includes(`| \`${name}\` `));
  expect(missing).toEqual([]);
});
