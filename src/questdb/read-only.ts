import { coded } from '../errors.ts';
import { REFUSED_FUNCTIONS, TABLE_FUNCTIONS, VALUE_FUNCTIONS } from './functions.ts';
import { isSelect, parseSql, restated, tokensOf } from './syntax.ts';

const LONGEST = 20_000;

/** Kinds of nodes that a SELECT is made of; whatever else the parser may know is refused. */
const NODES = new Set(
  `alignTo arrayAccess arrayLiteral arraySlice between binary case cast column cte function in isNull
  join latestOn limit literal orderByItem paren pivotAggregation pivotClause pivotFor pivotIn
  pivotInValue qualifiedName qualifiedStar sampleBy select selectItem setOperation star subquery
  tableFunctionCall tableRef typeCast unary windowFrame windowFrameBound windowJoinBound windowSpec
  within`.split(/\s+/),
);

type Node = Readonly<Record<string, unknown>>;

/**
 * Checks that a text is one statement that only reads tables: a SELECT, with WITH or without. Who may
 * only read can still copy to disk and read files, so the database's own rights do not suffice.
 *
 * @param further functions that may be called beside QuestDB's own; whoever allows them replaces them
 * @returns the statement as it was understood, which is what has to be run: whatever the database
 *   would understand of the text otherwise is not in it
 * @throws PS_SQL_REFUSED with the reason
 */
export function readOnly(text: string, further: readonly string[] = []): string {
  if (text.length > LONGEST) throw refused(`it is longer than ${LONGEST} characters`);
  const { ast, errors } = parseSql(text);
  const [error] = errors;
  if (error) throw refused(`it can't be read: ${error.message} (line ${error.line ?? 1})`);
  const [statement, ...others] = ast;
  if (!statement) throw refused('it is empty');
  if (others.length > 0) throw refused('it is more than one statement, or a clause is misplaced');
  if (!isSelect(statement)) throw refused('it is not a SELECT');
  if (statement.implicit) throw refused('it does not begin with SELECT or WITH');
  checkNode({ ...statement }, new Set([...VALUE_FUNCTIONS, ...further]));
  checkSpaces(text);
  const plain = restated(statement);
  if (plain === undefined) {
    throw refused('it is written in a way that is not clear; write it more simply');
  }
  return plain;
}

function checkNode(node: Node, functions: ReadonlySet<string>): void {
  const { type, name } = node;
  if (typeof type === 'string' && !NODES.has(type)) {
    throw refused(`${type.replaceAll(/[A-Z]/g, ' $&').toUpperCase()} is not allowed`);
  }
  if (type === 'tableFunctionCall') checkFunction(name, TABLE_FUNCTIONS);
  if (type === 'function') checkFunction(name, functions);
  if (type === 'tableRef') checkTable(node.table as Node);
  for (const child of Object.values(node)) {
    for (const each of Array.isArray(child) ? child.flat(Number.POSITIVE_INFINITY) : [child]) {
      if (typeof each === 'object' && each !== null) checkNode(each as Node, functions);
    }
  }
}

function checkFunction(name: unknown, allowed: ReadonlySet<string>): void {
  if (!allowed.has(String(name).toLowerCase())) {
    throw refused(
      `the function ${String(name)} is not allowed${allowed === TABLE_FUNCTIONS ? ' in FROM' : ''}`,
    );
  }
}

/** Functions work in FROM without their parentheses as well. */
function checkTable(table: Node): void {
  if (table.type !== 'qualifiedName') return;
  const parts = (table.parts as string[]).map((part) => part.toLowerCase());
  const names = [parts.join('.'), parts.at(-1) ?? ''];
  const wrong = names.find((name) => REFUSED_FUNCTIONS.has(name) || name.startsWith('@'));
  if (wrong !== undefined) throw refused(`${wrong} is not allowed in FROM`);
}

/** `0x1f` would be read as `0 AS x1f` by the parser, and as a number by the database. */
function checkSpaces(text: string): void {
  let endBefore = Number.NaN;
  for (const { image, startOffset } of tokensOf(text)) {
    const isWord = /^[\w'"]/.test(image);
    if (isWord && startOffset === endBefore) throw refused(`a space is missing before ${image}`);
    endBefore = isWord ? startOffset + image.length : Number.NaN;
  }
}

function refused(reason: string) {
  return coded('PS_SQL_REFUSED', { reason });
}
