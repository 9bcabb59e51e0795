import type { RecordedPoint } from './otel-service.ts';

/** Number of buckets per octave that are stored. */
const STORED_SCALE = 3;

/** Columns that some attributes are stored in. All other attributes are in `tags`. */
const COLUMNS: Readonly<Record<string, 'endpoint' | 'operation'>> = {
  'http.route': 'endpoint',
  'http.request.method': 'operation',
};

/** Sums of the rows of one series. */
export interface StoredSeries {
  /** Sum of a counter, and last value of a gauge or an up-down counter. */
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
}

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
 * Returns the number of values up to each bound of a histogram. The keys are the bounds in the stored unit, with six
 * significant digits. Values above the last bound are counted in the bound Infinity.
 */
export function countUpToBounds(point: RecordedPoint): Map<number, number> {
  const counts = point.bucket_counts ?? [];
  const factor = toFactor(point.unit);
  const total = new Map<number, number>();
  let sum = point.zero_count ?? 0;
  for (const [i, count] of counts.entries()) {
    sum += count;
    if (count > 0) total.set(toBound(point, i, factor), sum);
  }
  return total;
}

function toBound({ scale, offset = 0, explicit_bounds }: RecordedPoint, i: number, factor: number) {
  if (explicit_bounds) return roundBound((explicit_bounds[i] ?? Number.POSITIVE_INFINITY) * factor);
  const index = Math.floor((offset + i) / 2 ** Math.max(0, scale! - STORED_SCALE));
  return roundBound(2 ** ((index + 1) / 2 ** Math.min(scale!, STORED_SCALE)) * factor);
}

export function roundBound(bound: number): number {
  return Number(bound.toPrecision(6));
}
