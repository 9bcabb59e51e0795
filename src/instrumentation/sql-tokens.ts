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

/** A word of a statement, `?` for a literal, and where it begins. */
export interface Token {
  readonly word: string;
  readonly at: number;
}

/** Reads a text by PostgreSQL's rules for literals, quotes and comments, which are left out. */
export function tokens(text: string): Token[] {
  const statement = text.slice(0, MOST_READ);
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < statement.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(statement);
    if (!match) break;
    const { space, comment, text: literal, dollar, number } = match.groups ?? {};
    if (space !== undefined) continue;
    if (comment !== undefined) TOKEN.lastIndex = endOfComment(statement, TOKEN.lastIndex);
    else if (dollar !== undefined) {
      const end = statement.indexOf(dollar, TOKEN.lastIndex);
      TOKEN.lastIndex = end < 0 ? statement.length : end + dollar.length;
      found.push({ word: '?', at });
    } else if (literal !== undefined || number !== undefined) found.push({ word: '?', at });
    else found.push({ word: match[0], at });
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

/** The statements of a text, without those that are empty; undefined when it is too long to be read. */
export function statementsOf(text: string): string[] | undefined {
  if (text.length > MOST_READ) return undefined;
  const found: string[] = [];
  let from: number | undefined;
  for (const { word, at } of tokens(text)) {
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
export function mayBeSeveral(text: string): boolean {
  const at = text.indexOf(';');
  return at >= 0 && at < text.length - 1 && text.trimEnd().length > at + 1;
}
