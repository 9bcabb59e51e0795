import { getSqlDialect } from '../../../core/sql/sql-dialect.ts';
import { splitStatements } from '../../../core/sql/sql-tokens.ts';
import type { Operation } from '../context/operations.ts';
import { readErrorProperty } from './error-types.ts';

/** SQL text that was sent to a database. It can contain several statements. */
export interface SentStatement {
  readonly operation: Operation;
  /** Value of `db.system.name`. */
  readonly system: string;
  text: string;
  /**
   * Number of statements that the server has completed. Always 1 if the driver sends only one. {@link ALL_STATEMENTS} if
   * all have succeeded.
   */
  completed: number;
  /** Arguments of the statement: usually an array. */
  values?: unknown;
  /** Number of rows that the statement returned, or 0 if it is unknown. */
  returnedRows?: number;
  /** The connection that executes the statement. */
  connection?: object | undefined;
}

/** Creates the state of SQL text that is sent now. All have the same properties, so that V8 reads them fast. */
export function createSentStatement(
  operation: Operation,
  system: string,
  text: string,
  connection: object | undefined,
): SentStatement {
  return { operation, system, text, completed: 0, values: undefined, returnedRows: 0, connection };
}

/** Number of completed statements if all have succeeded. */
export const ALL_STATEMENTS = Number.POSITIVE_INFINITY;

export interface StatementPart {
  readonly text: string;
  readonly durationMs: number;
  readonly error: unknown;
}

/** SQLSTATE of a syntax error. PostgreSQL then runs none of the statements in the SQL text. */
const SYNTAX_ERROR = '42601';
const CREATE_TRIGGER = /\bCREATE\s+(?:TEMP(?:ORARY)?\s+)?TRIGGER\b/i;

/**
 * Splits SQL text into the statements that ran, usually one. The duration is divided equally,
 * because the server sends the results of all statements together. A failed statement is the last
 * statement that ran. If PostgreSQL reports a different number of statements, for example because
 * of a rule, the text is treated as one statement.
 */
export function toStatementParts(
  statement: SentStatement,
  nowMs: number,
  error: unknown,
): StatementPart[] {
  const { text, operation, system, completed } = statement;
  const durationMs = nowMs - operation.startMs;
  const whole = [{ text, durationMs, error }];
  const texts = splitStatements(text, getSqlDialect(system));
  if (!texts || texts.length < 2) return whole;
  if (readErrorProperty(error, 'code') === SYNTAX_ERROR) return whole;
  // The body of a trigger contains statements.
  if (system === 'sqlite' && CREATE_TRIGGER.test(text)) return whole;
  const failed = error !== undefined;
  if (!failed && completed === ALL_STATEMENTS) {
    const share = durationMs / texts.length;
    return texts.map((part) => ({ text: part, durationMs: share, error }));
  }
  const executed = completed + (failed ? 1 : 0);
  if (failed ? executed > texts.length : executed !== texts.length) return whole;
  return texts.slice(0, executed).map((part, i) => ({
    text: part,
    durationMs: durationMs / executed,
    error: i < completed ? undefined : error,
  }));
}
