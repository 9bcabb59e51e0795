import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { errorMessage } from '../../core/errors.ts';

/*
 * The parts of `@questdb/sql-parser`'s tree that are looked at. The types of the package itself
 * are imported there without file extensions, which Node's module resolution does not find.
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

/** What stands after FROM or JOIN: a table by its name, or a SELECT, a function, a SHOW. */
export interface TableRef {
  readonly table: SyntaxNode & { readonly parts?: readonly string[] };
  readonly alias?: string;
  readonly joins?: readonly { readonly table: TableRef }[];
}

export interface Expression extends SyntaxNode {
  /** Of a column its qualified name, of a function its plain one. */
  readonly name?: string | { readonly parts: readonly string[] };
  readonly args?: readonly Expression[];
  readonly operator?: string;
  readonly left?: Expression;
  readonly right?: Expression;
  readonly expression?: Expression;
}

interface ParseResult {
  readonly ast: readonly SyntaxNode[];
  readonly errors: readonly { readonly message: string; readonly line?: number }[];
}

interface SqlParser {
  parseToAst(sql: string): ParseResult;
  toSql(statement: SyntaxNode): string;
  tokenize(sql: string): { readonly tokens: readonly Token[] };
}

interface Token {
  readonly image: string;
  readonly startOffset: number;
}

const require = createRequire(import.meta.url);

/** The grammar takes 90 MB and most of a second to load, and few processes ever see typed SQL. */
function loadParser(): SqlParser {
  return require('@questdb/sql-parser') as SqlParser;
}

/** Parses statements. What is nested too deeply for the parser's stack is an error like others. */
export function parseSql(text: string): ParseResult {
  const { parseToAst } = loadParser();
  try {
    return parseToAst(text);
  } catch (error) {
    return { ast: [], errors: [{ message: errorMessage(error) }] };
  }
}

/** The statement's text, as the parser has understood it; undefined when it would read that otherwise. */
export function restateStatement(statement: SyntaxNode): string | undefined {
  const text = loadParser().toSql(statement);
  return isDeepStrictEqual(parseSql(text), { ast: [statement], errors: [] }) ? text : undefined;
}

/** The words of a text, with their places. */
export function tokenize(text: string): readonly Token[] {
  return loadParser().tokenize(text).tokens;
}

/** Every node of a syntax tree, from the root down. */
export function* walkNodes(root: unknown): Generator<SyntaxNode> {
  if (typeof root !== 'object' || root === null) return;
  if ('type' in root && typeof root.type === 'string') yield root as SyntaxNode;
  for (const child of Object.values(root)) yield* walkNodes(child);
}

export function isSelect(node: SyntaxNode | undefined): node is Select {
  return node?.type === 'select';
}

/** What a FROM names, its joins included. */
export function getTableRefs(ref: TableRef): TableRef[] {
  return [ref, ...(ref.joins ?? []).flatMap((join) => getTableRefs(join.table))];
}

/** The conditions that must all hold for `expression` to hold. */
export function splitConjunction(expression: Expression | undefined): Expression[] {
  if (expression === undefined) return [];
  if (expression.type === 'paren') return splitConjunction(expression.expression);
  if (expression.type === 'binary' && expression.operator?.toUpperCase() === 'AND') {
    return [...splitConjunction(expression.left), ...splitConjunction(expression.right)];
  }
  return [expression];
}

/** The last part of a column's or a function's name. */
export function getLastName({ name }: Expression): string | undefined {
  return typeof name === 'object' ? name.parts.at(-1) : name;
}
