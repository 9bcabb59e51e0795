import { UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { renderSql, type Sql } from '../../src/storage/sql/sql-builder.ts';

/** Start and end of the dashboard's time range, as QuestDB timestamps. */
export const FROM = '$__timeFrom()::timestamp';
export const TO = '$__timeTo()::timestamp';
/** The interval that Grafana selected: its name, and its length in ms. */
export const INTERVAL = "'$__interval'";
export const INTERVAL_MS = '$__interval_ms';

/**
 * Value of a variable if All is selected. Grafana doesn't replace All with a list of all names. The list
 * would exclude rows without a name, and 10,000 names are too long for a statement.
 */
export const ALL = "'__all__'";

/** Dashboard variables that filter by name. */
export type VariableName =
  | 'organization'
  | 'property'
  | 'service'
  | 'environment'
  | 'endpoint'
  | 'queue';

/** Returns the selected names, each in quotes. */
function toSelectedNames(name: VariableName): string {
  return `\${${name}:sqlstring}`;
}

/** Name of rows without a value in lists and tables, and value of a filter that selects these rows. */
const NONE = '(none)';

/** Variables whose columns can be empty. Their filters can select the rows without a name. */
export const CAN_BE_EMPTY: ReadonlySet<string> = new Set(['organization', 'property', 'endpoint']);

/** Returns a condition for rows whose `column` has a selected name. For All, QuestDB drops the condition. */
export function toFilter(name: VariableName, column: string): string {
  const selected = toSelectedNames(name);
  const isNone = `(${quote(NONE)} IN (${selected}) AND ${column} IS NULL)`;
  const alternatives = [
    `${ALL} IN (${selected})`,
    `${column} IN (${selected})`,
    ...(CAN_BE_EMPTY.has(name) ? [isNone] : []),
  ];
  return `(${alternatives.join(' OR ')})`;
}

/** Service name of Perfscope's server. */
const OWN_SERVICE = 'perfscope';

/** Condition that excludes Perfscope's own measurements, except if the user selects its service. */
export const IS_NOT_OWN = `(${ALL} NOT IN (${toSelectedNames('service')}) OR service != ${quote(OWN_SERVICE)})`;

/** Returns an expression for a column's name in a list or a table. */
export function toName(column: string): string {
  return `coalesce(${column}, ${quote(NONE)})`;
}

/**
 * Renders SQL without parameters.
 *
 * @throws TypeError if the SQL has parameters
 */
export function toSqlText(sql: Sql): string {
  const rendered = renderSql(sql, UNRESTRICTED_SCOPE);
  if (!rendered || rendered.params.length > 0)
    throw new TypeError('SQL of a panel must not have parameters');
  return rendered.text;
}

/** Returns an SQL string literal, for example `'it''s'`. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
