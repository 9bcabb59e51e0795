import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../errors.ts';

/*
 * The parts of `@questdb/sql-parser`'s tree that are looked at. The types of the package itself
 * are imported there without file extensions, which Node's module resolution does not find.
 */

export interface AnyNode {
  readonly type: string;
}

export interface Select extends AnyNode {
  readonly type: 'select';
  /** Written without SELECT. */
  readonly implicit?: boolean;
  readonly declare?: unknown;
  readonly with?: readonly { readonly name: string; readonly query: Select }[];
  readonly columns: readonly SelectItem[];
  readonly from?: readonly Ref[];
  readonly where?: Expression;
}

interface SelectItem extends AnyNode {
  readonly expression?: Expression;
  readonly alias?: string;
}

/** What stands after FROM or JOIN: a table by its name, or a SELECT, a function, a SHOW. */
export interface Ref {
  readonly table: AnyNode & { readonly parts?: readonly string[] };
  readonly alias?: string;
  readonly joins?: readonly { readonly table: Ref }[];
}

export interface Expression extends AnyNode {
  /** Of a column its qualified name, of a function its plain one. */
  readonly name?: string | { readonly parts: readonly string[] };
  readonly args?: readonly Expression[];
  readonly operator?: string;
  readonly left?: Expression;
  readonly right?: Expression;
  readonly expression?: Expression;
}

interface Parsed {
  readonly ast: readonly AnyNode[];
  readonly errors: readonly { readonly message: string; readonly line?: number }[];
}

interface Parser {
  parseToAst(sql: string): Parsed;
  toSql(statement: AnyNode): string;
  tokenize(sql: string): { readonly tokens: readonly Token[] };
}

interface Token {
  readonly image: string;
  readonly startOffset: number;
}

const require = createRequire(import.meta.url);

/** The grammar takes 90 MB and most of a second to load, and few processes ever see typed SQL. */
function parser(): Parser {
  return require('@questdb/sql-parser') as Parser;
}

/** Parses statements. What is nested too deeply for the parser's stack is an error like others. */
export function parseSql(text: string): Parsed {
  const { parseToAst } = parser();
  try {
    return parseToAst(text);
  } catch (error) {
    return { ast: [], errors: [{ message: reasonOf(error) }] };
  }
}

/** The statement's text, as the parser has understood it; undefined when it would read that otherwise. */
export function restated(statement: AnyNode): string | undefined {
  const text = parser().toSql(statement);
  return isDeepStrictEqual(parseSql(text), { ast: [statement], errors: [] }) ? text : undefined;
}

/** The words of a text, with their places. */
export function tokensOf(text: string): readonly Token[] {
  return parser().tokenize(text).tokens;
}

/** Every node of a syntax tree, from the root down. */
export function* nodesIn(root: unknown): Generator<AnyNode> {
  if (typeof root !== 'object' || root === null) return;
  if ('type' in root && typeof root.type === 'string') yield root as AnyNode;
  for (const child of Object.values(root)) yield* nodesIn(child);
}

export function isSelect(node: AnyNode | undefined): node is Select {
  return node?.type === 'select';
}

/** What a FROM names, its joins included. */
export function refsIn(ref: Ref): Ref[] {
  return [ref, ...(ref.joins ?? []).flatMap((join) => refsIn(join.table))];
}

/** The conditions that must all hold for `expression` to hold. */
export function conjuncts(expression: Expression | undefined): Expression[] {
  if (expression === undefined) return [];
  if (expression.type === 'paren') return conjuncts(expression.expression);
  if (expression.type === 'binary' && expression.operator?.toUpperCase() === 'AND') {
    return [...conjuncts(expression.left), ...conjuncts(expression.right)];
  }
  return [expression];
}

/** The last part of a column's or a function's name. */
export function nameOf({ name }: Expression): string | undefined {
  return typeof name === 'object' ? name.parts.at(-1) : name;
}
