import { UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { renderSql, type Sql } from '../../src/storage/sql/sql-builder.ts';

/** Begin and end of Grafana's range, as QuestDB's timestamps. */
export const FROM = '$__timeFrom()::timestamp';
export const TO = '$__timeTo()::timestamp';
/** The interval that Grafana chose: its name, and its length in ms. */
export const INTERVAL = "'$__interval'";
export const INTERVAL_MS = '$__interval_ms';

/**
 * What the value All of a variable becomes. It is not expanded to all names: rows that have none
 * belong to All as well, and ten thousand names make no statement.
 */
export const ALL = "'__all__'";

/** The variables of the dashboards that hold names. */
export type VariableName =
  | 'organization'
  | 'property'
  | 'service'
  | 'environment'
  | 'endpoint'
  | 'queue';

/** The names that a viewer has chosen, each quoted. */
function toSelectedNames(name: VariableName): string {
  return `\${${name}:sqlstring}`;
}

/** Rows whose `column` has one of the chosen names. QuestDB leaves the condition out for All. */
export function toFilter(name: VariableName, column: string): string {
  return `(${ALL} IN (${toSelectedNames(name)}) OR ${column} IN (${toSelectedNames(name)}))`;
}

/** The text of a piece of SQL that has no parameters. */
export function toSqlText(piece: Sql): string {
  const rendered = renderSql(piece, UNRESTRICTED_SCOPE);
  if (!rendered || rendered.params.length > 0) throw new TypeError('a panel binds no parameters');
  return rendered.text;
}

/** `'it''s'`. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
