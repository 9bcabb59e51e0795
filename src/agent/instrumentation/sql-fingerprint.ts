/** What may be said of a statement: nothing that its author wrote into it as a value. */
export interface SqlFingerprint {
  /** The statement with `?` for each literal, lists of values shortened, and no comments. */
  text: string;
  /** Its first word, or the one after its `WITH`: SELECT, INSERT, BEGIN … */
  operation: string;
  /** The first table that it names. */
  table: string | undefined;
}

/** Longest text of a fingerprint. */
const MAX_FINGERPRINT_LENGTH = 400;
/** Makes a statement's fingerprint. PostgreSQL's rules for literals, quotes and comments. */
export function fingerprintSql(statement: string): SqlFingerprint {
  const words = tokenizeSql(statement).map(({ word }) => word);
  const text = joinWords(words)
    .replace(/ ?(::|\.) ?/g, '$1')
    .replace(/ ?([,;)])/g, '$1')
    .replace(/\( /g, '(')
    .replace(/(?<=\()(?:\?|\$\d+)(?:, ?(?:\?|\$\d+))+(?=\))/g, '…')
    .replace(/(\((?:…|\?|\$\d+)\))(?:, ?\((?:…|\?|\$\d+)\))+/g, '$1, …')
    .replace(/;+$/, '')
    .trim();
  return { text: truncateWithHash(text), operation: findOperation(words), table: findTable(words) };
}

/** Words before which and after which a parenthesis is no call. */
const NON_FUNCTION_KEYWORDS = new Set(
  'AND OR NOT IN ANY ALL SOME EXISTS VALUES AS FROM JOIN ON WHERE HAVING SELECT UNION OVER USING BY WHEN THEN ELSE'.split(
    ' ',
  ),
);

function joinWords(words: readonly string[]): string {
  return words.reduce((text, word, i) => {
    const before = words[i - 1] ?? '';
    const isCall =
      word === '(' && isIdentifier(before) && !NON_FUNCTION_KEYWORDS.has(before.toUpperCase());
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
    if (!isIdentifier(words[next])) continue;
    const qualified = words[next + 1] === '.' && isIdentifier(words[next + 2]);
    const name = qualified ? `${words[next]}.${words[next + 2]}` : words[next]!;
    return name.replaceAll('"', '').slice(0, 128);
  }
  return undefined;
}

function isIdentifier(word: string | undefined): boolean {
  return word !== undefined && /^["A-Za-z_\u0080-\uffff]/.test(word);
}

/** What is too long to be a name keeps its beginning, and a number that tells it from others. */
function truncateWithHash(text: string): string {
  if (text.length <= MAX_FINGERPRINT_LENGTH) return text;
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return `${text.slice(0, MAX_FINGERPRINT_LENGTH)} … #${(hash >>> 0).toString(36)}`;
}

/** Longest statement that is read to its end; a bulk insert says all it has to say before. */
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

/** A word of a statement, `?` for a literal, and where it begins. */
export interface SqlToken {
  readonly word: string;
  readonly offset: number;
}

/** Reads a text by PostgreSQL's rules for literals, quotes and comments, which are left out. */
function tokenizeSql(text: string): SqlToken[] {
  const statement = text.slice(0, MAX_TOKENIZED_LENGTH);
  const found: SqlToken[] = [];
  TOKEN_PATTERN.lastIndex = 0;
  while (TOKEN_PATTERN.lastIndex < statement.length) {
    const at = TOKEN_PATTERN.lastIndex;
    const match = TOKEN_PATTERN.exec(statement);
    if (!match) break;
    const { space, comment, text: literal, dollar, number } = match.groups ?? {};
    if (space !== undefined) continue;
    if (comment !== undefined)
      TOKEN_PATTERN.lastIndex = findCommentEnd(statement, TOKEN_PATTERN.lastIndex);
    else if (dollar !== undefined) {
      const end = statement.indexOf(dollar, TOKEN_PATTERN.lastIndex);
      TOKEN_PATTERN.lastIndex = end < 0 ? statement.length : end + dollar.length;
      found.push({ word: '?', offset: at });
    } else if (literal !== undefined || number !== undefined) found.push({ word: '?', offset: at });
    else found.push({ word: match[0], offset: at });
  }
  return found;
}

/** Comments of PostgreSQL nest. */
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

/** The statements of a text, without those that are empty; undefined when it is too long to be read. */
export function splitStatements(text: string): string[] | undefined {
  if (text.length > MAX_TOKENIZED_LENGTH) return undefined;
  const found: string[] = [];
  let from: number | undefined;
  for (const { word, offset: at } of tokenizeSql(text)) {
    if (word !== ';') from ??= at;
    else if (from !== undefined) {
      found.push(text.slice(from, at));
      from = undefined;
    }
  }
  if (from !== undefined) found.push(text.slice(from));
  return found;
}

/** Whether a text may hold more than one statement: quick, for this is asked of each. */
export function mayHaveMultipleStatements(text: string): boolean {
  const at = text.indexOf(';');
  return at >= 0 && at < text.length - 1 && text.trimEnd().length > at + 1;
}
