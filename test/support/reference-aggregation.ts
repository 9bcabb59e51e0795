import { DateTime } from 'luxon';
import { DAY_MS } from '../../src/core/duration.ts';
import type { Dimension, Query } from '../../src/storage/queries/query.ts';

/** What all rows of a sample share. */
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

/** The rows of each group and bucket of time that a question asks for, looked at one by one. */
export function groupRows<T>(
  items: readonly T[],
  question: Query,
  rowOf: (item: T) => CommonRow,
  own: (item: T) => Partial<Record<Dimension, string | undefined>>,
): Map<string, T[]> {
  const { range, scope, filter = {}, groupBy = [], step, includeTest } = question;
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const row = rowOf(item);
    const names = toDimensions(row, own(item));
    if (row.timestamp < range.fromMs || row.timestamp >= range.toMs) continue;
    if (row.test && !includeTest) continue;
    if (!isAllowed(scope.organizations, row.organizationId)) continue;
    if (!isAllowed(scope.properties, row.propertyId)) continue;
    const asked = Object.entries(filter) as [Dimension, readonly string[]][];
    if (asked.some(([name, values]) => !values.includes(names[name] ?? ''))) continue;
    const group = Object.fromEntries(groupBy.map((name) => [name, names[name]]));
    const at = step && getBucketStart(row.timestamp, step);
    const key = JSON.stringify([group, at]);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

function toDimensions(row: CommonRow, own: Partial<Record<Dimension, string | undefined>>) {
  return {
    service: row.service,
    version: row.serviceVersion,
    environment: row.environment,
    instance: row.instance,
    organization: row.organizationId,
    property: row.propertyId,
    ...own,
  } as Partial<Record<Dimension, string | undefined>>;
}

function isAllowed(names: 'all' | readonly string[], name: string | undefined): boolean {
  return names === 'all' || (name !== undefined && names.includes(name));
}

function getBucketStart(ms: number, { ms: length, zone }: { ms: number; zone: string }): number {
  const unit = length === DAY_MS ? 'day' : length === 3_600_000 ? 'hour' : 'minute';
  return DateTime.fromMillis(ms, { zone }).startOf(unit).toMillis();
}

/** The value that the share `q` of `values` does not exceed. */
export function computeExactPercentile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

export function sumBy<T>(items: readonly T[], of: (item: T) => number | undefined): number {
  return items.reduce((sum, item) => sum + (of(item) ?? 0), 0);
}
