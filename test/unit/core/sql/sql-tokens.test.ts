import { expect, it } from 'vitest';
import { mayHaveMultipleStatements, splitStatements } from '../../../../src/core/sql/sql-tokens.ts';

it.each([
  ['SELECT 1', false],
  ['SELECT 1; \n', false],
  ['SELECT 1; SELECT 2', true],
])('checks whether %j can contain several statements: %s', (text, expected) => {
  expect(mayHaveMultipleStatements(text)).toBe(expected);
});

it.each([
  ['SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
  [';; SELECT 1;;\n -- ; end', ['SELECT 1']],
  [
    'SELECT \';\'; SELECT $a$ ; $a$ /* ; /* ; */ */, ";"',
    ["SELECT ';'", 'SELECT $a$ ; $a$ /* ; /* ; */ */, ";"'],
  ],
  ['', []],
])('splits the statements of %j', (text, expected) => {
  expect(splitStatements(text, 'postgresql')).toEqual(expected);
});
