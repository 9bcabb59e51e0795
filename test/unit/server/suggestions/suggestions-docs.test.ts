import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DETECTORS } from '../../../../src/server/suggestions/detectors/detector-table.ts';

it('documents what each detector looks for, its minimum evidence, and its next step', () => {
  const text = readFileSync('docs/suggestions.md', 'utf8').replaceAll(/\s+/g, ' ');
  for (const { kind, title, looksFor, minimum, nextStep } of DETECTORS) {
    expect(text).toContain(
      `### ${title} Kind: \`${kind}\`. ${looksFor} - **Minimum evidence:** ${minimum} - **Next step:** ${nextStep}`,
    );
  }
  expect(text.match(/ ### /g)).toHaveLength(DETECTORS.length);
});
