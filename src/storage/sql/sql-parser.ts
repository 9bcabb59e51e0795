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

/**
 * Formats a parsed statement as SQL.
 *
 * @returns `undefined` if parsing the result gives a different statement
 */
export function restateStatement(statement: SyntaxNode): string | undefined {
  const text = loadParser().toSql(statement);
  return isDeepStrictEqual(parseSql(text), { ast: [statement], errors: [] }) ? text : undefined;
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
