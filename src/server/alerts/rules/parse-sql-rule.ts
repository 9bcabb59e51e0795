import { errorMessage } from '../../../core/errors.ts';
import {
  getTableAndRollupNames,
  ROLLUP_DEFINITIONS,
} from '../../../core/schema/rollup-definitions.ts';
import { toReadOnlySql, VALUE_FUNCTIONS } from '../../../storage/sql/read-only-sql.ts';
import {
  type Expression,
  getLastName,
  getTableRefs,
  isSelect,
  parseSql,
  type Select,
  splitConjunction,
  walkNodes,
} from '../../../storage/sql/sql-parser.ts';

/** What the reader puts in the place of `in_window(…)` and `in_scope(…)`. */
interface SqlPlaceholders {
  /** The condition on `timestamp`; `prefix` is `q.` where the table has the alias `q`, else ``. */
  readonly window: (table: string, prefix: string) => string;
  /** The condition on the tenant's columns. */
  readonly scope: (table: string, prefix: string) => string;
}

/** A SELECT that has been checked, with its two kinds of places still open. */
export interface SqlRule {
  /** Columns of the result other than `value`, `count` and `newest`. */
  readonly labelNames: readonly string[];
  /** The statement to run. Only the two kinds of places are replaced. */
  readonly bind: (places: SqlPlaceholders) => string;
}

/** Columns of the result that are no labels. */
const VALUE_COLUMNS: ReadonlySet<string> = new Set(['value', 'count', 'newest']);
/** Texts and quoted names are passed over; the last alternative is a place. */
const PLACEHOLDER_PATTERN = /'(?:[^']|'')*'|"[^"]*"|\bin_(window|scope)\s*\(\s*([\w]*)\s*\)/gi;

/** Reads the text of a SQL rule; @returns undefined after telling `fail` what is wrong. */
export function parseSqlRule(text: string, fail: (message: string) => void): SqlRule | undefined {
  const checked = checkSelect(text, fail);
  if (!checked) return undefined;
  const { columns, tables } = checked;
  const only = tables.size === 1 ? [...tables.keys()][0] : undefined;
  return {
    labelNames: columns.filter((column) => !VALUE_COLUMNS.has(column)),
    bind: (places) =>
      checked.text.replace(PLACEHOLDER_PATTERN, (whole, kind?: string, named?: string) => {
        if (kind === undefined) return whole;
        const alias = (named || only || '').toLowerCase();
        const prefix = named ? `${named}.` : '';
        const place = kind.toLowerCase() === 'window' ? places.window : places.scope;
        return `(${place(tables.get(alias) ?? alias, prefix)})`;
      }),
  };
}

/** What a SELECT that may run as a rule reads, and what it yields. */
interface CheckedSelect {
  /** The statement as it was understood, which is what runs. */
  readonly text: string;
  /** Names of the result's columns. */
  readonly columns: readonly string[];
  /** Name of the table behind each alias (or table name), in lower case. */
  readonly tables: ReadonlyMap<string, string>;
}

type ReportProblem = (message: string) => void;

/**
 * Checks that `sql` is exactly one SELECT whose result has a column `value`, that it reads tables
 * of measurements only, each of them limited to the window and the tenant, and calls no function
 * that reaches out of them.
 */
function checkSelect(sql: string, fail: ReportProblem): CheckedSelect | undefined {
  let sound = true;
  const wrong: ReportProblem = (message) => {
    sound = false;
    fail(message);
  };
  const statement = parseSelect(sql, wrong);
  if (!statement) return undefined;
  checkNodes(statement, wrong);
  const tables = checkTableReads(statement, wrong);
  const columns = getColumns(statement, wrong);
  const text = sound ? checkReadOnly(sql, wrong) : undefined;
  return text === undefined ? undefined : { text, columns, tables };
}

/** What is sound so far must pass all that anybody's SQL has to. */
function checkReadOnly(sql: string, fail: ReportProblem): string | undefined {
  try {
    return toReadOnlySql(sql, PLACEHOLDERS);
  } catch (error) {
    fail(`must be plain to read. ${errorMessage(error)}`);
    return undefined;
  }
}

function parseSelect(sql: string, fail: ReportProblem): Select | undefined {
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

function checkNodes(statement: Select, fail: ReportProblem): void {
  for (const node of walkNodes(statement)) {
    const name = getLastName(node as Expression) ?? '';
    const forbidden = node.type === 'function' && !canCall(name.toLowerCase());
    if (node.type === 'tableFunctionCall' || forbidden) {
      fail(`must not call \`${name}\`: a rule reads the tables of measurements only`);
    } else if (node.type === 'variable') {
      fail(`must not use \`${name}\`: parameters are the reader's`);
    } else if (node.type === 'show') {
      fail('must not SHOW anything');
    }
  }
  const [, ...nested] = [...walkNodes(statement)].filter(isSelect);
  if (statement.declare || nested.some((select) => select.declare)) fail('must not DECLARE');
  if (nested.some((select) => select.with)) fail('must have its WITH at the beginning only');
}

function canCall(name: string): boolean {
  return VALUE_FUNCTIONS.has(name) || (PLACEHOLDERS as readonly string[]).includes(name);
}

function getColumns(select: Select, fail: ReportProblem): string[] {
  const columns = select.columns.flatMap((item) => {
    const { type, alias, expression } = item;
    if (type !== 'selectItem') return [];
    return alias ?? (expression?.type === 'column' ? (getLastName(expression) ?? []) : []);
  });
  if (columns.length < select.columns.length) {
    fail('must name each column of its result: `expression AS name`, and no `*`');
  } else if (!columns.includes('value')) {
    fail(`must yield a column \`value\`; it yields ${columns.join(', ')}`);
  }
  return columns;
}

type ReportReadProblem = (message: string) => void;

/** What stands for the conditions on time and tenant. */
const PLACEHOLDERS = ['in_window', 'in_scope'] as const;
/** Measurements and their roll-ups: what carries a time and a tenant. */
const READABLE_TABLES: ReadonlySet<string> = new Set(
  ROLLUP_DEFINITIONS.flatMap(getTableAndRollupNames),
);

interface TableRead {
  readonly select: Select;
  readonly table: string;
  readonly alias: string;
}

/**
 * Checks that `statement` reads tables of measurements only, each of them limited to window and
 * tenant by the WHERE of the very SELECT that names it.
 *
 * @returns the table behind each alias, in lower case
 */
function checkTableReads(statement: Select, fail: ReportReadProblem): ReadonlyMap<string, string> {
  const reads = collectReads(statement, fail);
  if (reads.length === 0) fail('must read a table of measurements');
  const tables = new Map<string, string>();
  for (const { alias, table } of reads) {
    const known = tables.get(alias);
    if (known !== undefined && known !== table) fail(`\`${alias}\` must not stand for two tables`);
    tables.set(alias, table);
  }
  for (const { select, alias } of reads) {
    const places = splitConjunction(select.where).flatMap(parsePlaceholders);
    const here = reads.filter((read) => read.select === select).length;
    const bare = tables.size === 1 && here === 1;
    for (const place of PLACEHOLDERS) {
      const found = places.some(
        (p) => p.place === place && (p.alias === alias || (bare && p.alias === '')),
      );
      const words = bare ? `${place}()` : `${place}(${alias})`;
      if (!found) fail(`must limit \`${alias}\` by \`${words}\`, joined to its WHERE by AND`);
    }
  }
  return tables;
}

/** A name of WITH hides a table only from what comes after it, so each part knows the ones before. */
function collectReads(statement: Select, fail: ReportReadProblem): TableRead[] {
  const { with: ctes = [], ...main } = statement;
  const known = new Set<string>();
  const reads: TableRead[] = [];
  for (const { name, query } of ctes) {
    reads.push(...toTableReads([...walkNodes(query)].filter(isSelect), known, fail));
    if (READABLE_TABLES.has(name.toLowerCase()))
      fail(`must not give the name of a table, \`${name}\`, to a WITH`);
    known.add(name.toLowerCase());
  }
  reads.push(...toTableReads([...walkNodes(main)].filter(isSelect), known, fail));
  return reads;
}

function toTableReads(
  selects: readonly Select[],
  known: ReadonlySet<string>,
  fail: ReportReadProblem,
): TableRead[] {
  return selects.flatMap((select) =>
    (select.from ?? []).flatMap(getTableRefs).flatMap((ref): TableRead[] => {
      if (ref.table.type !== 'qualifiedName') return [];
      const table = (ref.table.parts ?? []).join('.').toLowerCase();
      if (known.has(table)) return [];
      if (!READABLE_TABLES.has(table)) {
        fail(`must not read \`${table}\`: a rule reads the tables of measurements only`);
        return [];
      }
      return [{ select, table, alias: (ref.alias ?? table).toLowerCase() }];
    }),
  );
}

function parsePlaceholders(expression: Expression): { place: string; alias: string }[] {
  if (expression.type !== 'function') return [];
  const [argument] = expression.args ?? [];
  const alias = argument?.type === 'column' ? (getLastName(argument) ?? '') : '';
  return [{ place: (getLastName(expression) ?? '').toLowerCase(), alias: alias.toLowerCase() }];
}
