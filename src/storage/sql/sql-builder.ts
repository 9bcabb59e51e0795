import { isEmptyScope, type TenantScope } from '../../core/tenant-scope.ts';

/** A value that is sent as a bound parameter, never as part of the SQL text. */
export type Param = string | number | boolean | Date;

/** The table of a SELECT. `renderSql` limits it to the rows of a scope. */
export interface TableSource {
  readonly table: string;
  /** Host tables have no tenant columns. */
  readonly scopedBy: 'tenants' | 'hosts';
}

type SqlPart =
  | { readonly text: string }
  | { readonly param: Param }
  | { readonly source: TableSource };

/** A statement or fragment, created with `sql`. */
export interface Sql {
  readonly parts: readonly SqlPart[];
}

/**
 * Creates a statement from a template. Values become bound parameters, and `sql` fragments are
 * inserted. `fromTable(…)` becomes `FROM table WHERE …` with the scope's conditions, so continue
 * with `AND`.
 */
export function sql(
  strings: TemplateStringsArray,
  ...values: readonly (Param | Sql | TableSource)[]
): Sql {
  const parts: SqlPart[] = [];
  strings.forEach((text, i) => {
    parts.push({ text });
    const value = values[i];
    if (value === undefined) return;
    if (typeof value !== 'object' || value instanceof Date) parts.push({ param: value });
    else if ('table' in value) parts.push({ source: value });
    else parts.push(...value.parts);
  });
  return { parts };
}

/** Returns a source for a table whose rows belong to tenants. */
export function fromTable(table: string): TableSource {
  return { table: checkName(table), scopedBy: 'tenants' };
}

/** Returns a source for a table about hosts. */
export function fromHostTable(table: string): TableSource {
  return { table: checkName(table), scopedBy: 'hosts' };
}

/** Inserts the name of a column or alias. The name must not come from a user. */
export function identifier(name: string): Sql {
  return { parts: [{ text: checkName(name) }] };
}

/** Inserts a name as a string literal. `table_partitions()` doesn't accept a bound parameter. */
export function quoteName(name: string): Sql {
  return { parts: [{ text: `'${checkName(name)}'` }] };
}

/** Joins fragments with `separator` between them. */
export function joinSql(fragments: readonly Sql[], separator: string): Sql {
  const parts: SqlPart[] = [];
  for (const [i, fragment] of fragments.entries()) {
    if (i > 0) parts.push({ text: separator });
    parts.push(...fragment.parts);
  }
  return { parts };
}

/**
 * Returns `column IN (…)` with bound values. An empty list matches no row. For one value, returns
 * `column = …`, because QuestDB compiles `=` to machine code, but not `IN` with bound values.
 */
export function inValues(column: string, values: readonly Param[]): Sql {
  const [only] = values;
  if (only === undefined) return sql`1 = 2`;
  if (values.length === 1) return sql`${identifier(column)} = ${only}`;
  const bound = joinSql(
    values.map((value) => sql`${value}`),
    ', ',
  );
  return sql`${identifier(column)} IN (${bound})`;
}

/** Names in filters that select rows without a value, as responses and dashboards show them. */
const NAMES_OF_NONE: ReadonlySet<unknown> = new Set(['(none)', '(no route)', '(no statement)']);

/** Returns whether a filter selects rows without a value. */
export function includesNone(values: readonly Param[]): boolean {
  return values.some((value) => NAMES_OF_NONE.has(value));
}

/** Returns the condition for a filter: `inValues`, but names such as `(none)` match missing values. */
export function matchesNames(column: string, values: readonly Param[]): Sql {
  const names = values.filter((value) => !NAMES_OF_NONE.has(value));
  if (names.length === values.length) return inValues(column, values);
  const isMissing = sql`${identifier(column)} IS NULL`;
  return names.length === 0 ? isMissing : sql`(${isMissing} OR ${inValues(column, names)})`;
}

/**
 * Returns the text and parameters of a statement, limited to the rows that are visible in `scope`.
 *
 * @returns `undefined` if no row of a table in the statement is visible in the scope
 */
export function renderSql(
  statement: Sql,
  scope: TenantScope,
): { text: string; params: Param[] } | undefined {
  const params: Param[] = [];
  const text = renderText(statement, scope, (param) => `$${params.push(param)}`);
  return text === undefined ? undefined : { text, params };
}

/** Returns the names of the tables of a statement. */
export function listTables({ parts }: Sql): string[] {
  return [...new Set(parts.flatMap((part) => ('source' in part ? [part.source.table] : [])))];
}

/**
 * Returns the text of a statement, limited to the rows that are visible in `scope`.
 *
 * @param formatParam returns the text of a bound value
 * @returns `undefined` if no row of a table in the statement is visible in the scope
 */
export function renderText(
  { parts }: Sql,
  scope: TenantScope,
  formatParam: (param: Param) => string,
): string | undefined {
  const texts: string[] = [];
  const write = (part: SqlPart): void => {
    if ('text' in part) texts.push(part.text);
    else if ('param' in part) texts.push(formatParam(part.param));
    else for (const scoped of toScopedFrom(part.source, scope).parts) write(scoped);
  };
  const sources = parts.flatMap((part) => ('source' in part ? [part.source] : []));
  const isHidden = ({ scopedBy }: TableSource) =>
    scopedBy === 'hosts' ? !scope.hosts : isEmptyScope(scope);
  if (sources.some(isHidden)) return undefined;
  for (const part of parts) write(part);
  return texts.join('');
}

function toScopedFrom(
  { table, scopedBy }: TableSource,
  { organizations, properties }: TenantScope,
): Sql {
  const conditions = [sql`1 = 1`];
  if (scopedBy === 'tenants') {
    if (organizations !== 'all') conditions[0] = inValues('organization_id', organizations);
    if (properties !== 'all') conditions.push(inValues('property_id', properties));
  }
  return sql`FROM ${identifier(table)} WHERE ${joinSql(conditions, ' AND ')}`;
}

function checkName(name: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new TypeError(`"${name}" is not a valid SQL name`);
  return name;
}
