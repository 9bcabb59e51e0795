import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFormulaFilter, neutralizeFormula } from '../../../src/core/csv-formula.ts';

/** Writes cells as QuestDB does: quotes every text, and no number. */
const formatRow = (cells: readonly (string | number | null)[]) =>
  `${cells
    .map((cell) =>
      typeof cell === 'string' ? `"${cell.replaceAll('"', '""')}"` : String(cell ?? ''),
    )
    .join(',')}\r\n`;

/** Filters a text in chunks of these lengths. */
async function filter(text: string, lengths: readonly number[]): Promise<string> {
  const stream = createFormulaFilter();
  const result = buffer(stream);
  const bytes = Buffer.from(text);
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    stream.write(bytes.subarray(at, at + length));
    at += length;
  }
  stream.end();
  return (await result).toString();
}

it.each<[string, string | number | null, string]>([
  ['a formula', '=cmd()', `"'=cmd()"`],
  ['a plus sign', '+1', `"'+1"`],
  ['a text with a minus sign', '-1', `"'-1"`],
  ['an at sign', '@SUM(A1)', `"'@SUM(A1)"`],
  ['a tab', '\tx', `"'\tx"`],
  ['a formula after a quote', '"=1+1', `"'""=1+1"`],
  ['a formula after a space', ' =1+1', `"' =1+1"`],
  ['a negative number', -1.5, '-1.5'],
  ['an ordinary text', 'a=b', '"a=b"'],
  ['a long text', `a${'='.repeat(200)}`, `"a${'='.repeat(200)}"`],
  ['a long formula', `=${'a'.repeat(200)}`, `"'=${'a'.repeat(200)}"`],
  ['an empty text', '', '""'],
  ['nothing', null, ''],
])('writes %s', async (_case, cell, written) => {
  for (const length of [1, 2, 7, 1000]) {
    expect(await filter(formatRow([1, cell, 'x']), [length])).toBe(`1,${written},"x"\r\n`);
    expect(await filter(formatRow([cell]), [length])).toBe(`${written}\r\n`);
  }
});

it('changes exactly the texts that start like formulas, in chunks of any length', async () => {
  const text = fc.string({
    unit: fc.constantFrom('=', '-', '"', "'", ',', '\r\n', '\n', 'a', ' ', '＝', 'é', '🏨'),
    maxLength: 8,
  });
  const cell = fc.oneof(text, fc.integer(), fc.constant(null));
  const rows = fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rows, lengths, async (table, chunkLengths) => {
      const expected = table.map((row) =>
        row.map((each) => (typeof each === 'string' ? neutralizeFormula(each) : each)),
      );
      const filtered = await filter(table.map(formatRow).join(''), chunkLengths);
      expect(filtered).toBe(expected.map(formatRow).join(''));
    }),
    { numRuns: 300 },
  );
});
