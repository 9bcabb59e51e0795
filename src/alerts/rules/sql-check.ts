import { reasonOf } from '../../errors.ts';
import { VALUE_FUNCTIONS } from '../../questdb/functions.ts';
import { readOnly } from '../../questdb/read-only.ts';
import {
  type Expression,
  isSelect,
  nameOf,
  nodesIn,
  parseSql,
  type Select,
} from '../../questdb/syntax.ts';
import { checkReads, PLACES } from './sql-reads.ts';

/** What a SELECT that may run as a rule reads, and what it yields. */
interface CheckedSelect {
  /** The statement as it was understood, which is what runs. */
  readonly text: string;
  /** Names of the result's columns. */
  readonly columns: readonly string[];
  /** Name of the table behind each alias (or table name), in lower case. */
  readonly tables: ReadonlyMap<string, string>;
}

type Fail = (message: string) => void;

/**
 * Checks that `sql` is exactly one SELECT whose result has a column `value`, that it reads tables
 * of measurements only, each of them limited to the window and the tenant, and calls no function
 * that reaches out of them.
 */
export function checkSelect(sql: string, fail: Fail): CheckedSelect | undefined {
  let sound = true;
  const wrong: Fail = (message) => {
    sound = false;
    fail(message);
  };
  const statement = parsed(sql, wrong);
  if (!statement) return undefined;
  checkNodes(statement, wrong);
  const tables = checkReads(statement, wrong);
  const columns = columnsOf(statement, wrong);
  const text = sound ? restated(sql, wrong) : undefined;
  return text === undefined ? undefined : { text, columns, tables };
}

/** What is sound so far must pass all that anybody's SQL has to. */
function restated(sql: string, fail: Fail): string | undefined {
  try {
    return readOnly(sql, PLACES);
  } catch (error) {
    fail(`must be plain to read. ${reasonOf(error)}`);
    return undefined;
  }
}

function parsed(sql: string, fail: Fail): Select | undefined {
  const { ast, errors } = parseSql(sql);
  const [error] = errors;
  if (error) {
    const at = error.line === undefined ? '' : ` (line ${error.line} of the statement)`;
    const [reason = ''] = error.message.split('\n', 1);
    fail(`is not SQL that QuestDB understands${at}: ${reason.slice(0, 200)}`);
    return undefined;
  }
  const [statement, ...others] = ast;
  if (isSelect(statement) && others.length === 0) return statement;
  const found = ast.map((s) => s.type).join(' and ') || 'nothing';
  fail(`must be exactly one SELECT, and is ${found}`);
  return undefined;
}

function checkNodes(statement: Select, fail: Fail): void {
  for (const node of nodesIn(statement)) {
    const name = nameOf(node as Expression) ?? '';
    const forbidden = node.type === 'function' && !mayCall(name.toLowerCase());
    if (node.type === 'tableFunctionCall' || forbidden) {
      fail(`must not call \`${name}\`: a rule reads the tables of measurements only`);
    } else if (node.type === 'variable') {
      fail(`must not use \`${name}\`: parameters are the reader's`);
    } else if (node.type === 'show') {
      fail('must not SHOW anything');
    }
  }
  const [, ...nested] = [...nodesIn(statement)].filter(isSelect);
  if (statement.declare || nested.some((select) => select.declare)) fail('must not DECLARE');
  if (nested.some((select) => select.with)) fail('must have its WITH at the beginning only');
}

function mayCall(name: string): boolean {
  return VALUE_FUNCTIONS.has(name) || (PLACES as readonly string[]).includes(name);
}

function columnsOf(select: Select, fail: Fail): string[] {
  const columns = select.columns.flatMap((item) => {
    const { type, alias, expression } = item;
    if (type !== 'selectItem') return [];
    return alias ?? (expression?.type === 'column' ? (nameOf(expression) ?? []) : []);
  });
  if (columns.length < select.columns.length) {
    fail('must name each column of its result: `expression AS name`, and no `*`');
  } else if (!columns.includes('value')) {
    fail(`must yield a column \`value\`; it yields ${columns.join(', ')}`);
  }
  return columns;
}
