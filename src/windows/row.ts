import type { Row } from '../questdb/reader.ts';
import { type RowOf, type Table, toSnakeCase } from '../schema/column.ts';

/** A number of a row; undefined for NULL, which is "nothing reported". */
export function numberOf(value: unknown): number | undefined {
  const number = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Where a measurement comes from, and for whom it was made. */
export function originOf(row: Row) {
  return {
    service: textOf(row.service),
    version: textOf(row.service_version),
    environment: textOf(row.environment),
    instance: textOf(row.instance),
    organizationId: textOf(row.organization_id),
    propertyId: textOf(row.property_id),
    userId: textOf(row.user_id),
  };
}

/** A share in percent; undefined of nothing. */
export function percentOf(part: number, whole: number): number | undefined {
  return whole > 0 ? (100 * part) / whole : undefined;
}

/** A row of `table` as it was written; times in ms since the epoch. */
export function rowOf<T extends Table>(table: T, row: Row): RowOf<T> {
  const entries = Object.entries(table.columns).map(([name, type]) => {
    const value = row[toSnakeCase(name)];
    if (value === null || value === undefined) return [name, undefined];
    return [name, type === 'timestamp' ? (value as Date).getTime() : value];
  });
  const columns = Object.fromEntries(entries) as Omit<RowOf<T>, 'timestamp'>;
  return { ...columns, timestamp: (row.timestamp as Date).getTime() } as RowOf<T>;
}
