import { type SqlDialect, TOKEN_PATTERNS } from './sql-dialect.ts';

/**
 * Only the start of a longer statement is parsed. The start identifies a bulk insert well enough.
 */
export const MAX_TOKENIZED_LENGTH = 20_000;

/** A token of a statement. */
export interface SqlToken {
  /** Text of the token, or `?` for a literal and a placeholder. A sign belongs to its number. */
  readonly word: string;
  /** Position of the token in the text. */
  readonly offset: number;
}

/** Splits SQL text into tokens according to the dialect's rules for literals and quotes. Omits comments. */
export function tokenizeSql(text: string, dialect: SqlDialect): SqlToken[] {
  const pattern = TOKEN_PATTERNS[dialect];
  const statement = text.slice(0, MAX_TOKENIZED_LENGTH);
  const tokens: SqlToken[] = [];
  let isInHint = false;
  let isAfterText = false;
  pattern.lastIndex = 0;
  while (pattern.lastIndex < statement.length) {
    const offset = pattern.lastIndex;
    if (isInHint && statement.startsWith('*/', offset)) {
      isInHint = false;
      pattern.lastIndex = offset + 2;
      continue;
    }
    const match = pattern.exec(statement);
    if (!match) break;
    const { space, hint, comment, text: literal, dollar, number, param, operator } = match.groups!;
    if (space !== undefined) continue;
    if (hint !== undefined) isInHint = true;
    else if (comment !== undefined)
      pattern.lastIndex = findCommentEnd(statement, pattern.lastIndex, dialect);
    else if (literal !== undefined) {
      // Adjacent literals are one text.
      if (!isAfterText) tokens.push({ word: '?', offset });
      isAfterText = true;
      continue;
    } else if (dollar !== undefined) {
      const end = statement.indexOf(dollar, pattern.lastIndex);
      pattern.lastIndex = end < 0 ? statement.length : end + dollar.length;
      tokens.push({ word: '?', offset });
    } else if (number !== undefined) pushNumber(tokens, offset);
    else if (param !== undefined) tokens.push({ word: '?', offset });
    else if (operator !== undefined) {
      const word = isInHint ? trimHintEnd(operator) : trimSign(operator, dialect);
      pattern.lastIndex = offset + word.length;
      tokens.push({ word, offset });
    } else tokens.push({ word: match[0], offset });
    isAfterText = false;
  }
  return tokens;
}

/** Removes the end of a hint from the end of an operator. */
function trimHintEnd(operator: string): string {
  const end = operator.indexOf('*/');
  return end < 0 ? operator : operator.slice(0, end);
}

/** PostgreSQL's operators with one of these characters can end with a sign. */
const OPERATOR_BEFORE_SIGN = /[~!@#%^&|`?]/;

/** Removes a sign from the end of an operator: `=-5` is `=` and `-5`. */
function trimSign(operator: string, dialect: SqlDialect): string {
  if (operator.length === 1 || !/[+-]$/.test(operator)) return operator;
  const isOneOperator = dialect === 'postgresql' && OPERATOR_BEFORE_SIGN.test(operator);
  return isOneOperator ? operator : operator.slice(0, -1);
}

/** Keywords after which a sign belongs to a number. */
const KEYWORDS_BEFORE_SIGN = new Set(
  'AND OR NOT BETWEEN SELECT RETURNING WHERE ON HAVING LIMIT OFFSET BY WHEN THEN ELSE CASE SET IN LIKE DISTINCT'.split(
    ' ',
  ),
);

/** Adds a number, and removes its sign. A sign between two values is an operator. */
function pushNumber(tokens: SqlToken[], offset: number): void {
  const sign = tokens.at(-1);
  if (sign?.word === '-' || sign?.word === '+') {
    const before = tokens.at(-2)?.word ?? '';
    const isOperand = /[?)\]"`]$/.test(before) || /^[A-Za-z_\u0080-\uffff]/.test(before);
    if (!isOperand || KEYWORDS_BEFORE_SIGN.has(before.toUpperCase())) tokens.pop();
  }
  tokens.push({ word: '?', offset });
}

/** Returns the end of a comment. Only PostgreSQL's comments can be nested. */
function findCommentEnd(statement: string, from: number, dialect: SqlDialect): number {
  if (dialect !== 'postgresql') {
    const end = statement.indexOf('*/', from);
    return end < 0 ? statement.length : end + 2;
  }
  let depth = 1;
  for (let i = from; i < statement.length - 1; i++) {
    const pair = statement.slice(i, i + 2);
    if (pair === '/*') depth += 1;
    else if (pair === '*/') depth -= 1;
    else continue;
    i += 1;
    if (depth === 0) return i + 1;
  }
  return statement.length;
}

/** Returns the non-empty statements in SQL text, or undefined if the text is too long to parse. */
export function splitStatements(text: string, dialect: SqlDialect): string[] | undefined {
  if (text.length > MAX_TOKENIZED_LENGTH) return undefined;
  const statements: string[] = [];
  let start: number | undefined;
  for (const { word, offset } of tokenizeSql(text, dialect)) {
    if (word !== ';') start ??= offset;
    else if (start !== undefined) {
      statements.push(text.slice(start, offset));
      start = undefined;
    }
  }
  if (start !== undefined) statements.push(text.slice(start));
  return statements;
}

/**
 * Quickly checks whether SQL text can contain several statements. This function runs for every
 * query.
 */
export function mayHaveMultipleStatements(text: string): boolean {
  const index = text.indexOf(';');
  return index >= 0 && index < text.length - 1 && text.trimEnd().length > index + 1;
}
