import { copyText } from '../copy-text.ts';
import { replaceLiterals } from './literal-words.ts';
import type { SqlDialect } from './sql-dialect.ts';
import { formatStatement, isIdentifier } from './sql-lists.ts';
import { MAX_TOKENIZED_LENGTH, tokenizeSql } from './sql-tokens.ts';

/** Describes a statement without the literal values in it. */
export interface SqlFingerprint {
  /**
   * Statement with `?` for each literal and placeholder, shortened lists of values, and no comments.
   * It doesn't depend on the lengths of the lists.
   */
  text: string;
  /**
   * First keyword, or the keyword after the `WITH` clause, such as `SELECT`, `INSERT`, or `BEGIN`.
   */
  operation: string;
  /** First table in the statement. */
  table: string | undefined;
}

const MAX_FINGERPRINT_LENGTH = 400;

/** Creates the fingerprint of a statement. It doesn't keep the statement in memory. */
export function fingerprintSql(statement: string, dialect: SqlDialect): SqlFingerprint {
  const tokens = tokenizeSql(statement, dialect).map(({ word }) => word);
  const words = replaceLiterals(tokens, dialect);
  const operation = findOperation(words);
  const end = words.findLastIndex((word) => word !== ';') + 1;
  const isTruncated = statement.length > MAX_TOKENIZED_LENGTH;
  const text = SAVEPOINT_OPERATIONS.has(operation)
    ? formatSavepoint(words.slice(0, end))
    : formatStatement(words.slice(0, end), { isTruncated });
  const table = findTable(words, dialect);
  return {
    text: copyText(truncateWithHash(text)),
    operation: copyText(operation),
    table: table && copyText(table),
  };
}

const SAVEPOINT_OPERATIONS = new Set(['SAVEPOINT', 'RELEASE', 'ROLLBACK']);

/** Replaces the name of a savepoint, because libraries generate names with numbers. */
function formatSavepoint(words: readonly string[]): string {
  const hasName = words.length > 1 && /^(?:SAVEPOINT|RELEASE|TO)$/i.test(words.at(-2) ?? '');
  return formatStatement(hasName ? [...words.slice(0, -1), '?'] : words);
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
/** In MySQL, `INTO` can be omitted. */
const MYSQL_KEYWORDS_BEFORE_TABLE = new Set([...KEYWORDS_BEFORE_TABLE, 'INSERT', 'REPLACE']);
const MYSQL_TABLE_MODIFIERS = new Set([
  ...TABLE_MODIFIERS,
  'INTO',
  'IGNORE',
  'LOW_PRIORITY',
  'HIGH_PRIORITY',
  'DELAYED',
]);

function findTable(words: readonly string[], dialect: SqlDialect): string | undefined {
  const isMysql = dialect === 'mysql';
  const keywords = isMysql ? MYSQL_KEYWORDS_BEFORE_TABLE : KEYWORDS_BEFORE_TABLE;
  const modifiers = isMysql ? MYSQL_TABLE_MODIFIERS : TABLE_MODIFIERS;
  for (let i = 0; i < words.length - 1; i++) {
    if (!keywords.has(words[i]!.toUpperCase())) continue;
    let next = i + 1;
    while (modifiers.has(words[next]?.toUpperCase() ?? '')) next += 1;
    if (!isIdentifier(words[next])) {
      // A modifier can also be a keyword, as in `TABLE TABLE`, so continue after the modifiers.
      i = next - 1;
      continue;
    }
    const qualified = words[next + 1] === '.' && isIdentifier(words[next + 2]);
    const name = qualified ? `${words[next]}.${words[next + 2]}` : words[next]!;
    return name.replaceAll(/["`[\]]/g, '').slice(0, 128);
  }
  return undefined;
}

/** Truncates long text and adds a hash, so that different statements stay different. */
function truncateWithHash(text: string): string {
  if (text.length <= MAX_FINGERPRINT_LENGTH) return text;
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return `${text.slice(0, MAX_FINGERPRINT_LENGTH)} … #${(hash >>> 0).toString(36)}`;
}
