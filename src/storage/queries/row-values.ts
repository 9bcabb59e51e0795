import { type InferRow, type Table, toSnakeCase } from '../../core/schema/table-definition.ts';
import type { Row } from '../questdb/postgres-wire-reader.ts';

/** Returns a number from a row; `undefined` for NULL, which means that nothing was reported. */
export function toNumber(value: unknown): number | undefined {
  const number = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Returns the process, tenant, and user of a measurement. */
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

/** Returns a share in percent; `undefined` if `total` is 0. */
export function computePercent(part: number, total: number): number | undefined {
  return total > 0 ? (100 * part) / total : undefined;
}

/** Converts a result row to a row of `table`. Times are in ms since the epoch. */
export function toTableRow<T extends Table>(table: T, row: Row): InferRow<T> {
  const entries = Object.entries(table.columns).map(([name, type]) => {
    const value = row[toSnakeCase(name)];
    if (value === null || value === undefined) return [name, undefined];
    return [name, type === 'timestamp' ? (value as Date).getTime() : value];
  });
  const columns = Object.fromEntries(entries) as Omit<InferRow<T>, 'timestamp'>;
  return { ...columns, timestamp: (row.timestamp as Date).getTime() } as InferRow<T>;
}
