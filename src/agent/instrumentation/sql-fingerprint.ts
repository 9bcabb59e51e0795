/** Describes a statement without the literal values in it. */
export interface SqlFingerprint {
  /** Statement with `?` for each literal, shortened lists of values, and no comments. */
  text: string;
  /**
   * First keyword, or the keyword after the `WITH` clause, such as `SELECT`, `INSERT`, or `BEGIN`.
   */
  operation: string;
  /** First table in the statement. */
  table: string | undefined;
}

const MAX_FINGERPRINT_LENGTH = 400;

/** Creates the fingerprint of a PostgreSQL statement. */
export function fingerprintSql(statement: string): SqlFingerprint {
  const words = tokenizeSql(statement).map(({ word }) => word);
  const text = joinWords(words.slice(0, words.findLastIndex((word) => word !== ';') + 1))
    .replace(/ ?(::|\.) ?/g, '$1')
    .replace(/ ?([,;)])/g, '$1')
    .replace(/\( /g, '(')
    .replace(/(?<=\()(?:\?|\$\d+)(?:, ?(?:\?|\$\d+))+(?=\))/g, '…')
    .replace(/(\((?:…|\?|\$\d+)\))(?:, ?\((?:…|\?|\$\d+)\))+/g, '$1, …')
    .trim();
  return { text: truncateWithHash(text), operation: findOperation(words), table: findTable(words) };
}

/** Keywords that are not function names, even if a parenthesis follows. */
const NON_FUNCTION_KEYWORDS = new Set(
  'AND OR NOT IN ANY ALL SOME EXISTS VALUES AS FROM JOIN ON WHERE HAVING SELECT UNION OVER USING BY WHEN THEN ELSE'.split(
    ' ',
  ),
);

function joinWords(words: readonly string[]): string {
  return words.reduce((text, word, i) => {
    const previous = words[i - 1] ?? '';
    const isCall =
      word === '(' && isIdentifier(previous) && !NON_FUNCTION_KEYWORDS.has(previous.toUpperCase());
    return isCall || i === 0 ? text + word : `${text} ${word}`;
  }, '');
}

const OPERATIONS_AFTER_WITH = new Set([
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'VALUES',
  'TABLE',
]);

function findOperation(words: readonly string[]): string {
  const first = words.find((word) => /^\w/.test(word))?.toUpperCase() ?? 'UNKNOWN';
  if (first !== 'WITH') return first.slice(0, 32);
  let depth = 0;
  for (const word of words) {
    if (word === '(') depth += 1;
    else if (word === ')') depth -= 1;
    else if (depth === 0 && OPERATIONS_AFTER_WITH.has(word.toUpperCase()))
      return word.toUpperCase();
  }
  return first;
}

const KEYWORDS_BEFORE_TABLE = new Set([
  'FROM',
  'INTO',
  'UPDATE',
  'TABLE',
  'JOIN',
  'COPY',
  'TRUNCATE',
]);
const TABLE_MODIFIERS = new Set(['ONLY', 'IF', 'NOT', 'EXISTS', 'TABLE', 'LATERAL']);

function findTable(words: readonly string[]): string | undefined {
  for (let i = 0; i < words.length - 1; i++) {
    if (!KEYWORDS_BEFORE_TABLE.has(words[i]!.toUpperCase())) continue;
    let next = i + 1;
    while (TABLE_MODIFIERS.has(words[next]?.toUpperCase() ?? '')) next += 1;
    if (!isIdentifier(words[next])) {
      // A modifier can also be a keyword, as in `TABLE TABLE`, so continue after the modifiers.
      i = next - 1;
      continue;
    }
    const qualified = words[next + 1] === '.' && isIdentifier(words[next + 2]);
    const name = qualified ? `${words[next]}.${words[next + 2]}` : words[next]!;
    return name.replaceAll('"', '').slice(0, 128);
  }
  return undefined;
}

function isIdentifier(word: string | undefined): boolean {
  return word !== undefined && /^["A-Za-z_\u0080-\uffff]/.test(word);
}

/** Truncates long text and adds a hash, so that different statements stay different. */
function truncateWithHash(text: string): string {
  if (text.length <= MAX_FINGERPRINT_LENGTH) return text;
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return `${text.slice(0, MAX_FINGERPRINT_LENGTH)} … #${(hash >>> 0).toString(36)}`;
}

/**
 * Only the start of a longer statement is parsed. The start identifies a bulk insert well enough.
 */
const MAX_TOKENIZED_LENGTH = 20_000;

const TOKEN_PATTERN = new RegExp(
  [
    /(?<space>\s+|--[^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<text>[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|[bBxXnN]?'(?:[^']|'')*(?:'|$)|[uU]&'(?:[^']|'')*(?:'|$))/,
    /(?<dollar>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)/,
    /(?<param>\$\d+)/,
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
interface SqlToken {
  /** Text of the token, or `?` for a literal. */
  readonly word: string;
  /** Position of the token in the text. */
  readonly offset: number;
}

/**
 * Splits SQL text into tokens according to PostgreSQL's rules for literals and quotes. Omits
 * comments.
 */
function tokenizeSql(text: string): SqlToken[] {
  const statement = text.slice(0, MAX_TOKENIZED_LENGTH);
  const tokens: SqlToken[] = [];
  TOKEN_PATTERN.lastIndex = 0;
  while (TOKEN_PATTERN.lastIndex < statement.length) {
    const offset = TOKEN_PATTERN.lastIndex;
    const match = TOKEN_PATTERN.exec(statement);
    if (!match) break;
    const { space, comment, text: literal, dollar, number } = match.groups ?? {};
    if (space !== undefined) continue;
    if (comment !== undefined)
      TOKEN_PATTERN.lastIndex = findCommentEnd(statement, TOKEN_PATTERN.lastIndex);
    else if (dollar !== undefined) {
      const end = statement.indexOf(dollar, TOKEN_PATTERN.lastIndex);
      TOKEN_PATTERN.lastIndex = end < 0 ? statement.length : end + dollar.length;
      tokens.push({ word: '?', offset });
    } else if (literal !== undefined || number !== undefined) tokens.push({ word: '?', offset });
    else tokens.push({ word: match[0], offset });
  }
  return tokens;
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
