import type { RecordedPoint } from './otel-service.ts';

/** Number of buckets per octave that are stored. */
const STORED_SCALE = 3;

/** Columns that some attributes are stored in. All other attributes are in `tags`. */
const COLUMNS: Readonly<Record<string, 'endpoint' | 'operation'>> = {
  'http.route': 'endpoint',
  'http.request.method': 'operation',
};

/** Returns the text that identifies the series of a point, as {@link toRowKey} does for rows. */
export function toPointKey({ name, attributes }: RecordedPoint): string {
  const columns: Record<string, string> = {};
  const tags: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(attributes)) {
    const column = COLUMNS[key];
    if (column) columns[column] = String(value);
    else tags[key] = value;
  }
  return toRowKey(name, columns.endpoint, columns.operation, tags);
}

/** @param tags the column `tags`, or its parsed value */
export function toRowKey(
  name: unknown,
  endpoint: unknown,
  operation: unknown,
  tags: unknown,
): string {
  const parsed = typeof tags === 'string' ? JSON.parse(tags) : (tags ?? {});
  const sorted = Object.entries(parsed).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, endpoint ?? '', operation ?? '', sorted]);
}

/** Values in seconds are stored in milliseconds. */
export function toFactor(unit: string): number {
  return unit === 's' ? 1000 : 1;
}

/**
 * Returns the number of values up to each bound of a histogram, except values above the last bound. Bounds are in the
 * stored unit.
 */
export function countUpToBounds(point: RecordedPoint): [bound: number, count: number][] {
  const { bucket_counts = [], zero_count = 0 } = point;
  const factor = toFactor(point.unit);
  let sum = zero_count;
  return bucket_counts
    .map((count, i): [number, number] => {
      sum += count;
      return [toBound(point, i) * factor, sum];
    })
    .filter(([bound]) => bound < Number.POSITIVE_INFINITY);
}

function toBound({ scale = 0, offset = 0, explicit_bounds }: RecordedPoint, i: number): number {
  if (explicit_bounds) return explicit_bounds[i] ?? Number.POSITIVE_INFINITY;
  return 2 ** ((offset + i + 1) / 2 ** scale);
}

/** Returns the number of values in stored buckets up to a bound. */
export function sumUpTo(
  buckets: readonly (readonly [bound: number, count: number])[],
  bound: number,
): number {
  // Bounds are rounded when they are computed.
  const included = buckets.filter(([upper]) => upper <= bound * (1 + 1e-9));
  return included.reduce((sum, [, count]) => sum + count, 0);
}

/** Returns whether a bound of an exponential histogram is also a stored bound. */
export function isStoredBound(bound: number): boolean {
  const index = Math.log2(bound) * 2 ** STORED_SCALE;
  return Math.abs(index - Math.round(index)) < 1e-6;
}
