import type { SqlDialect } from '../../../core/sql/sql-dialect.ts';
import { fingerprintSql } from '../../../core/sql/sql-fingerprint.ts';
import { tokenizeSql } from '../../../core/sql/sql-tokens.ts';

/** A statement that can be sent to a database for EXPLAIN, or the reason why there is none. */
export type ExplainableStatement =
  | { readonly text: string; readonly parameters: number }
  | { readonly reason: string };

/** Words of changes inside a SELECT, such as `WITH x AS (DELETE …)` and `SELECT … INTO`. */
const FORBIDDEN_WORDS = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'INTO', 'PROCEDURE']);
/** Types whose literals consist of the name and a text: `INTERVAL '1 day'`. A parameter needs a cast instead. */
const LITERAL_TYPES = new Set(['INTERVAL', 'DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMPTZ']);
/** Functions that accept any number of equal arguments. */
const VARIADIC_FUNCTIONS = new Set(['COALESCE', 'GREATEST', 'LEAST', 'CONCAT']);

/**
 * Converts a stored fingerprint to a statement with parameters (`$1` for PostgreSQL). Shortened lists become one
 * parameter. Only a single SELECT is accepted. The result contains no literal of the stored text, because everything
 * that is not a name, a keyword, or an operator becomes a parameter.
 *
 * @param fingerprint statement as stored in `endpoint`
 */
export function toExplainableStatement(
  fingerprint: string,
  dialect: SqlDialect,
): ExplainableStatement {
  if (/ … #\w+$/.test(fingerprint)) {
    return {
      reason: 'the stored statement is truncated, because it is longer than 400 characters',
    };
  }
  // Removes literals and comments from texts that were not stored as fingerprints.
  const text = fingerprintSql(fingerprint, dialect).text;
  const words = tokenizeSql(text, dialect).map(({ word }) => word);
  const reason = findObstacle(words, dialect);
  if (reason !== undefined) return { reason };
  return dialect === 'mysql' ? toMysqlStatement(text, words) : toPostgresStatement(words);
}

/** Returns why a statement can't be explained at all. */
function findObstacle(words: readonly string[], dialect: SqlDialect): string | undefined {
  const upper = words.map((word) => word.toUpperCase());
  const first = upper[0];
  if (first !== 'SELECT' && first !== 'WITH') return 'only SELECT statements are explained';
  if (first === 'WITH' && !upper.includes('SELECT')) return 'only SELECT statements are explained';
  if (words.includes(';')) return 'the text contains several statements';
  if (
    upper.some((word, i) => word === 'FOR' && /^(?:UPDATE|SHARE|NO|KEY)$/.test(upper[i + 1] ?? ''))
  ) {
    return 'the statement locks rows';
  }
  const forbidden = upper.find((word) => FORBIDDEN_WORDS.has(word));
  if (forbidden !== undefined) return `the statement contains ${forbidden}`;
  if (dialect === 'mysql' && upper.filter((word) => word === 'SELECT').length > 1) {
    return 'MySQL can run subqueries while it explains a statement';
  }
  if (words.some((word) => word.startsWith('@') || /^\/\*/.test(word))) {
    return 'the statement contains variables or hints';
  }
  const sorted = upper.findIndex(
    (word, i) =>
      word === 'BY' && /^(?:ORDER|GROUP)$/.test(upper[i - 1] ?? '') && words[i + 1] === '?',
  );
  if (sorted >= 0) {
    return 'the statement sorts or groups by the position of a column, which is not stored';
  }
  return undefined;
}

function toMysqlStatement(text: string, words: readonly string[]): ExplainableStatement {
  const hasParameter = words.some((word) => word === '?' || word === '…');
  return hasParameter
    ? { reason: 'MySQL explains only statements without parameters, and values are not stored' }
    : { text, parameters: 0 };
}

/** Replaces placeholders by `$1`, `$2`, …, and shortened lists by one parameter. */
function toPostgresStatement(words: readonly string[]): ExplainableStatement {
  const result: string[] = [];
  let parameters = 0;
  const addParameter = () => {
    parameters += 1;
    return `$${parameters}`;
  };
  for (const [i, word] of words.entries()) {
    if (word === '…') {
      const reason = replaceEllipsis(result, words, i, addParameter);
      if (reason !== undefined) return { reason };
    } else if (word !== '?') result.push(word);
    else if (LITERAL_TYPES.has(result.at(-1)?.toUpperCase() ?? '')) {
      const type = result.pop();
      result.push(`CAST(${addParameter()} AS ${type})`);
    } else result.push(addParameter());
  }
  return { text: joinWords(result), parameters };
}

/**
 * Replaces the mark of a shortened list. The words before it are already in `result`.
 *
 * @returns the reason why the list can't be replaced, or undefined
 */
function replaceEllipsis(
  result: string[],
  words: readonly string[],
  i: number,
  addParameter: () => string,
): string | undefined {
  const previous = result.at(-1)?.toUpperCase() ?? '';
  const beforeThat = result.at(-2)?.toUpperCase() ?? '';
  if (
    previous === 'OR' ||
    previous === 'UNION' ||
    previous === 'INTERSECT' ||
    previous === 'EXCEPT'
  ) {
    result.pop();
    return undefined;
  }
  if (/^(?:ALL|DISTINCT)$/.test(previous) && /^(?:UNION|INTERSECT|EXCEPT)$/.test(beforeThat)) {
    result.length -= 2;
    return undefined;
  }
  // `, …` repeats the element before it, so the element is enough.
  if (previous === ',') {
    result.pop();
    return undefined;
  }
  const isWholeList = (previous === '(' || previous === '[') && /^[)\]]$/.test(words[i + 1] ?? '');
  const isList =
    /^(?:IN|ANY|ALL|SOME|ARRAY)$/.test(beforeThat) || VARIADIC_FUNCTIONS.has(beforeThat);
  if (isWholeList && isList) {
    result.push(addParameter());
    return undefined;
  }
  return 'the stored statement contains a shortened list whose length matters';
}

/** Joins words so that PostgreSQL reads the same tokens. */
function joinWords(words: readonly string[]): string {
  return words
    .join(' ')
    .replace(/ ?(::|\.) ?/g, '$1')
    .replace(/ ([,)\]])/g, '$1')
    .replace(/([([]) /g, '$1');
}
