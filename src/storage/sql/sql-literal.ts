import type { TenantScope } from '../../core/tenant-scope.ts';
import { type Param, renderText, type Sql } from './sql-builder.ts';

/**
 * Returns the text of a statement with literals instead of parameters, limited to the rows that are visible in `scope`.
 * Use it to show a statement to a person, not to run it.
 *
 * @returns `undefined` if no row of a table in the statement is visible in the scope
 */
export function renderLiteralSql(statement: Sql, scope: TenantScope): string | undefined {
  return renderText(statement, scope, formatSqlLiteral);
}

/**
 * Formats a value as an SQL literal. In QuestDB's texts, only the single quote has a meaning, and it is doubled.
 * Negative numbers are in parentheses, so that a minus before them doesn't start a comment.
 *
 * @throws TypeError if QuestDB has no literal for the value. Examples are infinity and text with a NUL.
 */
export function formatSqlLiteral(value: Param): string {
  switch (typeof value) {
    case 'boolean':
      return String(value);
    case 'number':
      return formatNumber(value);
    case 'string':
      return formatText(value);
    default:
      return formatTime(value);
  }
}

function formatNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`${value} has no SQL literal`);
  return value < 0 ? `(${value})` : String(value);
}

function formatText(text: string): string {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new TypeError('text with a NUL or a lone surrogate has no SQL literal');
  }
  return `'${text.replaceAll("'", "''")}'`;
}

/** Formats a time as ISO 8601 in UTC, which QuestDB converts to a timestamp. */
function formatTime(time: Date): string {
  if (Number.isNaN(time.getTime())) throw new TypeError('an invalid time has no SQL literal');
  return `'${time.toISOString()}'`;
}
