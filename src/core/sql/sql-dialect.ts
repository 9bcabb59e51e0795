/** Rules for literals, quotes, and comments. */
export type SqlDialect = 'postgresql' | 'mysql';

const MYSQL_SYSTEMS = new Set(['mysql', 'mariadb']);

/** Returns the dialect of a database. Default: PostgreSQL's, which is close to the SQL standard. */
export function getSqlDialect(system: string): SqlDialect {
  return MYSQL_SYSTEMS.has(system) ? 'mysql' : 'postgresql';
}

const NUMBER = /(?<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?\w*)/;
const OTHER = /(?<other>[\s\S])/;

/** The tokens of each dialect, by group. A literal or a comment without an end takes the rest of the text. */
export const TOKEN_PATTERNS: Readonly<Record<SqlDialect, RegExp>> = {
  postgresql: joinPatterns([
    /(?<space>\s+|--[^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<text>[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|[bBxXnN]?'(?:[^']|'')*(?:'|$)|[uU]&'(?:[^']|'')*(?:'|$))/,
    /(?<dollar>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)/,
    /(?<param>\$\d+|(?<![\w\]:]):\d+|@[pP]\d+\b)/,
    /(?<quoted>(?:[uU]&)?"(?:[^"]|"")*(?:"|$))/,
    NUMBER,
    /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<operator>(?:(?!--|\/\*)[+*/<>=~!@#%^&|`?-])+|::|:=)/,
    OTHER,
  ]),
  // Assumes the default SQL mode, in which double quotes enclose text, and a backslash starts an escape sequence.
  mysql: joinPatterns([
    /(?<space>\s+|--(?:\s[^\n]*|$)|#[^\n]*)/,
    // MySQL runs the text in this comment.
    /(?<hint>\/\*M?!\d*)/,
    /(?<comment>\/\*)/,
    /(?<text>[bBxXnN]?'(?:[^'\\]|\\(?:[\s\S]|$)|'')*(?:'|$)|"(?:[^"\\]|\\(?:[\s\S]|$)|"")*(?:"|$))/,
    /(?<param>\?|(?<![\w\]:]):(?:\d+|[A-Za-z_]\w*)|@[pP]\d+\b)/,
    /(?<quoted>`(?:[^`]|``)*(?:`|$))/,
    NUMBER,
    /(?<word>@{0,2}[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<operator>(?:(?!--(?:\s|$)|\/\*)[+*/<>=~!%^&|-])+|:=)/,
    OTHER,
  ]),
};

function joinPatterns(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'), 'y');
}
