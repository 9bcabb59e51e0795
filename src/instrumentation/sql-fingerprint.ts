/** What may be said of a statement: nothing that its author wrote into it as a value. */
export interface Fingerprint {
  /** The statement with `?` for each literal, lists of values shortened, and no comments. */
  text: string;
  /** Its first word, or the one after its `WITH`: SELECT, INSERT, BEGIN … */
  operation: string;
  /** The first table that it names. */
  table: string | undefined;
}

/** Longest text of a fingerprint. */
const MOST_LENGTH = 400;
/** Longest statement that is read to its end; a bulk insert says all it has to say before. */
const MOST_READ = 20_000;

const TOKEN = new RegExp(
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

/** Makes a statement's fingerprint. PostgreSQL's rules for literals, quotes and comments. */
export function fingerprint(statement: string): Fingerprint {
  const words = tokens(statement.slice(0, MOST_READ));
  const text = joined(words)
    .replace(/ ?(::|\.) ?/g, '$1')
    .replace(/ ?([,;)])/g, '$1')
    .replace(/\( /g, '(')
    .replace(/(?<=\()(?:\?|\$\d+)(?:, ?(?:\?|\$\d+))+(?=\))/g, '…')
    .replace(/(\((?:…|\?|\$\d+)\))(?:, ?\((?:…|\?|\$\d+)\))+/g, '$1, …')
    .replace(/;+$/, '')
    .trim();
  return { text: cut(text), operation: operationOf(words), table: tableOf(words) };
}

/** Words before which and after which a parenthesis is no call. */
const NO_CALL = new Set(
  'AND OR NOT IN ANY ALL SOME EXISTS VALUES AS FROM JOIN ON WHERE HAVING SELECT UNION OVER USING BY WHEN THEN ELSE'.split(
    ' ',
  ),
);

function joined(words: readonly string[]): string {
  return words.reduce((text, word, i) => {
    const before = words[i - 1] ?? '';
    const isCall = word === '(' && isName(before) && !NO_CALL.has(before.toUpperCase());
    return isCall || i === 0 ? text + word : `${text} ${word}`;
  }, '');
}

function tokens(statement: string): string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < statement.length) {
    const match = TOKEN.exec(statement);
    if (!match) break;
    const { space, comment, text, dollar, number } = match.groups ?? {};
    if (space !== undefined) continue;
    if (comment !== undefined) TOKEN.lastIndex = endOfComment(statement, TOKEN.lastIndex);
    else if (dollar !== undefined) {
      const end = statement.indexOf(dollar, TOKEN.lastIndex);
      TOKEN.lastIndex = end < 0 ? statement.length : end + dollar.length;
      found.push('?');
    } else if (text !== undefined || number !== undefined) found.push('?');
    else found.push(match[0]);
  }
  return found;
}

/** Comments of PostgreSQL nest. */
function endOfComment(statement: string, from: number): number {
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

const AFTER_WITH = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'VALUES', 'TABLE']);

function operationOf(words: readonly string[]): string {
  const first = words.find((word) => /^\w/.test(word))?.toUpperCase() ?? 'UNKNOWN';
  if (first !== 'WITH') return first.slice(0, 32);
  let depth = 0;
  for (const word of words) {
    if (word === '(') depth += 1;
    else if (word === ')') depth -= 1;
    else if (depth === 0 && AFTER_WITH.has(word.toUpperCase())) return word.toUpperCase();
  }
  return first;
}

const BEFORE_TABLE = new Set(['FROM', 'INTO', 'UPDATE', 'TABLE', 'JOIN', 'COPY', 'TRUNCATE']);
const BETWEEN = new Set(['ONLY', 'IF', 'NOT', 'EXISTS', 'TABLE', 'LATERAL']);

function tableOf(words: readonly string[]): string | undefined {
  for (let i = 0; i < words.length - 1; i++) {
    if (!BEFORE_TABLE.has(words[i]!.toUpperCase())) continue;
    let next = i + 1;
    while (BETWEEN.has(words[next]?.toUpperCase() ?? '')) next += 1;
    if (!isName(words[next])) continue;
    const qualified = words[next + 1] === '.' && isName(words[next + 2]);
    const name = qualified ? `${words[next]}.${words[next + 2]}` : words[next]!;
    return name.replaceAll('"', '').slice(0, 128);
  }
  return undefined;
}

function isName(word: string | undefined): boolean {
  return word !== undefined && /^["A-Za-z_\u0080-\uffff]/.test(word);
}

/** What is too long to be a name keeps its beginning, and a number that tells it from others. */
function cut(text: string): string {
  if (text.length <= MOST_LENGTH) return text;
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return `${text.slice(0, MOST_LENGTH)} … #${(hash >>> 0).toString(36)}`;
}
