import { describe, expect, it } from 'vitest';
import { codeBlocks } from '../../../scripts/prose/code-plugin.mjs';
import { findFaults } from '../../../scripts/prose/house-style-rule.mjs';

const readBlocks = (code: string) =>
  codeBlocks(code).map(({ raw }) => raw.trim().replaceAll(/\s+/g, ' '));

describe('the prose check', () => {
  // The phrases are examples of what the check must find, so they are split here to let this file pass.
  it.each([
    ['a phrase', ['It ', 'goes on', ' after a restart.'], 'goes on'],
    ['British spelling', ['The ', 'colour', ' of a line.'], 'colour'],
  ])('finds %s', (_name, parts, found) => {
    const faults = findFaults(parts.join(''));
    expect(faults.map(({ index }) => index)).toEqual([parts[0]?.length]);
    expect(faults[0]?.message).toContain(found);
  });

  it('finds a sentence of more than 25 words', () => {
    const sentence = (count: number) => `${Array(count).fill('Word').join(' ')}.`;
    expect(findFaults(sentence(25))).toEqual([]);
    expect(findFaults(`Short. ${sentence(26)}`)).toMatchObject([{ index: 7 }]);
  });

  it('accepts plain English', () => {
    expect(findFaults('The server retries the batch. There is no limit.')).toEqual([]);
  });
});

describe('the text of source code', () => {
  it('joins consecutive line comments and splits block comments at tags', () => {
    const code = [
      '// One sentence that',
      '// spans two lines.',
      'const a = 1;',
      '/**',
      ' * Returns a row.',
      ' * @param id of the row',
      ' */',
    ].join('\n');
    expect(readBlocks(code)).toEqual([
      'One sentence that spans two lines.',
      'Returns a row.',
      'of the row',
    ]);
  });

  it('omits examples', () => {
    const code = [
      '/**',
      ' * Returns a row.',
      ' *',
      ' * @example',
      " * const row = readRow('a');",
      ' *',
      ' * console.log(row);',
      ' * @param id of the row',
      ' */',
    ].join('\n');
    expect(readBlocks(code)).toEqual(['Returns a row.', 'of the row']);
  });

  it('contains sentences in string literals, but neither labels nor SQL', () => {
    const code = `f('The file can not be read', 'two words', 'SELECT a, b, c FROM table', "select a as b from c where d")`;
    expect(readBlocks(code)).toEqual(['The file can not be read']);
  });

  it('keeps the position of each character', () => {
    const code = "const text = 'one two three four';";
    const [block] = codeBlocks(code);
    expect(code.slice((block?.start ?? 0) + 1)).toMatch(/^one two three four/);
    expect(block?.raw.length).toBe("'one two three four'".length);
  });
});
