import { type InferRow, type Table, toSnakeCase } from '../../core/schema/table-definition.ts';
import type { Row } from '../questdb/questdb-reader.ts';

/** A number of a row; undefined for NULL, which is "nothing reported". */
export function toNumber(value: unknown): number | undefined {
  const number = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Where a measurement comes from, and for whom it was made. */
export function toOrigin(row: Row) {
  return {
    service: toText(row.service),
    version: toText(row.service_version),
    environment: toText(row.environment),
    instance: toText(row.instance),
    organizationId: toText(row.organization_id),
    propertyId: toText(row.property_id),
    userId: toText(row.user_id),
  };
}

/** A share in percent; undefined of nothing. */
export function computePercent(part: number, whole: number): number | undefined {
  return whole > 0 ? (100 * part) / whole : undefined;
}

/** A row of `table` as it was written; times in ms since the epoch. */
export function toTableRow<T extends Table>(table: T, row: Row): InferRow<T> {
  const entries = Object.entries(table.columns).map(([name, type]) => {
    const value = row[toSnakeCase(name)];
    if (value === null || value === undefined) return [name, undefined];
    return [name, type === 'timestamp' ? (value as Date).getTime() : value];
  });
  const columns = Object.fromEntries(entries) as Omit<InferRow<T>, 'timestamp'>;
  return { ...columns, timestamp: (row.timestamp as Date).getTime() } as InferRow<T>;
}
