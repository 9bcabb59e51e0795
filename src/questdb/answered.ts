import { PerfscopeError } from '../errors.ts';

/**
 * Whether an error of the reader is QuestDB's own answer to a statement, and not that there was
 * none: PostgreSQL's wire gives its errors a severity.
 */
export function isAnswered(error: unknown): boolean {
  if (!(error instanceof PerfscopeError)) return true;
  if (error.code !== 'PS_UNAVAILABLE' && error.code !== 'PS_QUERY_TOO_LONG') return true;
  const { cause } = error;
  return typeof cause === 'object' && cause !== null && 'severity' in cause;
}
