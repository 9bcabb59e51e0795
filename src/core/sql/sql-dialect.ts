/** Rules for literals, quotes, and comments. */
export type SqlDialect = 'postgresql' | 'mysql' | 'sqlite' | 'clickhouse' | 'cql';

/** Dialects by `db.system.name`. */
const DIALECTS: Readonly<Record<string, SqlDialect>> = {
  mysql: 'mysql',
  mariadb: 'mysql',
  sqlite: 'sqlite',
  clickhouse: 'clickhouse',
  cassandra: 'cql',
};

/** Returns the dialect of a database. Default: PostgreSQL's, which is close to the SQL standard. */
export function getSqlDialect(system: string): SqlDialect {
  return Object.hasOwn(DIALECTS, system) ? DIALECTS[system]! : 'postgresql';
}

const NUMBER = /(?<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?\w*)/;
const OTHER = /(?<other>[\s\S])/;
const DOLLAR_TEXT = /(?<dollar>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)/;

/** The tokens of each dialect, by group. A literal or a comment without an end takes the rest of the text. */
export const TOKEN_PATTERNS: Readonly<Record<SqlDialect, RegExp>> = {
  postgresql: joinPatterns([
    /(?<space>\s+|--[^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<text>[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|[bBxXnN]?'(?:[^']|'')*(?:'|$)|[uU]&'(?:[^']|'')*(?:'|$))/,
    DOLLAR_TEXT,
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
  // https://sqlite.org/lang_expr.html
  sqlite: joinPatterns([
    /(?<space>\s+|--[^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<text>[xX]?'(?:[^']|'')*(?:'|$))/,
    /(?<param>\?\d*|(?<![\w\]:]):\w+|@\w+|(?<!\w)\$\w+)/,
    /(?<quoted>"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$))/,
    NUMBER,
    /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<operator>(?:(?!--|\/\*)[+*/<>=~!%&|-])+)/,
    OTHER,
  ]),
  // https://clickhouse.com/docs/sql-reference/syntax
  clickhouse: joinPatterns([
    /(?<space>\s+|--[^\n]*|#[ !][^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<text>[bBxX]?'(?:[^'\\]|\\(?:[\s\S]|$)|'')*(?:'|$))/,
    DOLLAR_TEXT,
    /(?<param>\?(?=[\s,)]|$)|\{\s{0,9}[A-Za-z_]\w{0,99}\s{0,9}:[^{}]{0,200}\})/,
    /(?<quoted>"(?:[^"\\]|\\(?:[\s\S]|$)|"")*(?:"|$)|`(?:[^`\\]|\\(?:[\s\S]|$)|``)*(?:`|$))/,
    NUMBER,
    /(?<word>@{0,2}[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)/,
    /(?<operator>::|(?:(?!--|\/\*)[+*/<>=!%^|-])+)/,
    OTHER,
  ]),
  // https://cassandra.apache.org/doc/latest/cassandra/developing/cql/definitions.html
  cql: joinPatterns([
    /(?<space>\s+|--[^\n]*|\/\/[^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<text>'(?:[^']|'')*(?:'|$))/,
    /(?<dollar>\$\$)/,
    /(?<param>\?|(?<![\w\]:}]):\s{0,9}[A-Za-z_]\w*)/,
    /(?<quoted>"(?:[^"]|"")*(?:"|$))/,
    // UUIDs have no quotes.
    /(?<number>[\da-fA-F]{8}(?:-[\da-fA-F]{4}){3}-[\da-fA-F]{12}|P(?=[\dT-])[\w:-]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?\w*)/,
    /(?<word>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)/,
    /(?<operator>(?:(?!--|\/\*|\/\/)[+*/<>=!%-])+)/,
    OTHER,
  ]),
};

function joinPatterns(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'), 'y');
}
