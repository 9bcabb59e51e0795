import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatLibraryDocs } from '../../../scripts/generate-library-docs.ts';
import { LIBRARIES } from '../../../src/agent/instrumentation/library-table.ts';
import { UNMEASURED_LIBRARIES } from '../../../src/agent/instrumentation/unmeasured-libraries.ts';

it('the docs match the table of libraries (run "npm run libraries" to update them)', () => {
  for (const [file, text] of formatLibraryDocs()) {
    expect(readFileSync(file, 'utf8') === text, file).toBe(true);
  }
});

it('the table describes each library once, and each reference is to a library in the table', () => {
  const names = LIBRARIES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, partOf, measured, limits = '.' } of LIBRARIES) {
    if (partOf !== undefined) expect(names, name).toContain(partOf);
    expect(measured, name).toMatch(/\.$/);
    expect(limits, name).toMatch(/\.$/);
    expect(`${measured}${limits}`, name).not.toMatch(/[|\n]/);
  }
});

it('no library is both measured and listed as not measured yet', () => {
  const measured = LIBRARIES.map(({ name }) => name);
  expect(Object.keys(UNMEASURED_LIBRARIES).filter((name) => measured.includes(name))).toEqual([]);
});
