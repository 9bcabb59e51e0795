import { DateTime } from 'luxon';
import { DAY_MS } from '../../src/core/duration.ts';
import type { Dimension, Query } from '../../src/storage/queries/query-definition.ts';

/** Columns that all row types share. */
interface CommonRow {
  timestamp: number;
  test?: boolean | undefined;
  service?: string | undefined;
  serviceVersion?: string | undefined;
  environment?: string | undefined;
  instance?: string | undefined;
  organizationId?: string | undefined;
  propertyId?: string | undefined;
}

/**
 * Groups rows by the query's dimensions and time interval, one row at a time, as a reference for the SQL queries.
 *
 * @param getRow returns an item's row
 * @param getDimensions returns the dimensions that are not in `CommonRow`
 */
export function groupRows<T>(
  items: readonly T[],
  query: Query,
  getRow: (item: T) => CommonRow,
  getDimensions: (item: T) => Partial<Record<Dimension, string | undefined>>,
): Map<string, T[]> {
  const { range, scope, filter = {}, groupBy = [], step, includeTest } = query;
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const row = getRow(item);
    const names = toDimensions(row, getDimensions(item));
    if (row.timestamp < range.fromMs || row.timestamp >= range.toMs) continue;
    if (row.test && !includeTest) continue;
    if (!isAllowed(scope.organizations, row.organizationId)) continue;
    if (!isAllowed(scope.properties, row.propertyId)) continue;
    const conditions = Object.entries(filter) as [Dimension, readonly string[]][];
    if (conditions.some(([name, values]) => !values.includes(names[name] ?? ''))) continue;
    const group = Object.fromEntries(groupBy.map((name) => [name, names[name]]));
    const startMs = step && getBucketStart(row.timestamp, step);
    const key = JSON.stringify([group, startMs]);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

function toDimensions(row: CommonRow, more: Partial<Record<Dimension, string | undefined>>) {
  return {
    service: row.service,
    version: row.serviceVersion,
    environment: row.environment,
    instance: row.instance,
    organization: row.organizationId,
    property: row.propertyId,
    ...more,
  } as Partial<Record<Dimension, string | undefined>>;
}

function isAllowed(names: 'all' | readonly string[], name: string | undefined): boolean {
  return names === 'all' || (name !== undefined && names.includes(name));
}

function getBucketStart(ms: number, { ms: length, zone }: { ms: number; zone: string }): number {
  const unit = length === DAY_MS ? 'day' : length === 3_600_000 ? 'hour' : 'minute';
  return DateTime.fromMillis(ms, { zone }).startOf(unit).toMillis();
}

/** Returns the smallest value that is greater than or equal to the share `q` of all values. */
export function computeExactPercentile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

export function sumBy<T>(items: readonly T[], getValue: (item: T) => number | undefined): number {
  return items.reduce((sum, item) => sum + (getValue(item) ?? 0), 0);
}
