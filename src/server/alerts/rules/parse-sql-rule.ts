import { createHash } from 'node:crypto';
import { findClosestMatch } from '../../../core/did-you-mean.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import { ROLLUP_DEFINITIONS } from '../../../core/schema/rollup-definitions.ts';
import { getTableAndRollupNames, toCurrentRollupName } from '../../../core/schema/rollup-names.ts';
import { toReadOnlySql, VALUE_FUNCTIONS } from '../../../storage/sql/check-user-sql.ts';
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

/** The SQL that replaces `in_window(…)` and `in_scope(…)`. */
interface SqlPlaceholders {
  /** Returns the condition on `timestamp`. `prefix` is `q.` for the alias `q`, or empty. */
  readonly window: (table: string, prefix: string) => string;
  /** Returns the condition on the tenant columns. */
  readonly scope: (table: string, prefix: string) => string;
}

/** A checked SELECT with placeholders. */
export interface SqlRule {
  /** Result columns other than `value`, `count`, and `newest`. */
  readonly labelNames: readonly string[];
  /** Returns the statement to run, with its placeholders replaced. */
  readonly bind: (placeholders: SqlPlaceholders) => string;
}

/** Result columns that aren't labels. */
const VALUE_COLUMNS: ReadonlySet<string> = new Set(['value', 'count', 'newest']);
/** Matches strings and quoted names, which are skipped, and names. */
const NAME_PATTERN = /'(?:[^']|'')*'|"[^"]*"|\b[a-z_]\w*\b/gi;
/** Matches strings and quoted names, which are skipped, and placeholders. */
const PLACEHOLDER_PATTERN = /'(?:[^']|'')*'|"[^"]*"|\bin_(window|scope)\s*\(\s*([\w]*)\s*\)/gi;

/**
 * Results of `checkSelect` for the built-in rules, by the SHA-256 of their text. A server without other SQL rules then
 * doesn't load the parser, which takes 40 MB and a second of CPU time.
 */
const BUILT_IN_STATEMENTS: ReadonlyMap<string, Omit<CheckedSelect, 'text'>> = new Map([
  // coverage-lost
  [
    '21a00c75b1f950ac26b910cc386e96c26f7174e1f39adc40d446de1740bc0598',
    {
      columns: [
        ...['service', 'library', 'libraryVersion', 'version', 'previousVersion', 'reason'],
        'value',
      ],
      tables: new Map([['performance_metrics', 'performance_metrics']]),
    },
  ],
]);

/** Returns the known result for a statement of a built-in rule. Its text runs unchanged. */
export function findBuiltInStatement(text: string): CheckedSelect | undefined {
  const known = BUILT_IN_STATEMENTS.get(createHash('sha256').update(text).digest('hex'));
  return known && { text, ...known };
}

/** Parses the text of a SQL rule. Returns `undefined` after reporting problems. */
export function parseSqlRule(text: string, report: ReportSqlProblem): SqlRule | undefined {
  const checked = findBuiltInStatement(text) ?? checkSelect(text, report);
  if (!checked) return undefined;
  const { columns, tables } = checked;
  const statement = checked.text.replace(NAME_PATTERN, toCurrentRollupName);
  const onlyAlias = tables.size === 1 ? [...tables.keys()][0] : undefined;
  return {
    labelNames: columns.filter((column) => !VALUE_COLUMNS.has(column)),
    bind: ({ window, scope }) =>
      statement.replace(PLACEHOLDER_PATTERN, (match, kind?: string, argument?: string) => {
        if (kind === undefined) return match;
        const alias = (argument || onlyAlias || '').toLowerCase();
        const prefix = argument ? `${argument}.` : '';
        const toCondition = kind.toLowerCase() === 'window' ? window : scope;
        return `(${toCondition(tables.get(alias) ?? alias, prefix)})`;
      }),
  };
}

/** A valid SELECT with its result columns and tables. */
export interface CheckedSelect {
  /** The statement as Perfscope parsed it, or the text of a built-in rule. This is the text that runs. */
  readonly text: string;
  /** Names of the result columns. */
  readonly columns: readonly string[];
  /** Table name by alias or table name, in lower case. */
  readonly tables: ReadonlyMap<string, string>;
}

type ReportSqlProblem = (message: string) => void;

/**
 * Checks that `sql` is exactly one SELECT with a result column `value`. The SELECT can read only
 * measurement tables, must limit each of them to the window and the tenant, and can call only safe
 * functions.
 */
export function checkSelect(sql: string, report: ReportSqlProblem): CheckedSelect | undefined {
  let isValid = true;
  const reportProblem: ReportSqlProblem = (message) => {
    isValid = false;
    report(message);
  };
  const statement = parseSelect(sql, reportProblem);
  if (!statement) return undefined;
  checkNodes(statement, reportProblem);
  const tables = checkTableReads(statement, reportProblem);
  const columns = getColumns(statement, reportProblem);
  const text = isValid ? checkReadOnly(sql, reportProblem) : undefined;
  return text === undefined ? undefined : { text, columns, tables };
}

/** Runs the checks for all SQL from users. */
function checkReadOnly(sql: string, report: ReportSqlProblem): string | undefined {
  try {
    return toReadOnlySql(sql, PLACEHOLDERS);
  } catch (error) {
    report(`can't be used: ${errorMessage(error)}`);
    return undefined;
  }
}

function parseSelect(sql: string, report: ReportSqlProblem): Select | undefined {
  const { ast, errors } = parseSql(sql);
  const [error] = errors;
  if (error) {
    const at = error.line === undefined ? '' : ` (line ${error.line} of the statement)`;
    const [reason = ''] = error.message.split('\n', 1);
    report(`is not valid QuestDB SQL${at}: ${reason.slice(0, 200)}`);
    return undefined;
  }
  const [statement, ...others] = ast;
  if (isSelect(statement) && others.length === 0) return statement;
  const found = ast.map((s) => s.type).join(' and ') || 'nothing';
  report(`must be exactly one SELECT, but is ${found}`);
  return undefined;
}

function checkNodes(statement: Select, report: ReportSqlProblem): void {
  for (const node of walkNodes(statement)) {
    const name = getLastName(node as Expression) ?? '';
    const forbidden = node.type === 'function' && !canCall(name.toLowerCase());
    if (node.type === 'tableFunctionCall' || forbidden) {
      report(`must not call \`${name}\`: a rule can only read measurement tables`);
    } else if (node.type === 'variable') {
      report(`must not use \`${name}\`: a rule has no parameters`);
    } else if (node.type === 'show') {
      report('must not contain SHOW');
    }
  }
  const [, ...nested] = [...walkNodes(statement)].filter(isSelect);
  if (statement.declare || nested.some((select) => select.declare))
    report('must not contain DECLARE');
  if (nested.some((select) => select.with)) report('must contain WITH only at the beginning');
}

function canCall(name: string): boolean {
  return VALUE_FUNCTIONS.has(name) || (PLACEHOLDERS as readonly string[]).includes(name);
}

function getColumns(select: Select, report: ReportSqlProblem): string[] {
  const columns = select.columns.flatMap((item) => {
    const { type, alias, expression } = item;
    if (type !== 'selectItem') return [];
    return alias ?? (expression?.type === 'column' ? (getLastName(expression) ?? []) : []);
  });
  if (columns.length < select.columns.length) {
    report('must name each result column (`expression AS name`) and not use `*`');
  } else if (!columns.includes('value')) {
    report(`must return a column \`value\`; it returns ${columns.join(', ')}`);
  }
  return columns;
}

/** The measurement tables, for messages. */
const MEASUREMENT_TABLES = ROLLUP_DEFINITIONS.map(({ table }) => `\`${table.name}\``).join(', ');
/** Functions that are replaced by the conditions on time and tenant. */
const PLACEHOLDERS = ['in_window', 'in_scope'] as const;
/**
 * Measurement tables and their roll-ups, with and without a version. Their rows have a time and a tenant.
 */
const READABLE_TABLES: ReadonlySet<string> = new Set(
  ROLLUP_DEFINITIONS.flatMap((definition) => [
    ...getTableAndRollupNames(definition),
    ...definition.units.map((unit) => `${definition.table.name}_${unit}`),
  ]),
);

interface TableRead {
  readonly select: Select;
  readonly table: string;
  readonly alias: string;
}

/**
 * Checks that `statement` reads only measurement tables. The WHERE of the SELECT that reads a table
 * must limit it to the window and the tenant.
 *
 * @returns table name by alias, in lower case
 */
function checkTableReads(statement: Select, report: ReportSqlProblem): ReadonlyMap<string, string> {
  const reads = collectReads(statement, report);
  if (reads.length === 0) report('must read a measurement table');
  const tables = new Map<string, string>();
  for (const { alias, table } of reads) {
    const known = tables.get(alias);
    if (known !== undefined && known !== table)
      report(`must not use the alias \`${alias}\` for two tables`);
    tables.set(alias, table);
  }
  for (const { select, alias } of reads) {
    const found = splitConjunction(select.where).flatMap(parsePlaceholders);
    const tableCount = reads.filter((read) => read.select === select).length;
    const canOmitAlias = tables.size === 1 && tableCount === 1;
    for (const name of PLACEHOLDERS) {
      const isLimited = found.some(
        (p) => p.name === name && (p.alias === alias || (canOmitAlias && p.alias === '')),
      );
      const call = canOmitAlias ? `${name}()` : `${name}(${alias})`;
      if (!isLimited) report(`must limit \`${alias}\` with \`AND ${call}\` in its WHERE`);
    }
  }
  return tables;
}

/**
 * Collects all table reads. A WITH name hides a table only in the parts of the statement after the
 * name.
 */
function collectReads(statement: Select, report: ReportSqlProblem): TableRead[] {
  const { with: ctes = [], ...main } = statement;
  const known = new Set<string>();
  const reads: TableRead[] = [];
  for (const { name, query } of ctes) {
    reads.push(...toTableReads([...walkNodes(query)].filter(isSelect), known, report));
    if (READABLE_TABLES.has(name.toLowerCase()))
      report(`must not use the table name \`${name}\` as a WITH name`);
    known.add(name.toLowerCase());
  }
  reads.push(...toTableReads([...walkNodes(main)].filter(isSelect), known, report));
  return reads;
}

function toTableReads(
  selects: readonly Select[],
  known: ReadonlySet<string>,
  report: ReportSqlProblem,
): TableRead[] {
  return selects.flatMap((select) =>
    (select.from ?? []).flatMap(getTableRefs).flatMap((ref): TableRead[] => {
      if (ref.table.type !== 'qualifiedName') return [];
      const table = (ref.table.parts ?? []).join('.').toLowerCase();
      if (known.has(table)) return [];
      if (!READABLE_TABLES.has(table)) {
        const closest = findClosestMatch(table, [...READABLE_TABLES]);
        const advice =
          closest === undefined
            ? `a rule can only read ${MEASUREMENT_TABLES}, and their roll-ups`
            : `did you mean \`${closest}\`?`;
        report(`must not read \`${table}\`; ${advice}`);
        return [];
      }
      return [{ select, table, alias: (ref.alias ?? table).toLowerCase() }];
    }),
  );
}

function parsePlaceholders(expression: Expression): { name: string; alias: string }[] {
  if (expression.type !== 'function') return [];
  const [argument] = expression.args ?? [];
  const alias = argument?.type === 'column' ? (getLastName(argument) ?? '') : '';
  return [{ name: (getLastName(expression) ?? '').toLowerCase(), alias: alias.toLowerCase() }];
}
