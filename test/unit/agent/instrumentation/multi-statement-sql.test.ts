import { describe, expect, it } from 'vitest';
import { toStatementParts } from '../../../../src/agent/instrumentation/postgres-statements.ts';
import {
  mayHaveMultipleStatements,
  splitStatements,
} from '../../../../src/agent/instrumentation/sql-fingerprint.ts';

it.each([
  ['SELECT 1', false],
  ['SELECT 1; \n', false],
  ['SELECT 1; SELECT 2', true],
])('%j may be several statements: %s', (text, expected) => {
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
])('finds the statements of %j', (text, expected) => {
  expect(splitStatements(text)).toEqual(expected);
});

describe('partsOf', () => {
  const text = 'BEGIN; SELECT 1; COMMIT';
  const sent = (completed: number, sentText = text) => ({
    text: sentText,
    startMs: 100,
    completed,
    tenant: undefined,
  });
  const part = (partText: string, durationMs: number, error?: unknown) => ({
    text: partText,
    durationMs,
    error,
  });

  it('gives each its share of the time', () => {
    expect(toStatementParts(sent(3), 115, undefined)).toEqual([
      ...[part('BEGIN', 5), part('SELECT 1', 5), part('COMMIT', 5)],
    ]);
  });

  it('ends with the one that failed', () => {
    const error = { code: '22012' };
    expect(toStatementParts(sent(1), 110, error)).toEqual([
      part('BEGIN', 5),
      part('SELECT 1', 5, error),
    ]);
  });

  it.each([
    ['nothing ran of what can not be read', 0, { code: '42601' }],
    ['PostgreSQL counts otherwise', 2, undefined],
    ['more is complete than there is', 3, { code: '57014' }],
  ])('stays whole where %s', (_why, completed, error) => {
    expect(toStatementParts(sent(completed), 115, error)).toEqual([part(text, 15, error)]);
  });

  it('is one where there is one', () => {
    expect(toStatementParts(sent(1, 'SELECT 1'), 115, undefined)).toEqual([part('SELECT 1', 15)]);
  });
});
