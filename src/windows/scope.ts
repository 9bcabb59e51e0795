import type { Param, Query, Row } from '../questdb/reader.ts';
import type { Range } from './range.ts';

/**
 * Runs `select` on a table, limited to the range, its tenant and, unless asked for, to rows that
 * are no test's. Every figure goes through here. `rest` follows the conditions; parameters of
 * `params` are numbered from $1, so those of the scope come after them.
 */
export function scoped(
  query: Query,
  range: Range,
  select: string,
  params: readonly Param[],
  rest = '',
): Promise<Row[]> {
  const all: Param[] = [...params];
  const bind = (value: Param) => `$${all.push(value)}`;
  const conditions = [`timestamp >= ${bind(range.from)}`, `timestamp < ${bind(range.to)}`];
  if (range.organizationId !== undefined) {
    conditions.push(`organization_id = ${bind(range.organizationId)}`);
  }
  if (range.propertyId !== undefined) conditions.push(`property_id = ${bind(range.propertyId)}`);
  if (!range.includeTest) conditions.push('test = false');
  return query(`${select} AND ${conditions.join(' AND ')} ${rest}`, all);
}

/** A number of a row; undefined for NULL, which is "nothing reported". */
export function numberOf(value: unknown): number | undefined {
  const number = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
