/**
 * Only the start of a longer statement is parsed. The start identifies a bulk insert well enough.
 */
export const MAX_TOKENIZED_LENGTH = 20_000;

const TOKEN_PATTERN = new RegExp(
  [
    /(?<space>\s+|--[^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<text>[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|[bBxXnN]?'(?:[^']|'')*(?:'|$)|[uU]&'(?:[^']|'')*(?:'|$))/,
    /(?<dollar>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)/,
    /(?<param>\$\d+|(?<![\w\]:]):\d+|@[pP]\d+\b)/,
    /(?<quoted>(?:[uU]&)?"(?:[^"]|"")*(?:"|$))/,
    /(?<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?\w*)/,
    /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<operator>(?:(?!--|\/\*)[+*/<>=~!@#%^&|`?-])+|::|:=)/,
    /(?<other>[\s\S])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'y',
);

/** A token of a statement. */
export interface SqlToken {
  /** Text of the token, or `?` for a literal and a placeholder. A sign belongs to its number. */
  readonly word: string;
  /** Position of the token in the text. */
  readonly offset: number;
}

/**
 * Splits SQL text into tokens according to PostgreSQL's rules for literals and quotes. Omits
 * comments.
 */
export function tokenizeSql(text: string): SqlToken[] {
  const statement = text.slice(0, MAX_TOKENIZED_LENGTH);
  const tokens: SqlToken[] = [];
  TOKEN_PATTERN.lastIndex = 0;
  while (TOKEN_PATTERN.lastIndex < statement.length) {
    const offset = TOKEN_PATTERN.lastIndex;
    const match = TOKEN_PATTERN.exec(statement);
    if (!match) break;
    const { space, comment, text: literal, dollar, number, param, operator } = match.groups ?? {};
    if (space !== undefined) continue;
    if (comment !== undefined)
      TOKEN_PATTERN.lastIndex = findCommentEnd(statement, TOKEN_PATTERN.lastIndex);
    else if (dollar !== undefined) {
      const end = statement.indexOf(dollar, TOKEN_PATTERN.lastIndex);
      TOKEN_PATTERN.lastIndex = end < 0 ? statement.length : end + dollar.length;
      tokens.push({ word: '?', offset });
    } else if (number !== undefined) pushNumber(tokens, offset);
    else if (literal !== undefined || param !== undefined) tokens.push({ word: '?', offset });
    else if (operator !== undefined) {
      const word = trimSign(operator);
      TOKEN_PATTERN.lastIndex = offset + word.length;
      tokens.push({ word, offset });
    } else tokens.push({ word: match[0], offset });
  }
  return tokens;
}

/** Operators with one of these characters can end with a sign. */
const OPERATOR_BEFORE_SIGN = /[~!@#%^&|`?]/;

/** Removes a sign from the end of an operator, as PostgreSQL does: `=-5` is `=` and `-5`. */
function trimSign(operator: string): string {
  const isSign = operator.length === 1 || !/[+-]$/.test(operator);
  return isSign || OPERATOR_BEFORE_SIGN.test(operator) ? operator : operator.slice(0, -1);
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
    const isOperand = /[?)\]"]$/.test(before) || /^[A-Za-z_\u0080-\uffff]/.test(before);
    if (!isOperand || KEYWORDS_BEFORE_SIGN.has(before.toUpperCase())) tokens.pop();
  }
  tokens.push({ word: '?', offset });
}

/** Returns the end of a comment. PostgreSQL comments can be nested. */
function findCommentEnd(statement: string, from: number): number {
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
export function splitStatements(text: string): string[] | undefined {
  if (text.length > MAX_TOKENIZED_LENGTH) return undefined;
  const statements: string[] = [];
  let start: number | undefined;
  for (const { word, offset } of tokenizeSql(text)) {
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
