import type { SqlDialect } from '../../../core/sql/sql-dialect.ts';
import { tokenizeSql } from '../../../core/sql/sql-tokens.ts';

/** Columns of a condition that an index can use, as SQL expressions. */
export interface ConditionColumns {
  /** Compared with `=`, `= ANY`, or `IS NULL`. */
  readonly equality: readonly string[];
  /** Compared with `<`, `<=`, `>`, or `>=`. */
  readonly range: readonly string[];
}

const CAST =
  /::(?:"[^"]+"|[a-z_][\w.]*)(?: varying| precision| with(?:out)? time zone)?(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])*/gi;
const NAME = '(?:"[^"]+"|`[^`]+`|[A-Za-z_][\\w$]*)';
const COLUMN = new RegExp(`^(?:${NAME}\\.){0,3}(${NAME})$`);
const CALL = new RegExp(`^(lower|upper|date)\\((?:${NAME}\\.){0,3}(${NAME})\\)$`, 'i');
const COMPARISONS = new Set(['=', '<=>', '<', '<=', '>', '>=']);
const MAX_CONDITION_LENGTH = 4000;

/**
 * Returns the columns of a plan's condition, such as `((property = $1) AND (arrival > $2))`. Alternatives with `OR`, and
 * comparisons that an ordinary index doesn't support, contribute no columns.
 */
export function findConditionColumns(condition: string): ConditionColumns {
  const [equality, range] = [new Set<string>(), new Set<string>()];
  const text = condition.slice(0, MAX_CONDITION_LENGTH).replace(CAST, '');
  for (const part of splitConjunction(text)) {
    const nullTest = /^(.+?) IS NULL$/is.exec(part);
    if (nullTest) {
      const column = toColumn(nullTest[1]!);
      if (column !== undefined) equality.add(column);
      continue;
    }
    const comparison = splitComparison(part);
    if (!comparison) continue;
    const { left, operator, right } = comparison;
    // A comparison of two columns of the table isn't a search condition.
    const column = toColumn(left) ?? toColumn(right);
    if (column === undefined || (toColumn(left) !== undefined && toColumn(right) !== undefined)) {
      continue;
    }
    if (operator === '=' || operator === '<=>') equality.add(column);
    else range.add(column);
  }
  for (const column of equality) range.delete(column);
  return { equality: [...equality], range: [...range] };
}

/** Returns the column in an expression, or a call of a simple function with a column. */
export function toColumn(expression: string): string | undefined {
  const text = stripParentheses(expression.trim());
  const column = COLUMN.exec(text)?.[1];
  if (column !== undefined)
    return /^(?:true|false|null)$/i.test(column) ? undefined : unquote(column);
  const call = CALL.exec(
    text.replace(/\((\([^()]+\))\)/g, '$1').replace(/\(\(([^()]+)\)\)/g, '($1)'),
  );
  return call ? `(${call[1]!.toLowerCase()}(${unquote(call[2]!)}))` : undefined;
}

/** Removes quotes that a name doesn't need. */
function unquote(name: string): string {
  const inner = name.slice(1, -1);
  if (!/^["`]/.test(name)) return name;
  return /^[a-z_][a-z0-9_]*$/.test(inner) ? inner : name;
}

/** Splits a comparison with `=`, `<`, or `>` at its operator. Returns undefined for other conditions. */
export function splitComparison(
  condition: string,
): { readonly left: string; readonly operator: string; readonly right: string } | undefined {
  let depth = 0;
  for (const { word, offset } of tokenizeSql(condition, 'postgresql')) {
    if (word === '(') depth += 1;
    else if (word === ')') depth -= 1;
    else if (depth === 0 && COMPARISONS.has(word)) {
      const right = condition.slice(offset + word.length).trim();
      return { left: condition.slice(0, offset).trim(), operator: word, right };
    }
  }
  return undefined;
}

/** Splits a condition at `AND` outside of parentheses, also in nested groups. */
export function splitConjunction(condition: string, depth = 0): string[] {
  const text = stripParentheses(condition.trim());
  const parts = splitAtWord(text, 'AND');
  if (parts.length > 1 && depth < 20) {
    return parts.flatMap((part) => splitConjunction(part, depth + 1));
  }
  return splitAtWord(text, 'OR').length > 1 ? [] : [text];
}

function splitAtWord(text: string, word: string): string[] {
  const parts: string[] = [];
  let [depth, start] = [0, 0];
  for (const { word: token, offset } of tokenizeSql(text, 'postgresql')) {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    else if (depth === 0 && token.toUpperCase() === word) {
      parts.push(text.slice(start, offset));
      start = offset + word.length;
    }
  }
  return [...parts, text.slice(start)];
}

/** Removes parentheses around a whole text. */
function stripParentheses(text: string): string {
  let current = text;
  while (current.startsWith('(') && current.endsWith(')') && isOneGroup(current)) {
    current = current.slice(1, -1).trim();
  }
  return current;
}

function isOneGroup(text: string): boolean {
  let depth = 0;
  for (const [i, character] of [...text].entries()) {
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    if (depth === 0) return i === [...text].length - 1;
  }
  return false;
}

/** Replaces literals and parameters of a plan's text by `?`, so that it contains no data. */
export function removeLiterals(text: string, dialect: SqlDialect = 'postgresql'): string {
  return tokenizeSql(text, dialect)
    .map(({ word }) => word)
    .join(' ')
    .replace(/ ?(::|\.) ?/g, '$1')
    .replace(/ ([,)\]])/g, '$1')
    .replace(/([([]) /g, '$1');
}

/**
 * Orders the columns of an index: columns that are compared with `=` first, because the index can use all of them.
 * Then one column that is compared with a range, or the columns of the sort order.
 */
export function orderIndexColumns(
  { equality, range }: ConditionColumns,
  sortColumns: readonly string[],
): string[] {
  const sorted = sortColumns.filter((column) => !equality.includes(column.replace(/ DESC$/i, '')));
  const last = range.length > 0 ? range.slice(0, 1) : sorted;
  return [...equality, ...last].slice(0, MAX_INDEX_COLUMNS);
}

/** More columns make an index large, and rarely faster. */
const MAX_INDEX_COLUMNS = 4;
