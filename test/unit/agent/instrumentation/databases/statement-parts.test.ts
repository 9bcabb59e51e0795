import { describe, expect, it } from 'vitest';
import { toStatementParts } from '../../../../../src/agent/instrumentation/databases/statement-parts.ts';

describe('toStatementParts', () => {
  const text = 'BEGIN; SELECT 1; COMMIT';
  const sent = (completed: number, sentText = text) => ({
    operation: { kind: 'database' as const, startMs: 100, tenant: undefined, ended: false },
    system: 'postgresql',
    text: sentText,
    completed,
  });
  const part = (partText: string, durationMs: number, error?: unknown) => ({
    text: partText,
    durationMs,
    error,
  });

  it('divides the duration equally among the statements', () => {
    expect(toStatementParts(sent(3), 115, undefined)).toEqual([
      ...[part('BEGIN', 5), part('SELECT 1', 5), part('COMMIT', 5)],
    ]);
  });

  it('ends with the failed statement', () => {
    const error = { code: '22012' };
    expect(toStatementParts(sent(1), 110, error)).toEqual([
      part('BEGIN', 5),
      part('SELECT 1', 5, error),
    ]);
  });

  it.each([
    ['the text has a syntax error', 0, { code: '42601' }],
    ['PostgreSQL counts fewer statements', 2, undefined],
    ['all statements completed before an error', 3, { code: '57014' }],
  ])('does not split the text if %s', (_condition, completed, error) => {
    expect(toStatementParts(sent(completed), 115, error)).toEqual([part(text, 15, error)]);
  });

  it('returns a single statement unchanged', () => {
    expect(toStatementParts(sent(1, 'SELECT 1'), 115, undefined)).toEqual([part('SELECT 1', 15)]);
  });
});
