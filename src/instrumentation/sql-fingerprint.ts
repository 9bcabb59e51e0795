import { tokens } from './sql-tokens.ts';

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
/** Makes a statement's fingerprint. PostgreSQL's rules for literals, quotes and comments. */
export function fingerprint(statement: string): Fingerprint {
  const words = tokens(statement).map(({ word }) => word);
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
