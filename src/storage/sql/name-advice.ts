import { findClosestMatch } from '../../core/did-you-mean.ts';
import { ROLLUP_DEFINITIONS } from '../../core/schema/rollup-definitions.ts';
import {
  getTableAndRollupNames,
  parseRollupVersion,
  toCurrentRollupName,
} from '../../core/schema/rollup-names.ts';
import { toSnakeCase } from '../../core/schema/table-definition.ts';
import { MEASUREMENT_TABLES, STATE_TABLES } from '../../core/schema/table-registry.ts';
import { findSqlName } from '../../core/vocabulary.ts';
import { tokenize } from './sql-parser.ts';

const TABLES = [...MEASUREMENT_TABLES, ...STATE_TABLES];

/** Returns the advice for a table that doesn't exist. */
export function getMissingTableAdvice(table: string): string {
  const current = toCurrentRollupName(table);
  const nearest =
    current === table
      ? findClosestMatch(table, [
          ...ROLLUP_DEFINITIONS.flatMap(getTableAndRollupNames),
          ...TABLES.map(({ name }) => name),
        ])
      : current;
  const hint = nearest === undefined ? '' : `Did you mean ${nearest}? `;
  return `${hint}SELECT table_name FROM tables() lists all tables.`;
}

/**
 * Returns the advice for a column that doesn't exist.
 *
 * @param source the statement. The advice is about the tables that it reads.
 */
export function getMissingColumnAdvice(column: string, source: string): string {
  const tables = findTables(source);
  const columns = tables.flatMap(listColumns);
  const sqlName = findSqlName(column);
  const list = formatColumnList(tables);
  if (sqlName !== undefined && (tables.length === 0 || columns.includes(sqlName))) {
    return `In SQL, the name is ${sqlName}.`;
  }
  const nearest = findClosestMatch(column, columns) ?? findRelatedName(column, columns);
  if (nearest !== undefined) return `Did you mean ${nearest}? ${list}`;
  const other = findTableWithColumn(sqlName ?? column.toLowerCase());
  return other === undefined
    ? `Correct the name. ${list}`
    : `${other} has the column ${sqlName ?? column.toLowerCase()}. ${list}`;
}

/** Returns the names of Perfscope's tables and roll-ups after FROM and JOIN. */
function findTables(source: string): string[] {
  const tokens = tokenize(source);
  const names = tokens.flatMap(({ image }, i) =>
    /^(from|join|,)$/i.test(tokens[i - 1]?.image ?? '')
      ? [image.replaceAll(/^["']|["']$/g, '').toLowerCase()]
      : [],
  );
  return [...new Set(names)].filter((name) => listColumns(name).length > 0);
}

/** Returns the columns of a table or a roll-up. Empty if there is no such table. */
function listColumns(name: string): string[] {
  const table = TABLES.find((each) => each.name === name);
  if (table) return ['timestamp', ...Object.keys(table.columns).map(toSnakeCase)];
  for (const { table, units, keys, aggregates, addedIn } of ROLLUP_DEFINITIONS) {
    for (const unit of units) {
      const version = parseRollupVersion(name, table.name, unit);
      if (version === undefined) continue;
      const columns = ['timestamp', ...keys, ...Object.keys(aggregates)];
      return columns.filter((column) => (addedIn[column] ?? 1) <= version);
    }
  }
  return [];
}

/** Returns the only column with more or fewer words: `metric_type` for `type`, `hash` for `key_hash`. */
function findRelatedName(name: string, columns: readonly string[]): string | undefined {
  const lowerName = name.toLowerCase();
  const found = new Set(
    columns.filter((each) => each.endsWith(`_${lowerName}`) || lowerName.endsWith(`_${each}`)),
  );
  return found.size === 1 ? [...found][0] : undefined;
}

function findTableWithColumn(column: string): string | undefined {
  return MEASUREMENT_TABLES.find(({ name }) => listColumns(name).includes(column))?.name;
}

function formatColumnList(tables: readonly string[]): string {
  if (tables.length === 0) {
    return `SELECT "column" FROM table_columns('NAME') lists the columns of the table NAME.`;
  }
  const statements = tables.map((name) => `SELECT "column" FROM table_columns('${name}')`);
  return `${statements.join(' or ')} lists the columns.`;
}
