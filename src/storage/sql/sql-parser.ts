import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { errorMessage } from '../../core/perfscope-error.ts';

/*
 * Types for the used parts of `@questdb/sql-parser`'s syntax tree. The package's own types don't
 * work here: they import files without extensions, which Node's module resolution doesn't find.
 */

export interface SyntaxNode {
  readonly type: string;
}

export interface Select extends SyntaxNode {
  readonly type: 'select';
  /** Written without SELECT. */
  readonly implicit?: boolean;
  readonly declare?: unknown;
  readonly with?: readonly { readonly name: string; readonly query: Select }[];
  readonly columns: readonly SelectItem[];
  readonly from?: readonly TableRef[];
  readonly where?: Expression;
}

interface SelectItem extends SyntaxNode {
  readonly expression?: Expression;
  readonly alias?: string;
}

/** Source after FROM or JOIN: a table name, a subquery, a function, or SHOW. */
export interface TableRef {
  readonly table: SyntaxNode & { readonly parts?: readonly string[] };
  readonly alias?: string;
  readonly joins?: readonly { readonly table: TableRef }[];
}

export interface Expression extends SyntaxNode {
  /** Qualified name of a column, or plain name of a function. */
  readonly name?: string | { readonly parts: readonly string[] };
  readonly args?: readonly Expression[];
  readonly operator?: string;
  readonly left?: Expression;
  readonly right?: Expression;
  readonly expression?: Expression;
}

export interface SqlSyntaxError {
  readonly message: string;
  /** Not a number if the statement ends too early. */
  readonly line?: number;
}

interface ParseResult {
  readonly ast: readonly SyntaxNode[];
  readonly errors: readonly SqlSyntaxError[];
}

interface SqlParser {
  parseToAst(sql: string): ParseResult;
  toSql(statement: SyntaxNode): string;
  tokenize(sql: string): { readonly tokens: readonly Token[] };
}

export interface Token {
  readonly image: string;
  readonly startOffset: number;
}

const require = createRequire(import.meta.url);

/** Loads the parser on first use. It takes 90 MB and almost 1 s, and few processes need it. */
function loadParser(): SqlParser {
  return require('@questdb/sql-parser') as SqlParser;
}

/** Parses statements. If the SQL is nested too deeply for the parser's stack, returns an error. */
export function parseSql(text: string): ParseResult {
  const { parseToAst } = loadParser();
  try {
    return parseToAst(text);
  } catch (error) {
    return { ast: [], errors: [{ message: errorMessage(error) }] };
  }
}

/** Marks a name that must be quoted. The parser accepts no such character outside of quotes. */
const QUOTE_MARK = '\u0001';

/**
 * Formats a parsed statement as SQL. Names that are quoted in `source` stay quoted, because QuestDB
 * reserves more words than the parser does.
 *
 * @param source the original text of `statement`
 * @param unquoted names of functions whose arguments are written without quotes
 * @returns `undefined` if parsing the result gives a different statement
 */
export function restateStatement(
  statement: SyntaxNode,
  source: string,
  unquoted: readonly string[] = [],
): string | undefined {
  if (source.includes(QUOTE_MARK)) return undefined;
  const quotedNames = new Set(tokenize(source).flatMap(({ image }) => unquote(image) ?? []));
  const mark = (node: unknown, key = ''): unknown => {
    if (typeof node === 'string') {
      return NAME_KEYS.has(key) && quotedNames.has(node) ? `${node}${QUOTE_MARK}` : node;
    }
    if (Array.isArray(node)) return node.map((item) => mark(item, key));
    if (typeof node !== 'object' || node === null) return node;
    const { type, name } = node as Readonly<Record<string, unknown>>;
    if (type === 'function' && unquoted.includes(String(name).toLowerCase())) return node;
    const entries = Object.entries(node);
    return Object.fromEntries(
      entries.map(([each, value]) => [
        each,
        mark(value, each === 'name' && type === 'cte' ? 'alias' : each),
      ]),
    );
  };
  const marked = loadParser().toSql(mark(statement) as SyntaxNode);
  const text = marked.replaceAll(QUOTE_MARK, '');
  return isDeepStrictEqual(parseSql(text), { ast: [statement], errors: [] }) ? text : undefined;
}

/** Keys of names that the parser quotes if necessary. */
const NAME_KEYS: ReadonlySet<string> = new Set(['alias', 'parts']);

/** Returns the content of a quoted name or a string, or `undefined` for other tokens. */
function unquote(image: string): string | undefined {
  const [quote = ''] = image;
  if (quote !== '"' && quote !== "'") return undefined;
  return image.slice(1, -1).replaceAll(`${quote}${quote}`, quote);
}

/** Returns the tokens of a statement with their positions. */
export function tokenize(text: string): readonly Token[] {
  return loadParser().tokenize(text).tokens;
}

/** Yields each node of a syntax tree, parents before children. */
export function* walkNodes(root: unknown): Generator<SyntaxNode> {
  if (typeof root !== 'object' || root === null) return;
  if ('type' in root && typeof root.type === 'string') yield root as SyntaxNode;
  for (const child of Object.values(root)) yield* walkNodes(child);
}

export function isSelect(node: SyntaxNode | undefined): node is Select {
  return node?.type === 'select';
}

/** Returns a table reference and the references in its joins. */
export function getTableRefs(ref: TableRef): TableRef[] {
  return [ref, ...(ref.joins ?? []).flatMap((join) => getTableRefs(join.table))];
}

/** Splits an expression at its top-level `AND` operators. */
export function splitConjunction(expression: Expression | undefined): Expression[] {
  if (expression === undefined) return [];
  if (expression.type === 'paren') return splitConjunction(expression.expression);
  if (expression.type === 'binary' && expression.operator?.toUpperCase() === 'AND') {
    return [...splitConjunction(expression.left), ...splitConjunction(expression.right)];
  }
  return [expression];
}

/** Returns the last part of a column or function name. */
export function getLastName({ name }: Expression): string | undefined {
  return typeof name === 'object' ? name.parts.at(-1) : name;
}
