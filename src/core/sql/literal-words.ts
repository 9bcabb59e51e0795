import type { SqlDialect } from './sql-dialect.ts';
import { isIdentifier } from './sql-lists.ts';

const OPERATORS_BEFORE_VALUE = new Set(
  '= == != <> < > <= >= || LIKE GLOB MATCH REGEXP IS ESCAPE'.split(' '),
);
const LIST_KEYWORDS = new Set(['VALUES', 'IN']);
const OPENING: Readonly<Record<string, string>> = { '}': '{', ']': '[' };

/** Replaces further literals of a dialect by `?`, which can be recognized only by the words around them. */
export function replaceLiterals(words: readonly string[], dialect: SqlDialect): readonly string[] {
  switch (dialect) {
    case 'sqlite':
      return replaceQuotedValues(words);
    case 'clickhouse':
      return replaceCollections(removeInsertedData(words));
    case 'cql':
      return replaceCollections(words);
    default:
      return words;
  }
}

/** With an option, SQLite accepts text in double quotes. Otherwise, it is a name. */
function replaceQuotedValues(words: readonly string[]): readonly string[] {
  let depth = 0;
  return words.map((word, i) => {
    const previous = words[i - 1]?.toUpperCase() ?? '';
    if (word === '(') {
      const isList = LIST_KEYWORDS.has(previous) && words[i + 1]?.toUpperCase() !== 'SELECT';
      if (isList || depth > 0 || (previous === ',' && words[i - 2] === ')')) depth += 1;
    } else if (word === ')') depth = Math.max(0, depth - 1);
    if (!word.startsWith('"') || words[i + 1] === '.' || previous === '.') return word;
    return depth > 0 || OPERATORS_BEFORE_VALUE.has(previous) ? '?' : word;
  });
}

/** After `INSERT … FORMAT name`, the rest of the text is data. */
function removeInsertedData(words: readonly string[]): readonly string[] {
  if (words[0]?.toUpperCase() !== 'INSERT') return words;
  const format = words.findIndex((word) => word.toUpperCase() === 'FORMAT');
  return format < 0 ? words : words.slice(0, format + 2);
}

/** Replaces lists, sets, and maps of literals, such as `{'a': 1}`. Their lengths vary. */
function replaceCollections(words: readonly string[]): readonly string[] {
  const result: string[] = [];
  /** Positions of opening brackets whose content has only literals. */
  const open: number[] = [];
  for (const word of words) {
    const start = open.at(-1);
    if (start !== undefined && OPENING[word] === result[start]) {
      open.pop();
      result.length = start;
      result.push('?');
      continue;
    }
    const isSubscript = isIdentifier(result.at(-1)) || /^[)\]]$/.test(result.at(-1) ?? '');
    if (word === '{' || (word === '[' && !isSubscript)) open.push(result.length);
    else if (word !== '?' && word !== ',' && word !== ':') open.length = 0;
    result.push(word);
  }
  return result;
}
