import { isEmptyScope, type TenantScope } from '../../core/tenant-scope.ts';

/** A value that is bound, never written into the text. */
export type Param = string | number | boolean | Date;

/** What a SELECT reads from; the reader limits it to a scope. */
export interface TableSource {
  readonly table: string;
  /** Rows about hosts carry no tenant. */
  readonly scopedBy: 'tenants' | 'hosts';
}

type SqlPart =
  | { readonly text: string }
  | { readonly param: Param }
  | { readonly source: TableSource };

/** A statement, or a piece of one, made by `sql`. */
export interface Sql {
  readonly parts: readonly SqlPart[];
}

/**
 * Makes a statement from a template. Values become bound parameters, pieces of `sql` are put in,
 * and a `from(…)` becomes `FROM table WHERE …` with the conditions of the reader's scope, so that the
 * template goes on with `AND`.
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

/** Rows of a table that carry a tenant. */
export function fromTable(table: string): TableSource {
  return { table: checkName(table), scopedBy: 'tenants' };
}

/** Rows of a table that is about hosts. */
export function fromHostTable(table: string): TableSource {
  return { table: checkName(table), scopedBy: 'hosts' };
}

/** The name of a column or alias that the code, not a user, has chosen. */
export function identifier(name: string): Sql {
  return { parts: [{ text: checkName(name) }] };
}

/** The same as a text: functions that list a table's parts take no parameter. */
export function quoteName(name: string): Sql {
  return { parts: [{ text: `'${checkName(name)}'` }] };
}

/** Pieces with `separator` between them. */
export function joinSql(pieces: readonly Sql[], separator: string): Sql {
  const parts: SqlPart[] = [];
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) parts.push({ text: separator });
    parts.push(...piece.parts);
  }
  return { parts };
}

/**
 * `column IN (…)` with bound values; nothing matches an empty list. QuestDB compiles a comparison with
 * one bound value to machine code, which it does not do for a list.
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

/** @returns text and parameters for the database; undefined when the scope shows nothing of it */
export function renderSql(
  { parts }: Sql,
  scope: TenantScope,
): { text: string; params: Param[] } | undefined {
  const params: Param[] = [];
  const pieces: string[] = [];
  const write = (part: SqlPart): void => {
    if ('text' in part) pieces.push(part.text);
    else if ('param' in part) pieces.push(`$${params.push(part.param)}`);
    else for (const piece of scopeSource(part.source, scope).parts) write(piece);
  };
  const sources = parts.flatMap((part) => ('source' in part ? [part.source] : []));
  const hidden = ({ scopedBy: of }: TableSource) =>
    of === 'hosts' ? !scope.hosts : isEmptyScope(scope);
  if (sources.some(hidden)) return undefined;
  for (const part of parts) write(part);
  return { text: pieces.join(''), params };
}

function scopeSource(
  { table, scopedBy: of }: TableSource,
  { organizations, properties }: TenantScope,
): Sql {
  const conditions = [sql`1 = 1`];
  if (of === 'tenants') {
    if (organizations !== 'all') conditions[0] = inValues('organization_id', organizations);
    if (properties !== 'all') conditions.push(inValues('property_id', properties));
  }
  return sql`FROM ${identifier(table)} WHERE ${joinSql(conditions, ' AND ')}`;
}

function checkName(name: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new TypeError(`${name} is not a name of the schema`);
  return name;
}
